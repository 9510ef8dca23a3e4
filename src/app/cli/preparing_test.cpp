#include "app/cli/preparing.h"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(CliPreparing, ATaskIsReadyWhenWhatItDependsOnHasEnded) {
  TaskLine task;
  task.state = "PENDING";
  task.attempt = 1;
  task.depends_on = {"root/a", "root/gone"};
  EXPECT_TRUE(is_ready(task, {{"root/a", "SUCCEEDED"}}));
  EXPECT_FALSE(is_ready(task, {{"root/a", "RUNNING"}}));
  task.attempt = 0;
  EXPECT_FALSE(is_ready(task, {}));
  task.attempt = 1;
  task.state = "RUNNING";
  EXPECT_FALSE(is_ready(task, {}));
}

TEST(CliPreparing, TheLastLineIsThatOfThePresentMoment) {
  EXPECT_EQ(last_line("Making it\nCollecting kfp\n\n"), "Collecting kfp");
  EXPECT_EQ(last_line("  10%\r\x1b[2K"), "10%");
  EXPECT_EQ(last_line(""), "");
}

}  // namespace
}  // namespace millrace::app
