#include "app/prune/pruner.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>

#include <fmt/core.h>

#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "pipelines/executors/store.h"
#include "pipelines/runner/references.h"

namespace millrace::app {
namespace {

constexpr unsigned kDeepestRun = 8;  // directories above a run's in the artifact store: scheme, bucket, root, pipeline
constexpr std::size_t kMaxListed = 1'000'000;
constexpr std::size_t kMaxFailures = 20;
constexpr std::chrono::seconds kDeletePatience{60};
constexpr std::uint64_t kBlock = 512;
// Where a run has a directory of its name, and what that is called.
struct OfARun {
  const char *directory, *kind;
};
constexpr OfARun kOfARun[] = {
    {"runs", "files of a run"}, {"logs", "logs of a run"}, {"fetched", "fetched files"}, {"workspaces", "workspace"}};

// As the runs' ids are: 8-4-4-4-12 hexadecimal digits.
bool is_run_id(std::string_view name) {
  if (name.size() != 36) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? name[i] != '-' : std::string_view("0123456789abcdef").find(name[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

// On the disk. What cannot be looked at counts as nothing.
std::uint64_t bytes_below(const UntrustedTree& tree, std::string_view path) {
  std::uint64_t bytes = 0;
  if (const auto own = tree.info(path); own && *own) bytes += (*own)->blocks * kBlock;
  (void)tree.walk(path, Links::refuse, {}, [&](const UntrustedTree::Entry& entry) -> Status {
    bytes += entry.info.blocks * kBlock;
    return {};
  });
  return bytes;
}

std::vector<std::string> directories_in(const UntrustedTree& tree, const std::string& path) {
  std::vector<std::string> names;
  UntrustedTree::Limits limits;
  limits.entries = kMaxListed;
  const auto entries = tree.list(path, limits);
  if (!entries) return names;
  for (const auto& entry : *entries) {
    if (entry.info.kind == FileKind::directory) names.push_back(entry.path);
  }
  return names;
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Is a reference at `path`, or below it?
bool is_referenced(const std::set<std::string>& referenced, const std::string& path) {
  if (referenced.contains(path)) return true;
  const auto below = referenced.lower_bound(path + "/");
  return below != referenced.end() && below->starts_with(path + "/");
}

void note_failure(Pruner::Report& report, const std::string& what, const Error& error) {
  log::warn("prune: {}: {}", what, error.message);
  if (report.failed.size() < kMaxFailures) report.failed.push_back(what + ": " + error.message);
}

void add(Pruner::Report& report, Pruner::Removed removed) {
  report.bytes += removed.bytes;
  report.removed.push_back(std::move(removed));
}

// Removes one directory of the server's own and notes it.
void remove_directory(const UntrustedTree& tree, const std::string& path, const std::string& kind, bool dry,
                      Pruner::Report& report) {
  const std::uint64_t bytes = bytes_below(tree, path);
  if (!dry) {
    if (const Status removed = tree.remove(path); !removed)
      return note_failure(report, (tree.root() / path).string(), removed.error());
  }
  add(report, {kind, path, "", bytes});
}

}  // namespace

namespace {

// An answer that may come later, waited for. The target outlives whoever gives up waiting.
class Waiting final : public net::Completion::Target {
 public:
  void complete(net::Response response) override {
    if (!done_.exchange(true)) answer.set_value(std::move(response));
  }
  bool wanted() const override { return true; }
  std::promise<net::Response> answer;

 private:
  std::atomic<bool> done_{false};
};

Result<net::Response> wait_for(net::Response response) {
  if (!response.later) return response;
  const auto waiting = std::make_shared<Waiting>();
  auto answer = waiting->answer.get_future();
  response.later(net::Completion(waiting));
  if (answer.wait_for(kDeletePatience) != std::future_status::ready)
    return fail(Code::deadline_exceeded, "it is still being stopped; prune again in a moment");
  return answer.get();
}

}  // namespace

// Where the artifacts of a run are, <scheme>/<bucket>/…/<pipeline>/<run id>, relative to the store.
struct Pruner::Store {
  std::optional<UntrustedTree> tree;  // none yet
  std::multimap<std::string, std::string> by_run;

  explicit Store(const std::filesystem::path& root) {
    auto opened = UntrustedTree::open(root);
    if (!opened) return;
    tree.emplace(std::move(*opened));
    std::vector<std::string> above = {""};
    for (unsigned depth = 0; depth < kDeepestRun && !above.empty(); ++depth) {
      std::vector<std::string> next;
      for (const std::string& parent : above) {
        for (const std::string& path : directories_in(*tree, parent)) {
          const std::string name = last_part(path);
          if (is_run_id(name))
            by_run.emplace(name, path);
          else
            next.push_back(path);
        }
      }
      above = std::move(next);
    }
  }
};

namespace {

// The URIs as paths in the store.
Result<std::set<std::string>> referenced_paths(db::Connection& connection) {
  std::set<std::string> paths;
  for (const std::string& uri : MR_TRY(pipelines::runner::referenced_uris(connection))) {
    if (auto place = pipelines::executors::store_place(uri)) paths.insert(std::move(*place));
  }
  return paths;
}

}  // namespace

std::uint64_t Pruner::bytes_of_run(const std::string& id, const Store& store) {
  if (const auto known = bytes_.find(id); known != bytes_.end()) return known->second;
  std::uint64_t bytes = 0;
  for (const auto& [directory, kind] : kOfARun) {
    if (const auto own = UntrustedTree::open(layout_.pipelines() / directory / id)) bytes += bytes_below(*own, "");
  }
  for (auto [at, last] = store.by_run.equal_range(id); at != last; ++at) bytes += bytes_below(*store.tree, at->second);
  bytes_.emplace(id, bytes);
  return bytes;
}

Result<std::vector<PrunableRun>> Pruner::measured_runs(const Store& store) {
  std::vector<pipelines::runner::FinishedRun> finished;
  MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
    finished = MR_TRY(pipelines::runner::finished_runs(connection));
    return {};
  }));
  std::vector<PrunableRun> runs;
  for (auto& run : finished) {
    const std::uint64_t bytes = bytes_of_run(run.id, store);
    runs.push_back({std::move(run.id), std::move(run.name), run.finished, bytes});
  }
  return runs;
}

// As a client deletes it: one way to do that is enough.
Status Pruner::remove_run(const std::string& id) {
  net::Request request;
  request.method = "DELETE";
  request.path = request.target = "/apis/v2beta1/runs/" + id;
  request.headers.set("Host", "localhost");
  const auto body = net::body_from_string("");
  request.body = body.get();
  const net::Response response = MR_TRY(wait_for(needs_.pipelines.handle(request)));
  if (response.status == 200 || response.status == 404) return {};
  const auto answer = parse_json(response.body);
  return fail(Code::internal, answer ? (*answer)["message"].string_or(response.body) : response.body);
}

// All of `path` that nothing refers to.
void Pruner::remove_artifacts(const UntrustedTree& tree, const std::string& path,
                              const std::set<std::string>& referenced, bool dry, Report& report) const {
  if (!is_referenced(referenced, path)) return remove_directory(tree, path, "artifacts", dry, report);
  if (referenced.contains(path)) return;
  UntrustedTree::Limits limits;
  limits.entries = kMaxListed;
  const auto entries = tree.list(path, limits);
  if (!entries) return note_failure(report, path, entries.error());
  for (const auto& entry : *entries) remove_artifacts(tree, entry.path, referenced, dry, report);
}

Result<Pruner::Report> Pruner::prune_runs(const Retention& retention, bool dry) {
  const MutexLock lock(one_at_a_time_);
  Report report;
  if (!retention.any()) return report;
  const Store store(layout_.pipelines() / "artifacts");
  auto chosen = runs_to_prune(MR_TRY(measured_runs(store)), retention, needs_.clock.now());
  // The oldest first: if it is interrupted, what is left is what would have stayed the longest.
  std::reverse(chosen.begin(), chosen.end());
  const std::size_t count = dry ? chosen.size() : std::min(chosen.size(), kMostRuns);
  std::vector<std::string> gone;
  for (std::size_t i = 0; i < count; ++i) {
    PrunableRun& run = chosen[i];
    if (!dry) {
      if (const Status removed = remove_run(run.id); !removed) {
        note_failure(report, "the run " + run.id, removed.error());
        continue;
      }
      bytes_.erase(run.id);
    }
    gone.push_back(run.id);
    add(report, {"run", std::move(run.name), run.id, run.bytes});
  }
  report.left = report.failed.empty() ? chosen.size() - count : 0;
  if (dry || gone.empty()) return report;
  std::set<std::string> referenced;
  MR_TRY(needs_.database.write(pipelines::runner::forget_results_of_gone_runs));
  MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
    referenced = MR_TRY(referenced_paths(connection));
    return {};
  }));
  Report artifacts;  // their bytes are the runs'
  for (const std::string& id : gone) {
    for (auto [at, last] = store.by_run.equal_range(id); at != last; ++at)
      remove_artifacts(*store.tree, at->second, referenced, false, artifacts);
  }
  report.failed.insert(report.failed.end(), artifacts.failed.begin(), artifacts.failed.end());
  return report;
}

Result<Pruner::Report> Pruner::prune_orphans(bool dry) {
  const MutexLock lock(one_at_a_time_);
  Report report;
  // What is there is looked at before the rows: a run's row is older than its first file.
  const Store store(layout_.pipelines() / "artifacts");
  std::vector<std::pair<std::string, std::string>> of_runs;  // directory, kind
  const auto pipelines = UntrustedTree::open(layout_.pipelines());
  if (pipelines) {
    for (const auto& [directory, kind] : kOfARun) {
      for (const std::string& path : directories_in(*pipelines, directory)) of_runs.emplace_back(path, kind);
    }
  }
  std::set<std::string> known, referenced;
  MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
    known = MR_TRY(pipelines::runner::run_ids(connection));
    referenced = MR_TRY(referenced_paths(connection));
    return {};
  }));
  const auto full = [&] { return !dry && report.removed.size() >= kMostOrphans; };
  for (const auto& [path, kind] : of_runs) {
    const std::string id = last_part(path);
    if (is_run_id(id) && !known.contains(id) && !full()) remove_directory(*pipelines, path, kind, dry, report);
  }
  for (const auto& [id, path] : store.by_run) {
    if (!known.contains(id) && !full()) remove_artifacts(*store.tree, path, referenced, dry, report);
  }
  orphan_endpoints(dry, report);
  orphan_environments(dry, report);
  return report;
}

// <name in lower case>-<milliseconds>
void Pruner::orphan_endpoints(bool dry, Report& report) const {
  const auto tree = UntrustedTree::open(layout_.sagemaker());
  if (!tree) return;
  const std::vector<std::string> paths = directories_in(*tree, "endpoint");
  if (paths.empty()) return;
  const auto endpoints = needs_.sagemaker.list("Endpoint");
  if (!endpoints) return note_failure(report, "endpoints", endpoints.error());
  std::set<std::string> names;
  for (const Value& endpoint : *endpoints) names.insert(to_lower(endpoint["EndpointName"].string_or()));
  for (const std::string& path : paths) {
    const std::string name = last_part(path);
    const std::size_t dash = name.rfind('-');
    if (dash == std::string::npos || names.contains(name.substr(0, dash))) continue;
    remove_directory(*tree, path, "endpoint", dry, report);
  }
}

// Of pipelines while no run is under way, of jobs while no job or endpoint is.
void Pruner::orphan_environments(bool dry, Report& report) const {
  const auto runs = needs_.pipelines.runs(kMaxListed);
  if (runs && std::all_of(runs->begin(), runs->end(), [](const auto& run) { return run.finished; }))
    unused_environments(layout_.pipelines(), dry, report);
  const auto jobs = needs_.sagemaker.under_way();
  if (jobs && *jobs == 0) unused_environments(layout_.sagemaker(), dry, report);
}

// Python reads pyvenv.cfg whenever it starts in an environment.
void Pruner::unused_environments(const std::filesystem::path& of, bool dry, Report& report) const {
  const auto tree = UntrustedTree::open(of);
  if (!tree) return;
  for (const std::string& path : directories_in(*tree, "python")) {
    const Fd marker(::openat(tree->descriptor(), (path + "/pyvenv.cfg").c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!marker || ::fstat(marker.get(), &info) != 0) continue;
    const auto used = std::max(info.st_atim.tv_sec, info.st_mtim.tv_sec);
    if (to_epoch_ms(needs_.clock.now()) / 1'000 - used < kUnusedEnvironment) continue;
    remove_directory(*tree, path, "python environment", dry, report);
    if (!dry) (void)tree->remove(path + ".lock");
  }
}

Value to_value(const Pruner::Report& report, bool dry) {
  Value removed = Value::array(), failed = Value::array();
  for (const Pruner::Removed& one : report.removed) {
    Value entry = Value::object({{"kind", one.kind}, {"name", one.name}, {"bytes", one.bytes}});
    entry.set_if(!one.id.empty(), "id", one.id);
    removed.push(std::move(entry));
  }
  for (const std::string& sentence : report.failed) failed.push(sentence);
  return Value::object({{"dry_run", dry},
                        {"removed", std::move(removed)},
                        {"bytes", report.bytes},
                        {"left", report.left},
                        {"failed", std::move(failed)}});
}

}  // namespace millrace::app
