// The small engines beneath the shell: line cutter, the search for commands.

#include <gtest/gtest.h>

#include "sagemaker/jobs/log_follower.h"
#include "sagemaker/jobs/sandbox.h"

namespace millrace::sagemaker {
namespace {

TEST(LineCutter, AnyCutOfTheBytesGivesTheSameLines) {
  const std::string text = "one\r\n\ntwo\nthree " + std::string(LineCutter::kMaxLine, 'x') + "\nlast";
  std::vector<std::string> whole;
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    std::vector<std::string> lines;
    const auto take = [&](std::string_view line) { lines.emplace_back(line); };
    LineCutter cutter;
    for (std::size_t at = 0; at < text.size(); at += piece) cutter.add(std::string_view(text).substr(at, piece), take);
    cutter.end(take);
    if (whole.empty()) whole = lines;
    EXPECT_EQ(lines, whole);
  }
  ASSERT_EQ(whole.size(), 5u);
  EXPECT_EQ(whole[0], "one");
  EXPECT_EQ(whole[2].size(), LineCutter::kMaxLine);
  EXPECT_EQ(whole[3], "xxxxxx");
  EXPECT_EQ(whole[4], "last");
}

TEST(Sandbox, CommandsAreFoundOnThePath) {
  EXPECT_EQ(find_command("sh", "/nowhere:/bin"), "/bin/sh");
  EXPECT_EQ(find_command("/bin/sh", ""), "/bin/sh");
  EXPECT_EQ(find_command("no-such-command", "/bin"), "");
  EXPECT_EQ(find_command("/etc/passwd", ""), "");  // not executable
}

}  // namespace
}  // namespace millrace::sagemaker
