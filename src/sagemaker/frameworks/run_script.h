#pragma once
// The role of a training program in script mode: what the toolkit of a framework's image does around a user's script.
// Source: aws/sagemaker-training-toolkit (entry_point.py, process.py, errors.py, trainer.py).

#include <string>
#include <string_view>
#include <vector>

namespace millrace::sagemaker::frameworks {

// How a program is run (_entry_point_type.py): "*.sh" and what is no Python by a shell; else, beside a setup.py, as a
// module that is installed first; else as a file.
enum class ProgramType { package, script, command };
ProgramType program_type(std::string_view program, bool has_setup);
// `python`: as the failure's text is to name it.
std::vector<std::string> program_command(ProgramType type, const std::string& program,
                                         const std::vector<std::string>& arguments, const std::string& python);

// Gathers what a failure says of a program's standard error: from the first line on that names an error, each line
// once; where none does, the last line. Bounded.
class ErrorText {
 public:
  static constexpr std::size_t kMaxBytes = 16u << 10;
  void add(std::string_view bytes);
  std::string text();  // after the last bytes

 private:
  void line(std::string_view line);
  std::string pending_, last_;
  std::vector<std::string> lines_;
  std::size_t size_ = 0;
};

// The text of /opt/ml/output/failure: `error`: "ExecuteUserScriptError", "InstallModuleError", …
std::string failure_text(std::string_view error, int exit_code, std::string_view message,
                         const std::vector<std::string>& command);

// `millrace worker script <ml directory> <install|installed> <program> [arguments…]`
//   runs the program in <ml>/code; "install": first its requirements.txt
//   writes output/success, or output/failure unless the program did
// Exit codes: 0; 1 when the program, or an installation, failed.
int script_main(const std::vector<std::string>& arguments);

}  // namespace millrace::sagemaker::frameworks
