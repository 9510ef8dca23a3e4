// Wires the parts together: the store, the jobs' and the endpoints' shells, the operations.

#include "sagemaker/sagemaker.h"

#include "base/file.h"
#include "base/mutex.h"
#include "net/async_client.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/jobs.h"
#include "sagemaker/ops/model_packages.h"
#include "sagemaker/ops/ops.h"
#include "sagemaker/serving/endpoints.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kListed = 1'000;  // by list(): the newest

class SageMakerImpl final : public SageMaker {
 public:
  SageMakerImpl(Needs needs, Options options)
      : options_(std::move(options)),
        store_(needs.database),
        sandbox_(needs.backend),
        dependencies_{store_,
                      needs.clock,
                      needs.iam,
                      needs.s3,
                      needs.logs,
                      needs.backend,
                      needs.gateway,
                      options_,
                      sandbox_,
                      metrics_,
                      {options_.account, options_.region},
                      [this](Kind kind, const std::string& name) { announce(kind, name); },
                      environments_},
        follower_(needs.logs, needs.clock),
        timers_(steady_, "sagemaker-timer"),
        environments_(
            {needs.backend, steady_, timers_,
             [this](KeyedQueue::After after) { return execution_.queue(1, "sagemaker-env", std::move(after)); }},
            options_.directory, hidden_of(options_)),
        jobs_(dependencies_, follower_, execution_),
        endpoints_(dependencies_, follower_, execution_,
                   [this](net::AsyncRequest request, net::AsyncClient::Done done) {
                     client_.send(std::move(request), std::move(done));
                   }),
        monitor_(dependencies_, jobs_, execution_),
        ops_{dependencies_, jobs_, endpoints_, monitor_},
        ends_(needs.backend.on_end(std::string(kJobKeys), [this](const std::string& key, const auto&) {
          if (!jobs_.on_end(key)) endpoints_.on_end(key);
        })) {}
  ~SageMakerImpl() override { stop(); }

  Status open() {
    MR_TRY(store_.open());
    return make_directories(options_.directory, 0700);
  }

  aws::Service control_service() override { return sagemaker::control_service(ops_); }
  ConditionTags condition_tags() override {
    return [this](const std::string& arn) -> Result<std::vector<std::pair<std::string, std::string>>> {
      std::vector<std::pair<std::string, std::string>> keys;
      for (const auto& [key, value] : MR_TRY(store_.tags(arn))) {
        keys.emplace_back("aws:ResourceTag/" + key, value);
        keys.emplace_back("sagemaker:ResourceTag/" + key, value);
      }
      MR_TRY(add_package_keys(store_, arn, keys));
      return keys;
    };
  }
  aws::Service runtime_service() override { return sagemaker::runtime_service(ops_); }

  Status resume() override {
    environments_.begin(MR_TRY(store_.count_active()) == 0);
    MR_TRY(jobs_.resume());
    MR_TRY(endpoints_.resume());
    return monitor_.resume();
  }

  Result<std::size_t> under_way() override { return store_.count_active(); }
  Result<std::vector<Count>> counts_under_way() override { return store_.counts("WHERE active = 1"); }

  void stop() override {
    ends_.reset();
    environments_.stop();
    timers_.stop();
    monitor_.stop();
    jobs_.stop();
    endpoints_.stop();
    client_.stop();
    follower_.stop();
  }

  void on_change(std::function<void(const std::string& kind, const std::string& name)> listener) override {
    const MutexLock lock(mutex_);
    listeners_.push_back(std::move(listener));
  }

  Result<std::vector<Value>> list(const std::string& kind) override {
    const KindInfo* names = find_kind(kind);
    if (names == nullptr) return fail(Code::invalid_argument, "There is no kind of resource called " + kind + ".");
    ListQuery query;
    query.descending = true;
    query.limit = kListed;
    std::vector<Value> summaries;
    for (const auto& row : MR_TRY(store_.list(names->kind, query))) {
      Value summary = summary_of(row);
      // The console knows a kind's members by their names in Describe.
      if (!names->list_name_member.empty()) summary.set(names->name_member, row.name).set(names->arn_member, row.arn);
      summaries.push_back(std::move(summary));
    }
    return summaries;
  }

  Result<Value> describe(const std::string& kind, const std::string& name) override {
    const KindInfo* names = find_kind(kind);
    if (names == nullptr) return fail(Code::invalid_argument, "There is no kind of resource called " + kind + ".");
    auto found = MR_TRY(store_.find(names->kind, name));
    if (!found)
      return fail(Code::not_found,
                  no_such(names->kind, name, arn_of(dependencies_.account_region, names->kind, name)).message);
    return std::move(found->body);
  }

  Result<std::vector<Count>> counts() override { return store_.counts(); }

  Result<std::vector<Value>> training_jobs_of(const std::string& tuning_job, std::size_t limit) override {
    auto rows = MR_TRY(store_.children(tuning_job));
    if (rows.size() > limit) rows.resize(limit);
    std::vector<Value> jobs;
    for (Resource& row : rows) jobs.push_back(std::move(row.body));
    return jobs;
  }

 private:
  void announce(Kind kind, const std::string& name) {
    std::vector<std::function<void(const std::string&, const std::string&)>> listeners;
    {
      const MutexLock lock(mutex_);
      listeners = listeners_;
    }
    for (const auto& listener : listeners) listener(std::string(info_of(kind).name), name);
  }

  Options options_;
  Store store_;
  MetricPatternCache metrics_;
  Sandbox sandbox_;
  Mutex mutex_;
  std::vector<std::function<void(const std::string&, const std::string&)>> listeners_ MR_GUARDED_BY(mutex_);
  Dependencies dependencies_;
  LogFollower follower_;
  SteadyClock steady_;
  Timers timers_;
  const Execution execution_{steady_, timers_};
  net::AsyncClient client_;
  frameworks::Environments environments_;
  Jobs jobs_;
  Endpoints endpoints_;
  Monitor monitor_;
  Ops ops_;
  work::Subscription ends_;  // last: it calls the others
};

}  // namespace

Result<std::unique_ptr<SageMaker>> SageMaker::open(Needs needs, Options options) {
  auto sagemaker = std::make_unique<SageMakerImpl>(needs, std::move(options));
  MR_TRY(sagemaker->open());
  return sagemaker;
}

}  // namespace millrace::sagemaker
