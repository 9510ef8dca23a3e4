#pragma once
// The Python environments that programs of frameworks' images run in (image.h): each is made once for the image's
// packages and the program's requirements.txt, by a child that reaches the package index, and is kept
// (work/python_environment.h). Jobs and model servers ask for one, wait until it is there, and enter it.
//
//   const frameworks::Wanted wanted{*frameworks::image_of(uri), requirements, variables};
//   if (const auto kept = environments.find(wanted)) { …; MR_TRY(environments.enter(*kept, directory, workload)); }
//   else environments.make(wanted, sandboxed, [=](const Status& made, const std::string& said) { look again });

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_queue.h"
#include "base/result.h"
#include "base/timers.h"
#include "sagemaker/frameworks/image.h"
#include "work/backend.h"
#include "work/environment_builds.h"
#include "work/python_environment.h"

namespace millrace::sagemaker::frameworks {

inline constexpr std::size_t kMaxRequirements = 32u << 10;  // bytes of a requirements.txt

// Where programs of this machine, and so interpreters, are looked for.
inline constexpr std::string_view kProgramPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Wanted {
  Image image;
  std::string requirements;  // the text of requirements.txt; empty: none
  // The program's own; of these, what pip looks at (PIP_…, proxies, certificates) counts.
  work::Variables variables;
};

// Can these lines be installed ahead of the program, away from its files? Not those that name files beside them, nor
// more than kMaxRequirements: such a program installs them itself when it starts.
bool can_be_kept(std::string_view requirements);

// An environment that is there, and what its log has to say: which Python and framework, and where they differ from
// the image's.
struct Kept {
  work::KeptEnvironment environment;
  std::vector<std::string> notes;
};

class Environments {
 public:
  struct Needs {
    work::Backend& backend;
    const Clock& clock;  // the timers'
    Timers& timers;
    // Gives a queue whose turns may take as long as moving an environment's directory.
    std::function<std::unique_ptr<KeyedQueue>(KeyedQueue::After)> queue;
  };
  // `directory`: of the server's own, where environments are kept; `hidden`: from the child that makes one, besides.
  Environments(Needs needs, std::filesystem::path directory, std::vector<std::filesystem::path> hidden);
  ~Environments();  // stop()

  // What an earlier process of this program was making is thrown away; `idle`: nothing runs in an environment.
  void begin(bool idle);

  // nullopt also for one that is being made.
  std::optional<Kept> find(const Wanted& wanted) const;
  // Starts the making, or waits for it with others. `done` is called once, on any thread, and must not wait: when the
  // environment is there, or with one sentence of why it is not (unavailable: the package index is out of reach;
  // failed_precondition: its packages or the requirements cannot be installed); `said` is then what the child printed
  // last. Nothing is kept of a failure: the next call tries again. `sandboxed`: the child is confined, as what runs in
  // the environment will be.
  using Done = work::EnvironmentBuilds::Done;  // void(const Status& made, const std::string& said)
  void make(const Wanted& wanted, bool sandboxed, Done done);
  // Puts python, python3, pip and pip3 of the environment first on the workload's PATH, with a layer of its own in
  // `directory` (which only the server writes to) for what it installs itself. Call it when the sandbox is complete.
  Status enter(const Kept& kept, const std::filesystem::path& directory, work::Workload& workload) const;

  void stop();
  KeyedQueue& queue() { return *queue_; }  // for simulations, which give the turns

 private:
  work::Backend& backend_;
  const std::filesystem::path directory_;
  const work::PythonPlaces places_;
  work::EnvironmentBuilds builds_;
  std::unique_ptr<KeyedQueue> queue_;
  work::Subscription ends_;  // last: it calls the others
};

// The environment's recipe: its name changes with all that decides its contents. Pure but for the interpreter, which is
// the image's version where this machine has it, else its python3.
work::PythonRecipe recipe_of(const Wanted& wanted);
// "scikit-learn 1.2.1", "Python 3.8"
std::string title_of(const Image& image);

// The error for a failed making, from the sentence that it ended with (work/environment_builds.h).
Error why_not_made(const Image& image, const Error& error);

}  // namespace millrace::sagemaker::frameworks
