#include "base/terminal_text.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

using namespace std::string_literals;

struct Case {
  const char* name;
  std::string in, out;
};

const Case kCases[] = {
    {"plain", "hello, world", "hello, world"},
    {"empty", "", ""},
    {"UTF-8", "größe 漢字 😀", "größe 漢字 😀"},
    {"newline and tab", "a\tb\nc", "a\tb\nc"},
    {"colour", "\x1b[31mred\x1b[0m", "red"},
    {"cursor and erase", "a\x1b[2J\x1b[H\x1b[1;1Hb\x1b[?25l", "ab"},
    {"private CSI with intermediates", "a\x1b[>4;1m\x1b[!pb", "ab"},
    {"query of the terminal", "a\x1b[6n\x1b[c\x1b[0cb", "ab"},
    {"a CSI that a control breaks", "a\x1b[3\nb", "a\nb"},
    {"title, OSC with BEL",
     "a\x1b]0;title\x07"
     "b",
     "ab"},
    {"title, OSC with ST", "a\x1b]2;title\x1b\\b", "ab"},
    {"link, OSC 8", "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\", "click"},
    {"clipboard, OSC 52", "x\x1b]52;c;cm0gLXJmIC8=\x07y", "xy"},
    {"OSC that a newline ends", "a\x1b]0;t\nb", "a\nb"},
    {"OSC that CAN ends",
     "a\x1b]0;t\x18"
     "b",
     "ab"},
    {"OSC that another sequence ends", "a\x1b]0;t\x1b[31mb", "ab"},
    {"DCS", "a\x1bPq#0;2;0;0;0\x1b\\b", "ab"},
    {"SOS, PM, APC", "a\x1bXs\x1b\\b\x1b^p\x1b\\c\x1b_q\x1b\\d", "abcd"},
    {"C1 CSI in UTF-8", "a\u009b31mb", "ab"},
    {"C1 OSC with C1 ST", "a\u009d0;title\u009cb", "ab"},
    {"C1 DCS", "a\u0090q\u009cb", "ab"},
    {"other C1",
     "a\u0085\u0084\u009a"
     "b",
     "ab"},
    {"C1 as a byte",
     "a\x9b"
     "31mb",
     "a\uFFFD31mb"},
    {"overlong ESC", "a\xC0\x9B[31mb", "a\uFFFD\uFFFD[31mb"},
    {"surrogate",
     "a\xED\xA0\x80"
     "b",
     "a\uFFFD\uFFFD\uFFFDb"},
    {"two characters",
     "a\x1b"
     "cb\x1b"
     "7c\x1b=d",
     "abcd"},
    {"character set", "a\x1b(0b\x1b)Bc", "abc"},
    {"nF with several", "a\x1b$(Cb", "ab"},
    {"lone ESC at the end", "a\x1b", "a"},
    {"ESC ESC", "a\x1b\x1b[31mb", "ab"},
    {"half a CSI at the end", "a\x1b[31", "a"},
    {"half an OSC at the end", "a\x1b]52;c;aaaa", "a"},
    {"BEL",
     "a\x07"
     "b",
     "ab"},
    {"backspace", "safe\b\b\b\bevil", "safeevil"},
    {"DEL",
     "a\x7f"
     "b",
     "ab"},
    {"NUL", "a\0b"s, "ab"},
    {"VT and FF", "a\v\fb", "ab"},
    {"shift out",
     "a\x0e\x0f"
     "b",
     "ab"},
    {"CR LF", "a\r\nb\r\n", "a\nb\n"},
    {"CR CR LF", "a\r\r\nb", "a\nb"},
    {"CR writes over", "real text\rfake", "real text\nfake"},
    {"CR, erase, LF", "a\r\x1b[K\nb", "a\nb"},
    {"CR at the end", "a\r", "a"},
    {"bidi override", "a\u202Egpj.exe\u202C", "agpj.exe"},
    {"bidi isolates and marks", "\u2066a\u2067b\u2068c\u2069d\u200Ee\u200Ff\u061Cg", "abcdefg"},
    {"line separators", "a\u2028b\u2029c", "abc"},
    {"half a character at the end", "a\xE6\xBC", "a\uFFFD"},
};

TEST(TerminalText, KeepsWhatIsReadAndNothingThatActs) {
  for (const Case& one : kCases) EXPECT_EQ(terminal_text(one.in), one.out) << one.name;
}

TEST(TerminalText, IsTheSameInHoweverManyParts) {
  for (const Case& one : kCases) {
    for (std::size_t size = 1; size <= 3; ++size) {
      TerminalText stream;
      std::string out;
      for (std::size_t at = 0; at < one.in.size(); at += size)
        out += stream.add(std::string_view(one.in).substr(at, size));
      out += stream.end();
      EXPECT_EQ(out, one.out) << one.name << " in parts of " << size;
    }
  }
}

TEST(TerminalText, LeavesNoControlWhateverComesIn) {
  std::string all;
  for (int round = 0; round < 3; ++round) {
    for (int byte = 0; byte < 256; ++byte) all += {static_cast<char>(byte), static_cast<char>(255 - byte)};
  }
  for (const char c : terminal_text(all)) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
    EXPECT_NE(c, '\x7f');
  }
}

TEST(TerminalText, AStringSequenceWithoutAnEndHidesABoundedPart) {
  const std::string shown = terminal_text("\x1b]0;" + std::string(TerminalText::kMaxHidden + 100, 'a') + "seen");
  EXPECT_LT(shown.size(), 200U);
  EXPECT_TRUE(shown.ends_with("seen"));
}

TEST(TerminalText, ALineHasNeitherNewlinesNorTabs) {
  EXPECT_EQ(terminal_line("a\nb\tc\rd\x1b[1m"), "a b c d");
  EXPECT_EQ(terminal_line("a\r\nb"), "a b");
}

}  // namespace
}  // namespace millrace
