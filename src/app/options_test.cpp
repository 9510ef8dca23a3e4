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

TEST(Options, LoopbackIsAWholeAddress) {
  for (const char* own : {"localhost", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(own)) << own;
  for (const char* other :
       {"", "127.", "127.evil", "127.0.0.1.evil.example", "0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1"})
    EXPECT_FALSE(is_loopback(other)) << other;
}

TEST(Options, AnImageIsANameAndADirectory) {
  ServeOptions options;
  ASSERT_TRUE(add_image("example.com:5000/adds:1=/srv/a=b/", options));
  EXPECT_EQ(options.images.at("example.com:5000/adds:1"), "/srv/a=b");
  ASSERT_TRUE(add_image("adds=components/.", options));
  EXPECT_EQ(options.images.at("adds"), std::filesystem::current_path() / "components");
  for (const char* wrong : {"adds", "=dir", "a b=dir", "adds2=", ""}) {
    const Status status = add_image(wrong, options);
    ASSERT_FALSE(status) << wrong;
    EXPECT_NE(status.error().message.find("is not NAME=DIRECTORY"), std::string::npos) << status.error().message;
  }
  const Status twice = add_image("adds=/elsewhere", options);
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("the image is given twice"), std::string::npos);
  EXPECT_EQ(options.images.size(), 2u);
}

}  // namespace
}  // namespace millrace::app
