#pragma once
// The program, in Python, that fills an environment with an image's packages; in MILLRACE_INSTALL it finds
//   {"packages": [], "optional": [], "requirements": "text"}
// It takes the versions that are named, and the nearest ones that are built for its Python where those are not; it
// writes <environment>/notes, lines that say so. Its last line says why it failed, after one of these words:
//   unreachable: …   the package index
//   packages: …      of the image
//   requirements: …  pip's own error

#include <string_view>

namespace millrace::sagemaker::frameworks {

inline constexpr std::string_view kInstallVariable = "MILLRACE_INSTALL", kProgramVariable = "MILLRACE_INSTALL_PROGRAM",
                                  kNotesFile = "notes";
inline constexpr std::string_view kUnreachable = "unreachable: ", kPackages = "packages: ",
                                  kRequirements = "requirements: ";

std::string_view install_program();

}  // namespace millrace::sagemaker::frameworks
