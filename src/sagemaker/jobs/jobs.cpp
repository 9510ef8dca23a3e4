#include "sagemaker/jobs/jobs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>

#include "base/log.h"
#include "base/mutex.h"
#include "base/untrusted_tree.h"
#include "sagemaker/jobs/job_steps.h"
#include "sagemaker/jobs/tuner.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kThreads = 2;          // look, stop, conclude: short
constexpr std::size_t kTransferThreads = 4;  // download, upload, remove: as long as a job's files take
constexpr int kMaxRetries = 10;              // of a step that failed for reasons of ours
constexpr Millis kRetryDelay{500};

std::pair<const KindInfo*, std::string> parse_poke(const std::string& poked) {
  const auto slash = poked.find('/');
  const KindInfo* kind = nullptr;
  for (const auto& k : all_kinds()) {
    if (k.arn_segment == std::string_view(poked).substr(0, slash)) kind = &k;
  }
  return {kind, poked.substr(slash + 1)};
}

}  // namespace

struct Jobs::Impl {
  Impl(Dependencies& d, LogFollower& follower, const Execution& e)
      : dependencies(d),
        execution(e),
        tuner(
            d, [this](Kind kind, const std::string& name) { look_again(poke_name(kind, name)); },
            [this](const Resource& trial) { return steps.objectives_of(trial); }),
        steps({d, follower, e, [this](Kind kind, const std::string& name) { look_again(poke_name(kind, name)); },
               ending}),
        looks(e.queue(kThreads, "sagemaker-work", [this](const std::string& name) { drive(name); })),
        transfers(e.queue(kTransferThreads, "sagemaker-files", [this](const std::string& name) { transfer(name); })) {
    kinds[0] = make_training_kind(dependencies);
    kinds[1] = make_processing_kind(dependencies);
    kinds[2] = make_transform_kind(dependencies);
  }

  Dependencies& dependencies;
  const Execution& execution;
  std::array<std::unique_ptr<JobKind>, 3> kinds;
  std::atomic<bool> ending{false};
  Tuner tuner;
  JobSteps steps;
  Mutex mutex;
  std::map<std::string, int> retries MR_GUARDED_BY(mutex);  // by poke name
  // Jobs whose files wait to be moved, or are being moved: then nothing else is done for the job.
  enum class Turn { queued, running, running_and_poked };
  std::map<std::string, Turn> transferring MR_GUARDED_BY(mutex);  // by poke name
  std::unique_ptr<KeyedQueue> looks, transfers;                   // last: their threads end before the rest goes

  JobKind* kind_of(Kind kind) {
    for (const auto& k : kinds) {
      if (k->kind() == kind) return k.get();
    }
    return nullptr;
  }

  void look_again(const std::string& poked) { sagemaker::poke(execution, *looks, poked); }

  void drive(const std::string& poked) {
    const auto [kind, name] = parse_poke(poked);
    if (kind == nullptr) return;
    {
      const MutexLock lock(mutex);
      if (const auto at = transferring.find(poked); at != transferring.end() && at->second != Turn::queued) {
        at->second = Turn::running_and_poked;  // at its end the transfer pokes
        return;
      }
    }
    settle(kind->kind, name, kind->kind == Kind::tuning_job ? tuner.drive(name) : drive_job(kind->kind, name));
  }

  // The steps that move files, on threads of their own: however long they take, other jobs can be stopped meanwhile.
  void transfer(const std::string& poked) {
    {
      const MutexLock lock(mutex);
      const auto at = transferring.find(poked);
      if (at == transferring.end()) return;  // the job was stopped before its turn came
      at->second = Turn::running;
    }
    const auto [kind, name] = parse_poke(poked);
    bool rests = false;
    const Status done = transfer_job(kind->kind, name, rests);
    bool poked_meanwhile = false;
    {
      const MutexLock lock(mutex);
      poked_meanwhile = transferring[poked] == Turn::running_and_poked;
      transferring.erase(poked);
    }
    // A deleted job's name may be another's by the time that its files are removed.
    if (settle(kind->kind, name, done) && (!rests || poked_meanwhile)) look_again(poked);
  }

  // What becomes of a failed look at a job. False: it is looked at again later.
  bool settle(Kind kind, const std::string& name, const Status& done) {
    if (ending) return false;  // the next start looks
    if (done || done.error().code == Code::cancelled) {
      const MutexLock lock(mutex);
      retries.erase(poke_name(kind, name));
      return true;
    }
    retry(kind, name, done.error());
    return false;
  }

  void retry(Kind kind, const std::string& name, const Error& error) {
    const std::string poked = poke_name(kind, name);
    int attempt = 0;
    {
      const MutexLock lock(mutex);
      attempt = ++retries[poked];
    }
    log::warn("{}: {} (try {} of {})", poked, error.message, attempt, kMaxRetries);
    const std::string reason = "InternalServerError: " + error.message;
    if (kind == Kind::tuning_job) {
      if (attempt >= kMaxRetries) (void)tuner.give_up(name, reason);  // ends at a later look, with its training jobs
    } else if (attempt >= kMaxRetries && fail_job(kind, name, reason)) {
      return;
    }
    execution.timers.after(kRetryDelay * std::min(attempt, kMaxRetries), [this, poked] { look_again(poked); });
  }

  // True once the failure is written.
  bool fail_job(Kind kind, const std::string& name, const std::string& reason) {
    return steps.conclude(kind, name, {"Failed", "Failed", cut_reason(reason), false}, Value::object()).has_value();
  }

  Status drive_job(Kind kind, const std::string& name) {
    JobKind& job_kind = *kind_of(kind);
    while (true) {
      const auto job = MR_TRY(dependencies.store.find(kind, name));
      if (!job) {  // deleted
        hand_over(poke_name(kind, name));
        return {};
      }
      const JobFacts facts = MR_TRY(steps.look(job_kind, *job));
      switch (next_step(facts)) {
        case Step::prepare:
        case Step::finish:
        case Step::release:
          hand_over(poke_name(kind, name));
          return {};
        case Step::watch:
          return steps.watch(job_kind, *job, *facts.child);
        case Step::end_child:
          return steps.end_child(job_kind, *job);
        case Step::forget:
          MR_TRY(steps.forget_hosts(*job));
          continue;
        case Step::conclude_stopped:
          take_back(poke_name(kind, name));
          MR_TRY(steps.conclude(kind, name, {"Stopped", "Stopped", "", false}, Value::object()));
          continue;
      }
    }
  }

  void hand_over(const std::string& poked) {
    {
      const MutexLock lock(mutex);
      transferring.try_emplace(poked, Turn::queued);
    }
    sagemaker::poke(execution, *transfers, poked);
  }
  void take_back(const std::string& poked) {
    const MutexLock lock(mutex);
    transferring.erase(poked);
  }

  // `rests`: nothing is to be done for the job at present: nothing is left, or it waits for what will poke it.
  Status transfer_job(Kind kind, const std::string& name, bool& rests) {
    JobKind& job_kind = *kind_of(kind);
    const auto job = MR_TRY(dependencies.store.find(kind, name));
    rests = !job;
    if (!job) return steps.release(kind, name, nullptr);
    const JobFacts facts = MR_TRY(steps.look(job_kind, *job));
    switch (next_step(facts)) {
      case Step::prepare:
        return steps.prepare(job_kind, *job, rests);
      case Step::finish:
        return steps.finish(job_kind, *job, facts);
      case Step::release:
        rests = true;
        return steps.release(kind, name, nullptr);
      default:
        return {};
    }
  }

  Status resume() {
    for (const auto& job : MR_TRY(dependencies.store.active())) {
      if (job.kind != Kind::endpoint) look_again(poke_name(job.kind, job.name));
    }
    for (const auto& kind : kinds) {
      const auto directory = UntrustedTree::open(dependencies.options.directory / info_of(kind->kind()).arn_segment);
      if (!directory) continue;  // there has been no job of this kind
      for (const auto& entry : MR_TRY(directory->list("", {}))) look_again(poke_name(kind->kind(), entry.path));
    }
    return {};
  }
};

Jobs::Jobs(Dependencies& dependencies, LogFollower& follower, const Execution& execution)
    : impl_(std::make_unique<Impl>(dependencies, follower, execution)) {}
Jobs::~Jobs() { stop(); }
void Jobs::poke(Kind kind, const std::string& name) { impl_->look_again(poke_name(kind, name)); }
Status Jobs::resume() { return impl_->resume(); }
void Jobs::stop() {
  impl_->ending = true;
  impl_->looks->stop();
  impl_->transfers->stop();
}
std::vector<KeyedQueue*> Jobs::queues() { return {impl_->looks.get(), impl_->transfers.get()}; }

bool Jobs::on_end(const std::string& key) {
  if (!key.starts_with(kJobKeys)) return false;
  // "training-job/<name>" of ".../<name>/<its creation>", with "/algo-2" behind for another host.
  const auto name_at = key.find('/', kJobKeys.size());
  if (name_at == std::string::npos) return false;
  const std::string poked = key.substr(kJobKeys.size(), key.find('/', name_at + 1) - kJobKeys.size());
  for (const auto& kind : impl_->kinds) {
    if (poked.starts_with(std::string(info_of(kind->kind()).arn_segment) + "/")) {
      impl_->look_again(poked);
      return true;
    }
  }
  return false;
}

}  // namespace millrace::sagemaker
