#include "app/options.h"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(Options, ListenIsAnAddressAndAPort) {
  struct Case {
    const char* text;
    const char* address;  // nullptr: refused
    int port;
  };
  for (const Case& c : std::initializer_list<Case>{{"127.0.0.1:8080", "127.0.0.1", 8080},
                                                   {":0", "127.0.0.1", 0},
                                                   {"localhost:1", "127.0.0.1", 1},
                                                   {"[::1]:9000", "::1", 9000},
                                                   {"8080", nullptr, 0},
                                                   {"127.0.0.1:70000", nullptr, 0},
                                                   {"example.com:80", nullptr, 0},
                                                   {"127.0.0.1:", nullptr, 0}}) {
    ServeOptions options;
    const auto status = parse_listen(c.text, options);
    EXPECT_EQ(status.has_value(), c.address != nullptr) << c.text;
    if (status && c.address != nullptr) {
      EXPECT_EQ(options.address, c.address);
      EXPECT_EQ(options.port, c.port);
    }
  }
}

}  // namespace
}  // namespace millrace::app
