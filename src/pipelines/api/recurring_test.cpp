// Recurring runs over the KFP API. That time passes is the scheduler's own test; here starts lie in the past.

#include <gmock/gmock.h>

#include "base/encode.h"
#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;

class RecurringTest : public ApiTest {
 protected:
  // With `more` in place of what a request needs least.
  Value body(std::string_view name, const Value& more = Value::object()) {
    Value out = Value::object({{"display_name", name}, {"max_concurrency", "1"}, {"mode", "ENABLE"}});
    if (!more.has("pipeline_version_reference")) out.set("pipeline_spec", pipeline_);
    if (!more.has("trigger")) out.set("trigger", yearly());
    for (const auto& [key, value] : more.members()) out.set(key, value);
    return out;
  }
  std::string make(std::string_view name, const Value& more = Value::object()) {
    return made(post("/recurringruns", body(name, more)), "recurring_run_id");
  }
  static Value yearly() { return Value::object({{"cron_schedule", Value::object({{"cron", "0 0 0 1 1 *"}})}}); }
  // Hourly between two times that have gone by: 01:00, 02:00… of that day.
  static Value hours(std::string_view until) {
    return Value::object(
        {{"periodic_schedule",
          Value::object({{"interval_second", 3600}, {"start_time", "2026-01-02T00:00:00Z"}, {"end_time", until}})}});
  }
  static Value with_word(const Value& word) { return Value::object({{"parameters", Value::object({{"word", word}})}}); }
  // All that it has started, the first first, once there are so many and they have ended.
  std::vector<Value> runs_of(const std::string& id, std::size_t count) {
    const std::string filter =
        fmt::format(R"({{"predicates":[{{"operation":"EQUALS","key":"recurring_run_id","string_value":"{}"}}]}})", id);
    const std::string target = "/runs?page_size=100&sort_by=scheduled_at&filter=" + percent_encode(filter);
    Answer answer;
    EXPECT_TRUE(World::eventually([&] {
      answer = get(target);
      std::size_t ended = 0;
      for (const Value& run : answer.body["runs"].items()) {
        const std::string state = run["state"].string_or();
        ended += state == "SUCCEEDED" || state == "FAILED" ? 1 : 0;
      }
      return ended == count;
    })) << answer.text;
    return answer.body["runs"].items();
  }
};

TEST_F(RecurringTest, AreKeptAsTheyWereGiven) {
  const std::string experiment = made(post("/experiments", Value::object({{"display_name", "e"}})), "experiment_id");
  const Answer created = post(
      "/recurringruns",
      body("Every Hour!",
           Value::object({{"description", "d"},
                          {"experiment_id", experiment},
                          {"service_account", "me"},
                          {"max_concurrency", "10"},
                          {"no_catchup", true},
                          {"mode", "DISABLE"},
                          {"namespace", "kubeflow"},
                          {"runtime_config", Value::object({{"parameters", Value::object({{"word", "[[Index]]"}})},
                                                            {"pipeline_root", "s3://b/root"}})},
                          {"trigger", Value::object({{"cronSchedule",
                                                      Value::object({{"cron", "0 0 * * * *"},
                                                                     {"startTime", "2031-01-01T01:00:00+01:00"},
                                                                     {"end_time", "2032-01-01T00:00:00.5Z"}})}})}})));
  const std::string id = made(created, "recurring_run_id");
  Value expected = *parse_json(R"({
    "display_name": "Every Hour!", "description": "d", "service_account": "me", "max_concurrency": "10",
    "no_catchup": true, "mode": "DISABLE", "status": "DISABLED",
    "runtime_config": {"parameters": {"word": "[[Index]]"}, "pipeline_root": "s3://b/root"},
    "trigger": {"cron_schedule": {"cron": "0 0 * * * *", "start_time": "2031-01-01T00:00:00Z",
                                  "end_time": "2032-01-01T00:00:00Z"}}})");
  expected.set("recurring_run_id", id).set("experiment_id", experiment).set("pipeline_spec", pipeline_);
  expected.set("created_at", created.body["created_at"]).set("updated_at", created.body["created_at"]);
  EXPECT_EQ(created.body, expected) << created.text;
  EXPECT_EQ(get("/recurringruns/" + id).body, expected);
  EXPECT_EQ(get("/recurringruns").body["recurringRuns"].items().at(0), expected);

  // The least that it takes: no trigger, and it is off.
  const Answer least =
      post("/recurringruns",
           Value::object({{"display_name", "least"}, {"pipeline_spec", pipeline_}, {"max_concurrency", 1}}));
  EXPECT_EQ(least.body["status"].string_or(), "DISABLED");
  EXPECT_EQ(least.body["service_account"].string_or(), "pipeline-runner");
  for (const char* absent : {"trigger", "no_catchup", "description", "error", "runtime_config"})
    EXPECT_FALSE(least.body.has(absent)) << absent;
  EXPECT_EQ(get("/experiments/" + least.body["experiment_id"].string_or()).body["display_name"].string_or(), "Default");
}

TEST_F(RecurringTest, RefuseWhatTheirRunsWouldBeRefusedFor) {
  const auto cron = [](std::string_view text) {
    return Value::object({{"trigger", Value::object({{"cron_schedule", Value::object({{"cron", text}})}})}});
  };
  struct Case {
    Value more;
    int status;
    const char* says;
  };
  const Value periodic =
      Value::object({{"trigger", Value::object({{"periodic_schedule", Value::object({{"interval_second", -1}})}})}});
  for (const Case& c : {
           Case{Value::object({{"display_name", ""}}), 400, "Recurring run name is empty. Please specify a valid name"},
           Case{Value::object({{"display_name", std::string(1'025, 'x')}}), 400, "longer than 1024"},
           Case{Value::object({{"max_concurrency", 0}}), 400,
                "Max concurrency of a recurring run must be at least 1 and at most 10. Received 0"},
           Case{Value::object({{"max_concurrency", nullptr}}), 400, "Received 0"},
           Case{Value::object({{"max_concurrency", "11"}}), 400, "Received 11"},
           Case{Value::object({{"max_concurrency", 1.5}}), 400, "whole number"},
           Case{cron("1 * *"), 400,
                "Schedule cron is not a supported format(https://godoc.org/github.com/robfig/cron). Error: "
                "Expected 5 to 6 fields, found 3: 1 * *"},
           Case{periodic, 400, "Found invalid period schedule interval -1. Set at interval to least 1 second"},
           Case{Value::object({{"trigger", Value::object({{"cron", "@daily"}})}}), 400, "unknown field \"cron\""},
           Case{Value::object({{"mode", "SOMETIMES"}}), 400, "Recurring run's mode is invalid"},
           Case{Value::object({{"no_catchup", "yes"}}), 400, "no_catchup must be true or false"},
           Case{Value::object({{"runtime_config", Value::object({{"parameters", Value::object({{"none", 1}})}})}}), 400,
                "none"},
           Case{Value::object({{"runtime_config", with_word(5)}}), 400, "word"},
           Case{Value::object({{"pipeline_spec", Value::object({{"root", 1}})}}), 400, ""},
           Case{Value::object({{"pipeline_version_reference", Value::object({{"pipeline_id", "no"}})}}), 404,
                "Pipeline no not found"},
           Case{Value::object({{"experiment_id", "no"}}), 404, "Experiment no not found"},
           Case{Value::object({{"plugins_input", Value::object({{"mlflow", Value::object()}})}}), 501, "plugins"},
           Case{Value::object({{"triggers", 1}}), 400, "unknown field \"triggers\""},
       }) {
    const Answer answer = post("/recurringruns", body("r", c.more));
    EXPECT_EQ(answer.status, c.status) << to_json(c.more) << answer.text;
    EXPECT_THAT(answer.body["message"].string_or(), HasSubstr(c.says));
  }
  EXPECT_EQ(get("/recurringruns").text, "{}") << "nothing is stored by a request that is refused";
  EXPECT_EQ(post("/recurringruns/no:enable").status, 404);
  EXPECT_EQ(post("/recurringruns/no:disable").status, 404);
  EXPECT_EQ(get("/recurringruns/no").status, 404);
  EXPECT_EQ(remove("/recurringruns/no").status, 404);
}

TEST_F(RecurringTest, StartRunsThatKnowWhatTheyAreFor) {
  const std::string id =
      make("Three, in a Row",
           Value::object({{"trigger", hours("2026-01-02T03:00:00Z")},
                          {"service_account", "me"},
                          {"runtime_config", with_word("[[Index]]_[[ScheduledTime.2006-01-02_15h]]_[[RunUUID]]")}}));
  const auto runs = runs_of(id, 3);
  ASSERT_THAT(runs, SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    const Value& run = runs[static_cast<std::size_t>(i)];
    const std::string run_id = run["run_id"].string_or(), time = fmt::format("2026-01-02T0{}:00:00Z", i + 1);
    EXPECT_EQ(run["recurring_run_id"].string_or(), id);
    EXPECT_EQ(run["scheduled_at"].string_or(), time);
    EXPECT_GT(run["created_at"].string_or(), time);
    EXPECT_EQ(run["service_account"].string_or(), "me");
    EXPECT_THAT(run["display_name"].string_or(), MatchesRegex(fmt::format("threeinarow.....-{}-[0-9]+", i + 1)));
    EXPECT_EQ(run["pipeline_spec"], pipeline_);
    const std::string word = fmt::format("{}_2026-01-02_0{}h_{}", i + 1, i + 1, run_id);
    EXPECT_EQ(run["runtime_config"]["parameters"]["word"].string_or(), word);
    EXPECT_EQ(world_.task(run_id, "a").outputs["parameters"]["out"].string_or(), word);
    EXPECT_EQ(get("/runs/" + run_id).body["recurring_run_id"].string_or(), id);
  }
  EXPECT_FALSE(get("/recurringruns/" + id).body.has("error"));

  // Its runs stay when it goes.
  EXPECT_EQ(remove("/recurringruns/" + id).status, 200);
  EXPECT_EQ(get("/recurringruns/" + id).status, 404);
  EXPECT_THAT(runs_of(id, 3), SizeIs(3));
}

TEST_F(RecurringTest, TellTasksWhatTheyAreForAndSayWhenTheirExperimentIsGone) {
  const std::string experiment = made(post("/experiments", Value::object({{"display_name", "e"}})), "experiment_id");
  const Value tells = make_pipeline({{"a", "printf '%s' {{$.pipeline_job_schedule_time_utc}} > outputs/out"}});
  const std::string id = make(
      "r", Value::object(
               {{"trigger", hours("2026-01-02T02:00:00Z")}, {"experiment_id", experiment}, {"pipeline_spec", tells}}));
  for (const Value& run : runs_of(id, 2)) {
    const TaskView task = world_.task(run["run_id"].string_or(), "a");
    EXPECT_EQ(task.outputs["parameters"]["out"], run["scheduled_at"]) << task.error;
  }
  const std::string orphan = make(
      "orphan",
      Value::object({{"trigger", hours("2026-01-02T01:00:00Z")}, {"experiment_id", experiment}, {"mode", "DISABLE"}}));
  EXPECT_EQ(remove("/experiments/" + experiment).status, 200);
  EXPECT_EQ(post("/recurringruns/" + orphan + ":enable").status, 200);
  EXPECT_TRUE(world_.eventually([&] { return get("/recurringruns/" + orphan).body.has("error"); }));
  EXPECT_EQ(get("/recurringruns/" + orphan).body["error"]["message"].string_or(),
            fmt::format("Experiment {} not found", experiment));
  EXPECT_EQ(get("/recurringruns?experiment_id=" + experiment).body["total_size"].int_or(0), 2);
}

TEST_F(RecurringTest, GoOnAfterARestart) {
  const std::string gate = (world_.path() / "gate").string(), tries = (world_.path() / "tries").string();
  const Value waits =
      make_pipeline({{"a", fmt::format("echo x >> {}; until test -e {}; do sleep 0.02; done", tries, gate)}});
  const std::string id =
      make("r", Value::object({{"trigger", hours("2026-01-02T04:00:00Z")}, {"pipeline_spec", waits}}));
  ASSERT_TRUE(world_.eventually([&] { return world_.file("tries") == "x\n"; }));
  world_.close();
  world_.open();
  ASSERT_TRUE(write_file(gate, ""));
  const auto runs = runs_of(id, 4);
  ASSERT_THAT(runs, SizeIs(4));
  EXPECT_EQ(world_.file("tries"), "x\nx\nx\nx\n") << "each time once";
  for (const Value& run : runs) EXPECT_EQ(run["state"].string_or(), "SUCCEEDED");
}

TEST_F(RecurringTest, TakeTheNewestVersionUnlessOneIsNamed) {
  const auto version_of = [&](std::string_view name) {
    return made(upload(fmt::format("/pipelines/upload_version?pipelineid={}&name={}",
                                   get("/pipelines/names/p").body["pipeline_id"].string_or(), name),
                       "p.json", to_json(pipeline_)),
                "pipeline_version_id");
  };
  const std::string pipeline = made(upload("/pipelines/upload?name=p", "p.json", to_json(pipeline_)), "pipeline_id");
  const std::string second = version_of("second");
  const auto start = [&](std::string_view name, const std::string& version) {
    Value reference = Value::object({{"pipeline_id", pipeline}});
    reference.set_if(!version.empty(), "pipeline_version_id", version);
    return make(name, Value::object({{"trigger", hours("2026-01-02T01:00:00Z")},
                                     {"mode", "DISABLE"},
                                     {"pipeline_version_reference", reference}}));
  };
  const std::string newest = start("newest", ""), pinned = start("pinned", second);
  EXPECT_EQ(get("/recurringruns/" + newest).body["pipeline_version_reference"],
            Value::object({{"pipeline_id", pipeline}}));
  const std::string third = version_of("third");
  for (const auto& [id, version] : {std::pair(newest, third), std::pair(pinned, second)}) {
    EXPECT_EQ(post("/recurringruns/" + id + ":enable").status, 200);
    const auto runs = runs_of(id, 1);
    ASSERT_THAT(runs, SizeIs(1));
    EXPECT_EQ(runs[0]["pipeline_version_reference"],
              Value::object({{"pipeline_id", pipeline}, {"pipeline_version_id", version}}));
  }
  // A pipeline that is gone is said where the recurring run is read.
  const std::string orphan = start("orphan", "");
  EXPECT_EQ(remove("/pipelines/" + pipeline + "?cascade=true").status, 200);
  EXPECT_EQ(post("/recurringruns/" + orphan + ":enable").status, 200);
  Value message;
  EXPECT_TRUE(world_.eventually([&] {
    message = get("/recurringruns/" + orphan).body;
    return message.has("error");
  }));
  EXPECT_EQ(message["error"]["code"].int_or(0), 5) << to_json(message);
  EXPECT_EQ(message["error"]["message"].string_or(), fmt::format("Pipeline {} not found", pipeline));
}

TEST_F(RecurringTest, AreListedByEachKeyAndPaged) {
  const std::string experiment = made(post("/experiments", Value::object({{"display_name", "e"}})), "experiment_id");
  const std::string one = make("one", Value::object({{"experiment_id", experiment}, {"description", "first"}}));
  const std::string two = make("two", Value::object({{"mode", 2}, {"max_concurrency", 3}}));
  make("three");
  const auto found = [&](const char* key, const Value& value) {
    const Value predicate =
        Value::object({{"key", key}, {"operation", 1}, {value.is_string() ? "string_value" : "int_value", value}});
    const Value filter = Value::object({{"predicates", Value::array({predicate})}});
    return names(get("/recurringruns?sort_by=display_name&filter=" + percent_encode(to_json(filter))), "recurringRuns");
  };
  EXPECT_THAT(found("recurring_run_id", one), ElementsAre("one"));
  EXPECT_THAT(found("id", two), ElementsAre("two"));
  EXPECT_THAT(found("display_name", "three"), ElementsAre("three"));
  EXPECT_THAT(found("name", "two"), ElementsAre("two"));
  EXPECT_THAT(found("description", "first"), ElementsAre("one"));
  EXPECT_THAT(found("status", "DISABLED"), ElementsAre("two"));
  EXPECT_THAT(found("status", "ENABLED"), ElementsAre("one", "three"));
  EXPECT_THAT(found("experiment_id", experiment), ElementsAre("one"));
  EXPECT_THAT(found("max_concurrency", 3), ElementsAre("two"));
  EXPECT_THAT(found("pipeline_name", "p"), ElementsAre("one", "three", "two"));
  EXPECT_THAT(names(get("/recurringruns?namespace=kubeflow&experiment_id=" + experiment), "recurringRuns"),
              ElementsAre("one"));
  const Answer page = get("/recurringruns?page_size=2&sort_by=name%20desc");
  EXPECT_THAT(names(page, "recurringRuns"), ElementsAre("two", "three"));
  EXPECT_EQ(page.body["total_size"].int_or(0), 3);
  const std::string token = percent_encode(page.body["next_page_token"].string_or());
  EXPECT_THAT(names(get("/recurringruns?page_token=" + token), "recurringRuns"), ElementsAre("one"));
  EXPECT_EQ(get("/runs?page_token=" + token).status, 400);
  for (const char* sort_by : {"created_at", "updated_at%20desc", "status", "pipeline_id", "pipeline_version_id"})
    EXPECT_THAT(names(get(fmt::format("/recurringruns?sort_by={}", sort_by)), "recurringRuns"), SizeIs(3)) << sort_by;
  EXPECT_EQ(get("/recurringruns?sort_by=trigger").status, 400);
}

TEST_F(RecurringTest, AreSwitchedOffWithTheirExperiment) {
  const std::string experiment = made(post("/experiments", Value::object({{"display_name", "e"}})), "experiment_id");
  const std::string in = make("in", Value::object({{"experiment_id", experiment}})), out = make("out");
  EXPECT_EQ(post("/experiments/" + experiment + ":archive").status, 200);
  EXPECT_EQ(get("/recurringruns/" + in).body["status"].string_or(), "DISABLED");
  EXPECT_EQ(get("/recurringruns/" + out).body["status"].string_or(), "ENABLED");
  EXPECT_EQ(post("/experiments/" + experiment + ":unarchive").status, 200);
  EXPECT_EQ(get("/recurringruns/" + in).body["status"].string_or(), "DISABLED");
  EXPECT_EQ(post("/recurringruns/" + out + ":disable").status, 200);
  EXPECT_EQ(get("/recurringruns/" + out).body["mode"].string_or(), "DISABLE");
}

TEST_F(RecurringTest, MayBeNamedByARunThatIsMadeByHand) {
  const std::string id = make("r");
  const auto start = [&](const std::string& parent) {
    return post("/runs",
                Value::object({{"display_name", "now"}, {"pipeline_spec", pipeline_}, {"recurring_run_id", parent}}));
  };
  EXPECT_EQ(start(id).body["recurring_run_id"].string_or(), id);
  EXPECT_EQ(start("no").status, 404);
  EXPECT_THAT(runs_of(id, 1), SizeIs(1));
  EXPECT_EQ(remove("/recurringruns/" + id + "?propagation_policy=DELETE_PROPAGATION_POLICY_FOREGROUND").status, 501);
  for (const char* unknown : {"KEEP", "2"})
    EXPECT_EQ(remove("/recurringruns/" + id + "?propagation_policy=" + unknown).status, 400) << unknown;
  EXPECT_EQ(remove("/recurringruns/" + id + "?propagation_policy=").status, 200);
}

// As proto's JSON has int64: 5, "5" and 5.0 are one number; a client in Python or JavaScript may send each.
TEST_F(RecurringTest, WholeNumbersComeInAnySpelling) {
  for (const Value& number : {Value(60), Value("60"), Value(60.0)}) {
    const Value trigger = Value::object({{"periodicSchedule", Value::object({{"intervalSecond", number}})}});
    const Answer made =
        post("/recurringruns",
             body("r", Value::object({{"trigger", trigger}, {"mode", "DISABLE"}, {"max_concurrency", Value(2.0)}})));
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_EQ(made.body["trigger"]["periodic_schedule"]["interval_second"].string_or(), "60");
    EXPECT_EQ(made.body["max_concurrency"].string_or(), "2");
  }
  for (const Value& number : {Value(1.5), Value("1.5"), Value(1e300), Value(true)})
    EXPECT_EQ(post("/recurringruns", body("r", Value::object({{"max_concurrency", number}}))).status, 400);
}

TEST_F(RecurringTest, OfAnExperimentThatIsNotThereCannotBeListed) {
  EXPECT_EQ(get("/recurringruns?experiment_id=none").status, 404);
}

}  // namespace
}  // namespace millrace::pipelines::api
