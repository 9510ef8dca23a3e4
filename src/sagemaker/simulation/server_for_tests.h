#pragma once
// Only for tests: the server that lives and dies. Jobs, endpoints and operations as they are in SageMaker, without
// threads: whoever has it gives the turns.

#include <memory>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/timers.h"
#include "iam/iam.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/jobs.h"
#include "sagemaker/ops/ops.h"
#include "sagemaker/serving/endpoints.h"
#include "sagemaker/simulation/parts.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker::simulation {

class Server {
 public:
  struct Needs {
    db::Database& database;
    const Clock& clock;
    iam::Iam& iam;
    s3::S3& s3;
    logs::Logs& logs;
    UnreliableBackend& backend;
    aws::Gateway& gateway;
    const Options& options;
    Send send;
  };
  explicit Server(Needs needs)
      : clock_(needs.clock),
        store_(needs.database),
        sandbox_(needs.backend),
        dependencies_{store_,
                      needs.clock,
                      needs.iam,
                      needs.s3,
                      needs.logs,
                      needs.backend,
                      needs.gateway,
                      needs.options,
                      sandbox_,
                      metrics_,
                      {needs.options.account, needs.options.region},
                      [](Kind, const std::string&) {},
                      environments_},
        follower_(needs.logs, needs.clock, {}, LogFollower::Reads::when_it_is_over),
        timers_(needs.clock, Timers::Manual()),
        execution_{needs.clock, timers_, true},
        environments_({needs.backend, needs.clock, timers_,
                       [this](KeyedQueue::After after) { return execution_.queue(1, "python", std::move(after)); }},
                      needs.options.directory, hidden_of(needs.options)),
        jobs_(dependencies_, follower_, execution_),
        endpoints_(dependencies_, follower_, execution_, std::move(needs.send)),
        monitor_(dependencies_, jobs_, execution_),
        ops_{dependencies_, jobs_, endpoints_, monitor_},
        operations_(control_service(ops_).operations),
        ends_(needs.backend.on_end(std::string(kJobKeys), [this](const std::string& key, const auto&) {
          if (!jobs_.on_end(key)) endpoints_.on_end(key);
        })) {}

  Status resume() {
    environments_.begin(false);
    MR_TRY(jobs_.resume());
    MR_TRY(endpoints_.resume());
    return monitor_.resume();
  }

  Result<Value> call(const std::string& operation, const Value& input) {
    for (const auto& known : operations_) {
      if (known.name != operation) continue;
      aws::Call call;
      call.account = dependencies_.account_region.account;
      call.region = dependencies_.account_region.region;
      call.operation = operation;
      call.now = clock_.now();
      return MR_TRY(known.handle(call, input)).members;
    }
    return fail(Code::unimplemented, operation);
  }
  void invoke(Invocation invocation, Invoker::Done done) {
    endpoints_.invoke(std::move(invocation), std::move(done), {});
  }

  std::vector<KeyedQueue*> queues() {
    auto queues = jobs_.queues();
    queues.push_back(&endpoints_.queue());
    queues.push_back(&environments_.queue());
    queues.push_back(&monitor_.queue());
    return queues;
  }
  Timers& timers() { return timers_; }
  Store& store() { return store_; }

 private:
  const Clock& clock_;
  Store store_;
  MetricPatternCache metrics_;
  Sandbox sandbox_;
  Dependencies dependencies_;
  LogFollower follower_;
  Timers timers_;
  const Execution execution_;
  frameworks::Environments environments_;
  Jobs jobs_;
  Endpoints endpoints_;
  Monitor monitor_;
  Ops ops_;
  std::vector<aws::Operation> operations_;
  work::Subscription ends_;  // last: it calls the others
};

}  // namespace millrace::sagemaker::simulation
