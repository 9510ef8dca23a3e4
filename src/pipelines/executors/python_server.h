#pragma once
// The start of a Python component: a server of the run's, with the component's environment and the SDK loaded, forks
// the task instead of starting an interpreter and importing everything again.
//
// The server runs what packages of pipelines contain, so it is a child in a sandbox as its tasks are: one for each run
// and environment, without privileges. The attempt stays what the launcher starts and supervises: a small program that
// asks the server, waits for the worker and ends as it ended; when there is no server, or it ended before the task was
// begun, it becomes the plain command. The server starts with the first attempt that can ask it, which waits for it:
// that takes no longer than an interpreter of its own. A worker has user and mount namespaces of its own: of the run's
// attempts it sees its own, it has a /tmp and a /dev/shm, writes its own artifacts alone, and has no capabilities.
// Processes, network and IPC it shares with the server's other workers. It dies with its attempt, and what it started
// dies with it.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

// Is it the command line of a lightweight component of the SDK, which a server could run?
bool is_python_component(const Executor& executor);

// Where a server may run `step` (as prepare() made it), `step` becomes the program that asks it; what starts the server
// is the result. Not one with volumes, secrets or limits of its own, nor with variables that an interpreter reads when
// it starts (PYTHON…, LD_…, LC_…, LANG, TZ), nor one in an image's directory (local_images.h), nor a run's only one.
// Its key begins with "python/<run id>/"; `taken` is the key of one that was ready and that the run took: where that
// has the step's environment it is asked. nullopt: the step is as it was.
std::optional<work::Workload> use_python_server(const Options& options, const RunContext& run, const Executor& executor,
                                                const std::string& taken, work::Workload& step);
// How long the program that `step` became waits for a server that is not there yet.
inline constexpr Millis kPythonServerStart{2'000};
void wait_for_python_server(work::Workload& step, Millis patience);
// The keys of those that may have been started for the run, whenever that was.
std::vector<std::string> python_servers_of(const Options& options, const std::string& run_id);
std::string python_server_keys_of(const std::string& run_id);  // what their keys begin with, less the '/' after it

// A server that is ready before there is a run for it. It has run no task and knows of no run; it serves the one that
// takes it and ends with that. Its sandbox is as narrow as one of the run's own: in the place of the run's directory
// and of its artifacts it has two empty ones, and these become the run's, by rename, before the run has any.
//
// The environment that a component's command line asks for; empty: it has none, or no server can run the component.
std::string python_environment_of(const Executor& executor);
// What starts one, in directories of its own; only where there are sandboxes.
Result<work::Workload> ready_python_server(const Options& options, const std::string& environment);
// false: the run has files already, and takes none.
bool take_python_server(const Options& options, const RunContext& run, const std::string& key);
std::vector<std::string> ready_python_servers(const Options& options);  // the keys of those that nobody took
bool is_ready_python_server(std::string_view key);
void remove_ready_python_server(const Options& options, const std::string& key);

}  // namespace millrace::pipelines::executors
