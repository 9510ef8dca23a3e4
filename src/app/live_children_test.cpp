#include "app/live_children.h"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(LiveChildren, OnlyASandboxedChildOfAnotherUserIsNotTakenForTheServer) {
  for (const bool sandboxed : {false, true}) {
    for (const bool as_server : {false, true}) {
      for (const bool another_user : {false, true}) {
        proc::LaunchSpec spec;
        if (sandboxed) spec.sandbox = proc::Sandbox{};
        spec.as_server = as_server;
        EXPECT_EQ(runs_as_own_user(spec, another_user), !(sandboxed && !as_server && another_user));
      }
    }
  }
}

}  // namespace
}  // namespace millrace::app
