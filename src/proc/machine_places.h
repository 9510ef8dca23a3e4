#pragma once
// What of the machine children must not see, and what of that they need nevertheless.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::proc {

// The homes of the machine's users: /root, /home, and those that lie elsewhere. Of the users that the system itself
// needs only root's and the server's own. Resolved; read anew each time.
std::vector<std::string> homes();

// This program with its shared libraries, and the Python installations on PATH, as far as they lie in homes or below
// /tmp, which children have one of their own of: the directory of a virtual environment, that of what it is based on,
// or of what a version manager keeps. Found once.
const std::vector<std::filesystem::path>& needed_programs();

// The same for another PATH and the homes given, and for shared libraries, for tests.
std::vector<std::filesystem::path> programs_on(std::string_view path_variable, const std::vector<std::string>& homes);
std::vector<std::filesystem::path> places_of_libraries(const std::vector<std::string>& files,
                                                       const std::vector<std::string>& homes);

}  // namespace millrace::proc
