#include "pipelines/executors/failure.h"

#include <gtest/gtest.h>

namespace millrace::pipelines::executors {
namespace {

TEST(FindCause, IsTheExceptionOfATraceback) {
  struct Case {
    const char *log, *cause;
  };
  const Case cases[] = {
      {"", ""},
      {"one\ntwo\n\n", "two"},
      {"Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    f()\n    ~^^\nValueError: "
       "no\nstep 1 done\n",
       "ValueError: no"},
      // the one that ended it
      {"Traceback (most recent call last):\n  File \"x.py\"\nKeyError: 'a'\n\nThe above exception was the direct cause "
       "of the following exception:\n\nTraceback (most recent call last):\n  File \"x.py\"\nRuntimeError: b\n",
       "RuntimeError: b"},
      {"Traceback (most recent call last):\n  File \"x.py\"\nmy.Error:\nwith its words here\n",
       "my.Error: with its words here"},
      {"Traceback (most recent call last):\n  File \"x.py\"\nKeyboardInterrupt\n", "KeyboardInterrupt"},
      {"  + Exception Group Traceback (most recent call last):\n  |   File \"x.py\", line 1\n  |     f()\n"
       "  | ExceptionGroup: two of them (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | "
       "ValueError: a\n"
       "    +------------------------------------\n",
       "ExceptionGroup: two of them (2 sub-exceptions)"},
      // of the program text itself there is no traceback
      {"  File \"<string>\", line 1\n    x =\n       ^\nSyntaxError: invalid syntax\n", "SyntaxError: invalid syntax"},
      // cut off in the middle
      {"it is said later\nTraceback (most recent call last):\n  File \"x.py\"\n", "File \"x.py\""},
      {"\x1b[31mred\x1b[0m\n", " [31mred [0m"},
      {"\377\376\n", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(find_cause(c.log), c.cause) << c.log;
}

}  // namespace
}  // namespace millrace::pipelines::executors
