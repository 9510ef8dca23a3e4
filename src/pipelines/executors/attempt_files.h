#pragma once
// The files of an attempt: its own directory, which the task writes to, and its log, which lies where no task does:
//
//   <directory>/runs/<run>/<task path, '/' as '.'>.<attempt>/   tmp/ (its /tmp), outputs/<parameter>
//   <directory>/logs/<run>/<the same name>.log.txt

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/untrusted_tree.h"
#include "pipelines/options.h"

namespace millrace::pipelines::executors {

std::filesystem::path run_directory(const Options& options, const std::string& run_id);  // of its attempts
std::filesystem::path attempt_directory(const Options& options, const std::string& run_id, const std::string& path,
                                        int attempt);
// As the task left it. Its absolute links into itself are understood.
Result<UntrustedTree> open_attempt(const Options& options, const std::string& run_id, const std::string& path,
                                   int attempt);
// Makes it anew with directories that the task may write to; what is there already stays, unless it is no directory.
Result<UntrustedTree> make_attempt(const Options& options, const std::string& run_id, const std::string& path,
                                   int attempt, const std::vector<std::string>& directories);

std::filesystem::path log_directory(const Options& options, const std::string& run_id);
std::filesystem::path log_path(const Options& options, const std::string& run_id, const std::string& path, int attempt);
Status make_log_directory(const Options& options, const std::string& run_id);
// For reading; never waits. Errors: not_found.
Result<Fd> open_log(const Options& options, const std::string& run_id, const std::string& path, int attempt);

// The directory or file of the tree, and all that lies in it, is the children's user's afterwards, where they have one
// (proc/child_user.h).
Status give_to_child(const UntrustedTree& tree, std::string_view path);

// A directory that tasks share and write to, made if need be; its parent is the program's own.
Result<UntrustedTree> make_shared_directory(const std::filesystem::path& directory);
// A directory of it, made if need be.
Status make_shared_part(const UntrustedTree& shared, std::string_view path);

}  // namespace millrace::pipelines::executors
