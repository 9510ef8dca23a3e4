// Jobs and endpoints under clients that create, stop, update and delete them at any moment, with programs that fail,
// hang, are lost or ignore a stop, a database whose statements fail, parts that do not answer, and a server that dies
// between any two writes and comes back.
//
// A round is a seed (base/simulated_rounds_for_tests.h).

#include "base/json.h"
#include "base/log.h"
#include "base/simulated_rounds_for_tests.h"
#include "sagemaker/jobs/tuning_plan.h"
#include "sagemaker/serving/deployment.h"
#include "sagemaker/simulation/requests.h"
#include "sagemaker/simulation/world.h"

namespace millrace::sagemaker::simulation {
namespace {

constexpr Kind kJobKinds[] = {Kind::training_job, Kind::processing_job, Kind::transform_job, Kind::tuning_job};

std::string input_bucket(std::uint32_t seed, const std::string& name) {
  return fate_of(seed, name + "'s bucket") % 10 == 0 ? "absent" : "data";
}

// What the clients do, and what they know of it.
class Clients {
 public:
  explicit Clients(World& world) : world_(world) {}

  void plan() {
    const auto count = 1 + world_.chaos.draw(3);
    for (std::uint32_t i = 0; i < count; ++i) {
      switch (world_.chaos.draw(10)) {
        case 0:
          plan_tuning(fmt::format("Tune-{}", i));
          break;
        case 1:
          plan_endpoint(fmt::format("Endpoint-{}", i));
          break;
        default:
          plan_job(kJobKinds[world_.chaos.draw(3)], fmt::format("Job-{}", i));
      }
    }
  }

  // At the end: endpoints go, and so may jobs.
  void delete_all() {
    for (const auto& endpoint : endpoints_) send(world_.now(), "DeleteEndpoint", "EndpointName", endpoint);
    for (const auto& [kind, name] : jobs_) {
      if (kind == Kind::transform_job) continue;  // the service has no operation for it
      if (world_.chaos.one_in(2)) {
        send(world_.now(), fmt::format("Delete{}", info_of(kind).name), info_of(kind).name_member, name);
        deleted_.insert({kind, name});
      }
    }
  }
  bool is_deleted(Kind kind, const std::string& name) const { return deleted_.contains({kind, name}); }
  // Was somebody to delete one of its training jobs?
  bool is_robbed(const std::string& tuning_job) const { return robbed_.contains(tuning_job); }
  // Was a stop of this very job accepted while it had not ended?
  bool is_stopped(const Resource& job) const { return stopped_.contains(job_key(job)); }
  bool are_done() const { return open_ == 0; }

 private:
  using Request = std::function<Value()>;
  static constexpr int kTries = 40;

  Time at(std::uint32_t most_seconds) { return world_.now() + Millis(world_.chaos.draw(most_seconds * 1'000)); }

  // Sent again while the server is away or has a fault of its own; not when it says no.
  void send(Time due, std::string operation, const Request& request, int tries = kTries) {
    ++open_;
    world_.at(due, [this, operation = std::move(operation), request, tries] {
      --open_;
      const auto again = [&] {
        if (tries > 0) send(world_.now() + Millis(700), operation, request, tries - 1);
      };
      try {
        Value input;
        const auto answer = world_.disturbed([&] {
          input = request();
          return world_.server().call(operation, input);
        });
        if (answer) return note_stop(operation, input);
        const Code code = answer.error().code;
        if (code == Code::internal || code == Code::unavailable) return again();
        // Its state does not allow it yet: as people do, later.
        const bool is_early = operation.starts_with("Delete") || operation.starts_with("Update");
        if (is_early && answer.error().reason != "ResourceNotFound" && !answer.error().message.starts_with("Could not"))
          again();
      } catch (const Died&) {
        again();
        throw;
      }
    });
  }
  void send(Time due, const std::string& operation, std::string_view member, const std::string& name) {
    send(due, operation, [member = std::string(member), name] { return Value::object({{member, name}}); });
  }

  void note_stop(const std::string& operation, const Value& input) {
    for (const Kind kind : kJobKinds) {
      if (operation != fmt::format("Stop{}", info_of(kind).name)) continue;
      const auto job = must(world_.store().find(kind, input[info_of(kind).name_member].string_or()));
      if (job && job->active) stopped_.insert(job_key(*job));
    }
  }

  void plan_job(Kind kind, const std::string& name) {
    if (kind == Kind::transform_job) make_model();
    const std::string bucket = input_bucket(world_.chaos.seed(), name);
    const bool built_in = world_.chaos.one_in(2);
    const Request request = [kind, name, bucket, built_in] {
      return kind == Kind::training_job     ? training_request(name, built_in, bucket)
             : kind == Kind::processing_job ? processing_request(name, bucket)
                                            : transform_request(name, bucket);
    };
    jobs_.emplace_back(kind, name);
    const std::string word(info_of(kind).name);
    send(at(20), "Create" + word, request);
    if (world_.chaos.one_in(3)) send(at(60), "Stop" + word, info_of(kind).name_member, name);
    if (kind == Kind::transform_job || !world_.chaos.one_in(4)) return;
    send(at(90), "Delete" + word, info_of(kind).name_member, name);
    if (world_.chaos.one_in(2)) send(at(120), "Create" + word, request);  // the name may be free again
  }

  void plan_tuning(const std::string& name) {
    const std::string bucket = input_bucket(world_.chaos.seed(), name);
    jobs_.emplace_back(Kind::tuning_job, name);
    send(at(20), "CreateHyperParameterTuningJob",
         [name, bucket, seed = world_.chaos.seed()] { return tuning_request(name, seed, bucket); });
    if (world_.chaos.one_in(3)) send(at(100), "StopHyperParameterTuningJob", "HyperParameterTuningJobName", name);
    // Somebody meddles with one of its training jobs.
    if (!world_.chaos.one_in(3)) return;
    if (world_.chaos.one_in(2)) return meddle(name, "StopTrainingJob");
    meddle(name, "DeleteTrainingJob");
    robbed_.insert(name);
  }

  void meddle(const std::string& name, const std::string& operation) {
    send(at(60), operation, [this, name] {
      const auto trials = world_.store().children(name);
      const std::string trial = trials && !trials->empty() ? trials->front().name : "none-yet";
      return Value::object({{"TrainingJobName", trial}});
    });
  }

  void make_model() {
    if (!std::exchange(has_model_, true)) send(world_.now(), "CreateModel", [] { return model_request("model"); });
  }

  void plan_endpoint(const std::string& name) {
    make_model();
    endpoints_.push_back(name);
    for (const auto* config : {"-one", "-two"})
      send(world_.now() + Millis(1'000), "CreateEndpointConfig",
           [name, config] { return config_request(name + config); });
    const auto with = [name](const std::string& config) {
      return [name, config] { return Value::object({{"EndpointName", name}, {"EndpointConfigName", config}}); };
    };
    const Time begin = world_.now() + Millis(5'000);  // the configurations are there, or will never be
    send(begin, "CreateEndpoint", with(name + "-one"));
    for (auto n = world_.chaos.draw(3); n > 0; --n)
      send(begin + Millis(world_.chaos.draw(50'000)), "UpdateEndpoint", with(name + (n % 2 == 0 ? "-one" : "-two")));
    if (world_.chaos.one_in(3)) {
      send(begin + Millis(world_.chaos.draw(40'000)), "UpdateEndpointWeightsAndCapacities", [name] {
        return filled(
            R"({"EndpointName": "NAME", "DesiredWeightsAndCapacities": [{"VariantName": "a", "DesiredWeight": 3}]})",
            name);
      });
    }
    for (auto n = world_.chaos.draw(4); n > 0; --n) {
      ++open_;
      world_.at(begin + Millis(world_.chaos.draw(40'000)), [this, name, n] {
        --open_;
        world_.invoke(name, n % 2 == 0 ? "a" : "b");
      });
    }
    if (world_.chaos.one_in(4)) send(begin + Millis(world_.chaos.draw(50'000)), "DeleteEndpoint", "EndpointName", name);
  }

  World& world_;
  std::vector<std::pair<Kind, std::string>> jobs_;
  std::vector<std::string> endpoints_;
  std::set<std::pair<Kind, std::string>> deleted_;
  std::set<std::string> robbed_;
  std::set<std::string> stopped_;  // by their keys
  int open_ = 0;
  bool has_model_ = false;
};

// What must hold, always and when everything has ended.
class Invariants {
 public:
  explicit Invariants(World& world) : world_(world) {}

  void look() {
    EXPECT_TRUE(world_.twice.empty()) << *world_.twice.begin() << " was started twice";
    for (const Resource& row : rows(Kind::training_job)) {
      if (row.active) continue;
      // What has ended stays as it is. A deleted job's name may be another's.
      const auto [seen, is_new] = ended_.try_emplace({row.name, row.created}, to_json(row.body));
      if (!is_new) EXPECT_EQ(seen->second, to_json(row.body)) << row.name << " changed after its end";
    }
    for (const Resource& job : rows(Kind::tuning_job)) {
      const auto trials = must(world_.store().children(job.name));
      EXPECT_LE(trials.size(), static_cast<std::size_t>(kTrials)) << job.name;
      EXPECT_LE(std::ranges::count_if(trials, &Resource::active), kParallelTrials) << job.name;
    }
  }

  // Nothing is to come: no row on its way, no directory, no program but those that serve.
  std::string unsettled() {
    for (const Resource& row : must(world_.store().active())) {
      if (row.kind != Kind::endpoint) return row.name + " is " + row.status;
      if (row.status != "InService" && row.status != "Failed") return row.name + " is " + row.status;
      const auto deployments = deployments_of(row);
      const std::int64_t serving = row.state["serving"].int_or(0);
      if (row.state["pending"].int_or(0) != 0) return row.name + " has a deployment on its way";
      if (deployments.size() != (serving == 0 ? 0u : 1u)) return row.name + " has deployments to take down";
    }
    for (const Kind kind : kJobKinds) {
      const auto path = directory() / info_of(kind).arn_segment;
      if (std::filesystem::exists(path) && !std::filesystem::is_empty(path)) return path.string() + " is not empty";
    }
    const auto serving = serving_keys();
    for (const std::string& key : world_.programs_run.known()) {
      if (!serving.contains(deployment_of_key(key))) return key + " is not forgotten";
    }
    return "";
  }

  void check_ends(const Clients& clients) {
    for (const Kind kind : kJobKinds) {
      for (const Resource& row : rows(kind)) {
        EXPECT_FALSE(clients.is_deleted(kind, row.name)) << row.name << " was to be deleted";
        check_job(row, clients);
      }
    }
    for (const Resource& row : rows(Kind::endpoint)) check_endpoint(row);
    EXPECT_TRUE(world_.are_answered()) << "an invocation was not answered";
  }

  void check_nothing_left() {
    EXPECT_TRUE(rows(Kind::endpoint).empty());
    EXPECT_TRUE(world_.programs_run.known().empty()) << world_.programs_run.known().front();
    for (const auto* folder : {"endpoint", "sockets"}) {
      const auto path = directory() / folder;
      if (std::filesystem::exists(path)) EXPECT_TRUE(std::filesystem::is_empty(path)) << path;
    }
  }

 private:
  std::vector<Resource> rows(Kind kind) {
    ListQuery all;
    all.limit = 1'000;
    return must(world_.store().list(kind, all));
  }
  std::filesystem::path directory() const { return world_.directory(); }

  std::set<std::string> serving_keys() {
    std::set<std::string> keys;
    for (const Resource& row : rows(Kind::endpoint)) {
      for (const auto& deployment : deployments_of(row)) {
        for (const auto& variant : deployment.variants)
          keys.insert(deployment_of_key(server_key(row, deployment, variant)));
      }
    }
    return keys;
  }

  void check_job(const Resource& row, const Clients& clients) {
    EXPECT_TRUE(is_final(row.status)) << row.name << " is " << row.status;
    if (row.status == "Failed") EXPECT_FALSE(row.body["FailureReason"].string_or().empty()) << row.name;
    EXPECT_EQ(row.body[info_of(row.kind).status_member].string_or(), row.status);
    EXPECT_TRUE(row.body.has(info_of(row.kind).end_member)) << row.name;
    if (clients.is_stopped(row)) EXPECT_NE(row.status, "Completed") << row.name << " was stopped";
    if (row.kind == Kind::tuning_job) return clients.is_robbed(row.name) ? void() : check_tuning(row);
    const auto program = world_.programs.find(job_key(row));
    if (row.status == "Completed") {
      ASSERT_NE(program, world_.programs.end()) << row.name << " ended without having run";
      EXPECT_EQ(program->second.end, Program::End::good) << row.name;
      check_output(row);
    } else if (row.status == "Failed" && program != world_.programs.end()) {
      const bool ours = row.body["FailureReason"].string_or().starts_with("InternalServerError");
      EXPECT_TRUE(ours || program->second.end != Program::End::good) << row.name << ": " << to_json(row.body);
    } else if (row.status == "Failed") {
      EXPECT_TRUE(row.body["FailureReason"].string_or().find("absent") != std::string::npos) << to_json(row.body);
    }
  }

  void check_output(const Resource& row) {
    const std::string name = row.kind == Kind::training_job     ? "output/" + row.name + "/output/model.tar.gz"
                             : row.kind == Kind::processing_job ? "processed/" + row.name + "/left"
                                                                : "transformed/" + row.name + "/left";
    EXPECT_TRUE(world_.objects.contains("data/" + name)) << name;
  }

  void check_tuning(const Resource& job) {
    const auto trials = must(world_.store().children(job.name));
    std::map<std::string, std::int64_t> by_status;
    for (const Resource& trial : trials) ++by_status[trial.status];
    const Value& counters = job.body["TrainingJobStatusCounters"];
    EXPECT_EQ(counters["InProgress"].int_or(-1), 0) << job.name;
    EXPECT_EQ(counters["Completed"].int_or(-1), by_status["Completed"]) << to_json(job.body);
    EXPECT_EQ(counters["NonRetryableError"].int_or(-1), by_status["Failed"]) << to_json(job.body);
    EXPECT_EQ(counters["Stopped"].int_or(-1), by_status["Stopped"]) << to_json(job.body);
    const Objective objective = objective_of(job.body);
    std::optional<double> best;
    for (const Resource& trial : trials) {
      if (trial.status == "Failed") continue;
      if (const auto value = objective_value(trial.body, objective.metric))
        best = best ? std::min(*best, *value) : *value;
    }
    const Value& shown = job.body["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"];
    EXPECT_EQ(shown.is_null(), !best) << to_json(job.body);
    if (best) EXPECT_EQ(shown.double_or(-1), *best) << to_json(job.body);
  }

  void check_endpoint(const Resource& row) {
    EXPECT_TRUE(row.status == "InService" || row.status == "Failed") << row.name << " is " << row.status;
    const std::string reason = row.body["FailureReason"].string_or();
    if (reason.find("did not pass the ping health check") != std::string::npos) check_given_up(row);
    if (row.status == "Failed") {
      EXPECT_FALSE(reason.empty()) << row.name;
      EXPECT_TRUE(deployments_of(row).empty()) << row.name;
      return;
    }
    const auto deployments = deployments_of(row);
    ASSERT_EQ(deployments.size(), 1u) << row.name;
    EXPECT_EQ(row.body["EndpointConfigName"].string_or(), deployments.front().config);
    for (const auto& variant : deployments.front().variants)
      EXPECT_FALSE(is_bad_deployment(world_.chaos.seed(), server_key(row, deployments.front(), variant))) << row.name;
  }

  // A model server is given up when it has been started and has ended so often, and not before.
  void check_given_up(const Resource& row) {
    const std::string keys = fmt::format("sagemaker/endpoint/{}/{}/", to_lower(row.name), to_epoch_ms(row.created));
    std::map<std::string, int> starts;  // by deployment and variant
    int most = 0;
    for (const auto& [key, program] : world_.programs) {
      if (key.starts_with(keys)) most = std::max(most, ++starts[deployment_of_key(key)]);
    }
    EXPECT_GE(most, kMaxFailures) << row.name << " was given up early";
  }

  World& world_;
  std::map<std::pair<std::string, Time>, std::string> ended_;
};

struct Totals {
  std::int64_t deaths = 0, steps = 0;
};

void run_round(Ground& ground, std::uint32_t seed, Totals& totals) {
  World world(ground, seed);
  Clients clients(world);
  Invariants invariants(world);
  clients.plan();
  const auto settled = [&] { return clients.are_done() && world.are_answered() && invariants.unsettled().empty(); };
  const auto look = [&] { invariants.look(); };
  ASSERT_TRUE(world.run(settled, look)) << "it does not end: " << invariants.unsettled();
  if (::testing::Test::HasFailure()) return;
  world.chaos.any = false;
  ASSERT_TRUE(world.run(settled, look)) << "it does not end: " << invariants.unsettled();
  invariants.check_ends(clients);
  if (::testing::Test::HasFailure()) return;
  world.chaos.any = true;
  clients.delete_all();
  ASSERT_TRUE(world.run(settled, look)) << "what was deleted does not go: " << invariants.unsettled();
  world.chaos.any = false;
  ASSERT_TRUE(world.run(settled, look)) << "what was deleted does not go: " << invariants.unsettled();
  invariants.check_ends(clients);
  invariants.check_nothing_left();
  totals.deaths += world.chaos.deaths();
  totals.steps += world.steps();
}

TEST(Simulation, JobsAndEndpointsEndAsTheyMustWhateverHappens) {
  log::set_level(log::Level::error);
  Ground ground;
  Totals totals;
  const int rounds = SimulatedRounds().run([&](std::uint32_t seed) { run_round(ground, seed, totals); });
  fmt::print("{} schedules, {} steps, {} deaths of the server\n", rounds, totals.steps, totals.deaths);
}

}  // namespace
}  // namespace millrace::sagemaker::simulation
