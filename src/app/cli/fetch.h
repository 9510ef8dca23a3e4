#pragma once
// The artifacts of a run as files of this machine.
//
// What tasks have written is hostile, and so are the names that they gave it: every file is made beneath the directory
// and nowhere else, no link in it is followed (base/untrusted_tree.h), names are made safe and bounded (file_names.h),
// and nothing that is fetched is executable.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "app/cli/client.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::app {

struct Fetched {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> failed;  // a sentence for each artifact whose bytes could not be had
};

// The outputs of the tasks with these ids (details.h has added their values), as <task>/<output>; an artifact that is a
// directory as one; of a list of artifacts each as <output>/<number>. `run.json` is the run itself, in which each
// artifact's "file" says where it is. `run`: gets these. Errors: the directory cannot be made or written to.
Result<Fetched> fetch_artifacts(ApiClient& client, Value& run, const std::vector<std::string>& tasks,
                                const std::filesystem::path& directory);

}  // namespace millrace::app
