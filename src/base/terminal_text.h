#pragma once
// Text that someone else wrote (names, logs, errors), made safe for a terminal: what moves the cursor, sets the
// clipboard or the title, rings, erases or reorders is removed; what is to be read stays.
//
// Removed: the escape sequences of ECMA-48 and xterm (CSI; OSC, DCS, SOS, PM and APC with their contents; two-character
// and nF ones), in their 7-bit form and as C1 controls in UTF-8; the other C0 and C1 controls, DEL; the controls of
// Unicode's bidirectional algorithm (they show text in another order than it is read). A newline and a tab stay; a
// carriage return before a newline goes, any other begins a line, so that nothing is written over. Bytes that are not
// UTF-8 become U+FFFD: a terminal that is not in UTF-8 mode would take them for controls.
// Sources: ECMA-48 (5th edition) section 5, xterm's ctlseqs, UAX #9.

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

// Of a stream that comes in parts: a sequence or a character may be cut anywhere.
class TerminalText {
 public:
  // A string sequence (OSC, DCS…) that goes on for longer is taken to have ended, as it is at a newline: what follows
  // would be hidden for ever.
  static constexpr std::size_t kMaxHidden = 64 * 1024;  // characters

  std::string add(std::string_view bytes);
  std::string end();  // what was held back at the stream's end

 private:
  enum class State : std::uint8_t { text, escape, intermediate, csi, string, string_escape };
  void take(char32_t c, std::string& out);
  void take_text(char32_t c, std::string& out);
  bool begins_sequence(char32_t c);  // after ESC, or as a C1 control: c in '@'…'_'

  State state_ = State::text;
  bool carriage_return_ = false;
  std::size_t hidden_ = 0;  // characters of the present string sequence
  std::string partial_;     // the first bytes of a character
};

std::string terminal_text(std::string_view text);  // the whole at once
std::string terminal_line(std::string_view text);  // on one line: newlines and tabs become blanks

}  // namespace millrace
