#pragma once
// The processes behind endpoints: started, asked whether they are well, replaced when they end or hang, taken down.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "net/async_client.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/log_follower.h"
#include "sagemaker/serving/deployment.h"
#include "sagemaker/serving/invoker.h"
#include "sagemaker/serving/machine.h"
#include "sagemaker/serving/native_model.h"
#include "sagemaker/serving/sockets.h"

namespace millrace::sagemaker {

class Servers {
 public:
  struct Needs {
    Dependencies& dependencies;
    LogFollower& follower;
    const Execution& execution;
    Send send;
    std::function<void(const std::string& endpoint)> poke;  // look at it again; never blocks
    std::function<void(const std::string& id)> answers;     // the variant's server has become ready
    Checkpoint checkpoint;                                  // of fetching a model
  };
  explicit Servers(Needs needs);

  enum class Up { ready, waiting, failed };
  // One look at a variant's server, and the next step for it; it pokes when there is more to do. failed: `reason` says
  // why there can be none.
  Result<Up> keep_up(const Resource& endpoint, const Deployment& deployment, Variant variant, std::string& reason);
  // True once nothing of the deployment is left. A server that does not end by itself is killed.
  Result<bool> take_down(const Resource& endpoint, const Deployment& deployment);
  // Where the variant's server listens; nullptr while it does not answer.
  std::shared_ptr<const ServerAddress> address_of(const std::string& id);
  // Its model, where this process may answer with it; nullptr: the server is asked.
  std::shared_ptr<const NativeModel> native_of(const std::string& id);
  std::filesystem::path root_of(const Resource& endpoint) const;  // all that the endpoint has on disk

 private:
  // What is known of a variant's server beyond its row: gone with this process, found out again.
  struct Server {
    std::string key;  // of the start that the rest is about
    bool ready = false, killed = false, stopping = false, ping_under_way = false;
    int failures = 0;                      // ends in a row
    bool end_counted = false;              // that of this start
    int missed_pings = 0;                  // in a row
    Time since{}, pinged{}, not_before{};  // by the timers' clock
    std::optional<Time> next_look;
    bool making = false;                           // its Python environment
    std::optional<Error> not_made;                 // why that could not be
    std::shared_ptr<const ServerAddress> address;  // shared: exchanges hold it until they end
    std::shared_ptr<const NativeModel> native;     // shared: with whoever answers with it at this moment
  };
  // A variant's server at its present start.
  struct Place {
    const Resource& endpoint;
    const Deployment& deployment;
    const Variant& variant;
    std::string id, key;
  };
  static Place place_of(const Resource& endpoint, const Deployment& deployment, const Variant& variant);

  ServerFacts facts_of(const Place& place, std::optional<work::WorkStatus> child);
  // nullopt: its Python environment is being made; the end of that pokes.
  Result<std::optional<work::WorkStatus>> launch(const Place& place);
  Result<std::optional<frameworks::Kept>> environment_for(const Place& place, const frameworks::Wanted& wanted);
  void note(const Place& place, const std::vector<std::string>& lines);
  Result<Up> replace(const Place& place, const work::WorkStatus& child, std::string& reason);
  Status write_attempt(const Place& place, std::int64_t attempt);
  Result<ServerAddress> find_address(const Place& place) const;
  void ping(const Place& place);
  // `algorithm`: empty, its model is not asked for.
  void pinged(const std::string& endpoint, const std::string& id, const std::string& key, const std::string& algorithm,
              const std::shared_ptr<const ServerAddress>& address, const Result<net::ClientResponse>& answer);
  void ask_for_matrix(const std::string& id, const std::string& key, const std::string& algorithm,
                      const std::shared_ptr<const ServerAddress>& address);
  Status kill(const Place& place);
  void look_later(const Place& place, Millis delay);
  void follow(const Place& place);
  static std::string log_group_of(const Place& place);
  static std::string log_stream_of(const Place& place);
  std::filesystem::path log_of(const Place& place) const;
  Time now() const { return needs_.execution.steady.now(); }

  const Needs needs_;
  const Sockets sockets_;
  Mutex mutex_;
  std::map<std::string, Server> servers_ MR_GUARDED_BY(mutex_);  // by variant_id()
};

}  // namespace millrace::sagemaker
