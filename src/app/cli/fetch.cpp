#include "app/cli/fetch.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>

#include <fmt/core.h>

#include "app/cli/file_names.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/terminal_text.h"
#include "base/untrusted_tree.h"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kSayEvery{2};  // that it goes on
constexpr std::string_view kRunFile = "run.json";
constexpr std::size_t kMaxDepth = 30;  // directories below each other in one artifact

Status write_all(int file, std::string_view part) {
  while (!part.empty()) {
    const ssize_t n = ::write(file, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("the file cannot be written", errno));
    part.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

class Fetching {
 public:
  Fetching(ApiClient& client, UntrustedTree tree) : client_(client), tree_(std::move(tree)) {
    names_.reserve(std::string(kRunFile));
  }

  // Where the outputs of each task are put. The tasks come with each parent before what lies in it.
  void name_tasks(const std::vector<TaskLine>& tasks) {
    for (const TaskLine& task : tasks) {
      const auto parent = places_.find(task.parent);
      // The task's id makes it another one than a brother of the same name.
      const std::string above = parent == places_.end() ? "" : parent->second;
      places_[task.id] = place_of(above, task);
    }
  }

  void fetch_outputs(const std::string& task, Value& artifacts) {
    for (auto& [output, list] : artifacts.as_object()) {
      std::size_t position = 0;
      for (Value& artifact : list.as_array()) {
        std::string path = names_.path(places_[task], output);
        if (list.size() > 1) path = names_.path(path, std::to_string(position++));
        const Status fetched = fetch(artifact["artifact_id"].string_or(), path);
        if (fetched) {
          artifact.set("file", path);
        } else {
          out_.failed.push_back(fmt::format("{} of {}: {}", output, places_[task], fetched.error().message));
        }
      }
    }
  }

  // A step of a pipeline asks: the console's API, which knows the outputs, is not for it.
  void refused(const std::string& task) {
    out_.failed.push_back(fmt::format("{}: its outputs are not shown to a step of a pipeline", places_[task]));
  }

  Status write_run(const Value& run) { return tree_.write(kRunFile, to_json_pretty(run) + "\n"); }

  Fetched take() { return std::move(out_); }

 private:
  // Brothers of the same display name are numbered in their order.
  std::string place_of(const std::string& above, const TaskLine& task) {
    int& count = same_[{above, task.name}];
    return names_.path(above, ++count == 1 ? task.name : fmt::format("{}~{}", task.name, count));
  }

  Status fetch(const std::string& id, const std::string& path) {
    if (id.empty()) return fail(Code::not_found, "the server keeps no bytes of it");
    const std::string artifact = "/artifacts/" + percent_encode(id);
    const Value listing = MR_TRY(client_.call("GET", artifact + ":files"));
    if (!listing["is_directory"].bool_or(false)) return fetch_file(artifact + ":download", path);
    MR_TRY(tree_.make_directories(path));
    for (const Value& file : listing["files"].items()) {
      const std::string inside = file["path"].string_or();
      MR_TRY(fetch_file(artifact + ":download?path=" + percent_encode(inside), place_in(path, inside)));
    }
    const std::int64_t skipped = listing["skipped"].int_or(0);
    if (skipped == 0) return {};
    return fail(Code::failed_precondition,
                fmt::format("{} entries are neither files nor directories, or have names that are no text; the others "
                            "are fetched",
                            skipped));
  }

  std::string place_in(std::string path, const std::string& inside) {
    const auto parts = split(inside, '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
      // The rest in one name, of what is deeper.
      if (i + 1 == kMaxDepth)
        return names_.path(path, inside.substr(static_cast<std::size_t>(parts[i].data() - inside.data())));
      path = names_.path(path, std::string(parts[i]));
    }
    return path;
  }

  Status fetch_file(const std::string& from, const std::string& path) {
    MR_TRY(tree_.make_directories(directory_of(path)));
    std::uint64_t bytes = 0;
    MR_TRY(tree_.write(path, [&](int file) -> Status {
      Status written;
      const Status read = client_.download(from, [&](std::string_view part) {
        written = write_all(file, part);
        bytes += part.size();
        say_progress(path, bytes);
        return written.has_value();
      });
      return written ? read : written;
    }));
    ++out_.files;
    out_.bytes += bytes;
    return {};
  }

  void say_progress(const std::string& path, std::uint64_t bytes) {
    const auto now = std::chrono::steady_clock::now();
    if (now - said_ < kSayEvery) return;
    said_ = now;
    fmt::print(stderr, "fetching {}: {}; {} files before it\n", path, bytes_text(bytes), out_.files);
  }

  ApiClient& client_;
  UntrustedTree tree_;
  FileNames names_;
  std::map<std::string, std::string> places_;  // by a task's id
  std::map<std::pair<std::string, std::string>, int> same_;
  std::chrono::steady_clock::time_point said_ = std::chrono::steady_clock::now();
  Fetched out_;
};

Result<UntrustedTree> open_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const auto place = std::filesystem::canonical(directory, error);
  if (!error && !std::filesystem::is_directory(place, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error)
    return fail(Code::invalid_argument, fmt::format("{} cannot be used: {}", directory.native(), error.message()));
  return UntrustedTree::open(place);
}

}  // namespace

Result<Fetched> fetch_artifacts(ApiClient& client, Value& run, const std::vector<std::string>& tasks,
                                const std::filesystem::path& directory) {
  Fetching fetching(client, MR_TRY(open_directory(directory)));
  fetching.name_tasks(task_tree(run, SystemClock().now()));
  Value* details = run.find("run_details");
  Value* all = details != nullptr ? details->find("task_details") : nullptr;
  if (all == nullptr || !all->is_array()) return fail(Code::internal, "the server's run has no tasks");
  for (Value& task : all->as_array()) {
    const std::string id = task["task_id"].string_or();
    if (std::find(tasks.begin(), tasks.end(), id) == tasks.end()) continue;
    if (!task.has("values")) {
      fetching.refused(id);
      continue;
    }
    Value& artifacts = task.child("values").child("outputs").child("artifacts");
    if (artifacts.is_object()) fetching.fetch_outputs(id, artifacts);
  }
  MR_TRY(fetching.write_run(run));
  return fetching.take();
}

}  // namespace millrace::app
