// The KFP API, asked as its clients ask it: addresses, bodies, statuses and messages.

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encode.h"
#include "base/strings.h"
#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ApiTest, SaysThatItIsWell) {
  for (const char* path : {"/apis/v2beta1/healthz", "/apis/v1beta1/healthz", "/apis/v2beta1/healthz/"}) {
    const Answer answer = world_.get(path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_FALSE(answer.body["multi_user"].bool_or(true));
  }
}

TEST_F(ApiTest, ErrorsHaveTheBodyThatClientsRead) {
  const Answer answer = get("/runs/none");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body["code"].int_or(0), 5);
  EXPECT_EQ(answer.body["message"].string_or(), "Run none not found");
  EXPECT_EQ(answer.body["details"].items().at(0)["@type"].string_or(), "type.googleapis.com/google.rpc.Status");
  const Answer upload_error = upload("/pipelines/upload", "p.txt", "x");
  EXPECT_EQ(upload_error.status, 400);
  EXPECT_THAT(upload_error.body["error_message"].string_or(), HasSubstr(".tar.gz"));
}

TEST_F(ApiTest, RefusesWhatIsNotServedInOneSentence) {
  struct Case {
    const char *method, *target;
    int status;
    const char* says;
  };
  const Case cases[] = {
      {"GET", "/apis/v2beta1/nothing", 404, "nothing at this address"},
      {"GET", "/apis/v2beta1/runs/a/b/c", 404, "nothing at this address"},
      {"GET", "/apis", 404, "nothing at this address"},
      {"DELETE", "/apis/v2beta1/recurringruns/x", 404, "RecurringRun x not found"},
      {"POST", "/apis/v2beta1/recurringruns/x:enable", 404, "RecurringRun x not found"},
      {"PUT", "/apis/v2beta1/recurringruns", 501, "PUT is not a method"},
      {"POST", "/apis/v2beta1/runs/x:retry", 404, "Run x not found"},
      {"POST", "/apis/v2beta1/artifacts", 501, "artifacts"},
      {"POST", "/apis/v1beta1/visualizations/kubeflow", 501, "visualizations"},
      {"POST", "/apis/v2beta1/visualizations/kubeflow", 501, "visualizations"},
      {"POST", "/apis/v2beta1/workflows", 501, "Argo"},
      {"PUT", "/apis/v2beta1/runs", 501, "PUT"},
      {"GET", "/apis/v2beta1/runs/%", 404, ""},
      {"GET", "/apis/v2beta1/runs/%00", 404, ""},
  };
  for (const Case& c : cases) {
    const Answer answer = world_.send(c.method, c.target);
    EXPECT_EQ(answer.status, c.status) << c.target << " " << answer.text;
    EXPECT_THAT(answer.body["message"].string_or(), HasSubstr(c.says)) << c.target;
  }
}

TEST_F(ApiTest, Experiments) {
  EXPECT_THAT(names(get("/experiments"), "experiments"), ElementsAre("Default"));
  const std::string id =
      made(post("/experiments", Value::object({{"displayName", "mine"}, {"description", "d"}})), "experiment_id");
  const Answer twice = post("/experiments", Value::object({{"display_name", "mine"}}));
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.body["code"].int_or(0), 6);
  EXPECT_EQ(get("/experiments/" + id).body["description"].string_or(), "d");
  EXPECT_EQ(post("/experiments/" + id + ":archive").status, 200);
  EXPECT_EQ(get("/experiments/" + id).body["storage_state"].string_or(), "ARCHIVED");
  EXPECT_EQ(post("/experiments/" + id + ":unarchive").status, 200);
  EXPECT_EQ(remove("/experiments/" + id).status, 200);
  EXPECT_EQ(get("/experiments/" + id).status, 404);
  EXPECT_EQ(remove("/experiments/" + id).status, 404);
}

TEST_F(ApiTest, BodiesThatCannotBeTaken) {
  const std::string run = to_json(pipeline_);
  const std::string long_name(2'000, 'n');
  const std::pair<std::string, std::pair<std::string, std::string>> cases[] = {
      {"/experiments", {"{", "cannot be read"}},
      {"/experiments", {"[]", "must be a JSON object"}},
      {"/experiments", {"{}", "needs a display_name"}},
      {"/experiments", {R"({"display_name": 5})", "display_name must be a string"}},
      {"/experiments", {R"({"display_name": "a", "colour": "red"})", "unknown field \"colour\" in Experiment"}},
      {"/experiments", {fmt::format(R"({{"display_name": "{}"}})", long_name), "longer than"}},
      {"/runs", {"{}", "needs a display_name"}},
      {"/runs", {R"({"display_name": "r"})", "needs a pipeline_spec or a pipeline_version_reference"}},
      {"/runs", {R"({"display_name": "r", "pipeline_spec": {}})", "not a KFP pipeline"}},
      {"/runs", {R"({"display_name": "r", "pipeline_spec": []})", "not a KFP pipeline"}},
      {"/runs", {fmt::format(R"({{"display_name": "{}"}})", long_name), "longer than"}},
      {"/runs", {R"({"display_name": "r", "pipeline_spec": {}, "pipeline_version_reference": {}})", "not both"}},
      {"/runs", {R"({"display_name": "r", "pipeline_version_reference": {"id": "x"}})", "unknown field \"id\""}},
      {"/runs",
       {fmt::format(R"({{"display_name": "r", "pipeline_spec": {}, "runtime_config": {{"parameters": []}}}})", run),
        "runtime_config.parameters"}},
      {"/runs",
       {fmt::format(
            R"({{"display_name": "r", "pipeline_spec": {}, "runtime_config": {{"parameters": {{"word": 5}}}}}})", run),
        "\"word\" is an integer, but STRING is expected"}},
      {"/runs",
       {fmt::format(R"({{"display_name": "r", "pipeline_spec": {}, "runtime_config": {{"parameters": {{"x": 5}}}}}})",
                    run),
        "no parameter \"x\""}},
      {"/pipelines", {"{}", "needs a name"}},
  };
  for (const auto& [target, c] : cases) {
    const Answer answer = world_.send("POST", fmt::format("{}{}", kV2, target), c.first);
    EXPECT_EQ(answer.status, 400) << c.first << answer.text;
    EXPECT_EQ(answer.body["code"].int_or(0), 3);
    EXPECT_THAT(answer.body["message"].string_or(), HasSubstr(c.second)) << c.first.substr(0, 200);
  }
  EXPECT_THAT(names(get("/runs"), "runs"), IsEmpty()) << "a refused run left something behind";
}

TEST_F(ApiTest, RunsNeedAnExperimentAndAVersionThatAreThere) {
  const Value refused[] = {
      Value::object({{"display_name", "r"}, {"pipeline_spec", pipeline_}, {"experiment_id", "none"}}),
      Value::object(
          {{"display_name", "r"}, {"pipeline_version_reference", Value::object({{"pipeline_version_id", "none"}})}}),
      Value::object({{"display_name", "r"}, {"pipeline_version_reference", Value::object({{"pipeline_id", "none"}})}})};
  for (const Value& body : refused) EXPECT_EQ(post("/runs", body).status, 404) << to_json(body);
}

TEST_F(ApiTest, UploadsInEveryForm) {
  const std::string text = to_json(pipeline_);
  const std::pair<const char*, std::string> files[] = {
      {"p.yaml", text},
      {"p.json", text},
      {"p.zip", pack(true, {{"other.txt", "x"}, {"pipeline.yaml", text}})},
      {"p.tar.gz", pack(false, {{"anything.yaml", text}})},
      {"p.tgz", pack(false, {{"pipeline.yaml", text}, {"other.txt", "x"}})},
      // by what they are, not by what they are called
      {"p.yaml", pack(true, {{"pipeline.yaml", text}})},
      {"download", pack(false, {{"pipeline.yaml", text}})},
      {"download", text},
  };
  int number = 0;
  for (const auto& [name, content] : files) {
    const Answer answer = upload(fmt::format("/pipelines/upload?name=p{}&description=d%20e", ++number), name, content);
    const std::string id = made(answer, "pipeline_id");
    EXPECT_EQ(answer.body["description"].string_or(), "d e");
    const Answer versions = get("/pipelines/" + id + "/versions");
    ASSERT_EQ(versions.body["pipeline_versions"].size(), 1u) << name;
    EXPECT_EQ(versions.body["pipeline_versions"].items()[0]["pipeline_spec"], pipeline_);
  }
  EXPECT_EQ(get("/pipelines").body["total_size"].int_or(0), 8);
}

TEST_F(ApiTest, UploadsThatCannotBeTaken) {
  const std::string good = to_json(pipeline_);
  std::string damaged = pack(false, {{"pipeline.yaml", good}});
  damaged.resize(damaged.size() / 2);
  const std::string bomb = pack(false, {{"pipeline.yaml", std::string(40u << 20, ' ')}});
  struct Case {
    const char* file;
    std::string content;
    int status;
    const char* says;
  };
  const Case cases[] = {
      {"p.yaml", "a: [1,", 400, "line"},
      {"p.yaml", "kind: Workflow\n", 400, "not a KFP pipeline"},
      {"p.yaml", replace_all(good, "\"exec-a\":", "\"exec-none\":"), 400, "\"exec-a\" is not there"},
      {"p.yaml", "", 400, "empty"},
      {"p.tar", std::string(257, '\0') + "ustar and no more", 400, "cannot be unpacked"},
      {"p.exe", good, 400, "a .yaml, .yml, .json, .zip or .tar.gz file"},
      {"p.zip", "PK and no more", 400, "cannot be unpacked"},
      {"p.tar.gz", damaged, 400, ""},
      {"p.zip", pack(true, {}), 400, ""},
      {"p.tar.gz", bomb, 400, "32 MiB"},
  };
  for (const Case& c : cases) {
    const Answer answer = upload("/pipelines/upload?name=x", c.file, c.content);
    EXPECT_EQ(answer.status, c.status) << c.file << " " << answer.text;
    EXPECT_THAT(answer.body["error_message"].string_or(), HasSubstr(c.says));
  }
  EXPECT_THAT(upload("/pipelines/upload", "p.yaml", good, "file").text, HasSubstr("uploadfile"));
  EXPECT_THAT(world_.send("POST", "/apis/v2beta1/pipelines/upload", good).text, HasSubstr("multipart/form-data"));
  EXPECT_THAT(
      world_.send("POST", "/apis/v2beta1/pipelines/upload", "--b0b\r\nContent-", "multipart/form-data; boundary=b0b")
          .text,
      HasSubstr("cut off"));
  EXPECT_THAT(names(get("/pipelines"), "pipelines"), IsEmpty());
}

TEST_F(ApiTest, FormsAreReadAsTheyAreMeant) {
  const std::string good = to_json(pipeline_);
  const auto part = [](std::string_view disposition, std::string_view content) {
    return fmt::format("--b\r\nContent-Disposition: form-data; {}\r\n\r\n{}\r\n", disposition, content);
  };
  const auto sent = [&](const std::string& parts, const char* type = "multipart/form-data; boundary=b") {
    return world_.send("POST", "/apis/v2beta1/pipelines/upload", parts + "--b--\r\n", type);
  };
  const std::pair<std::string, std::string> names[] = {
      {R"(name="uploadfile"; filename="p.yaml")", "p.yaml"},
      {R"(filename="a;b.yaml"; name=uploadfile)", "a;b.yaml"},
      {R"(name="uploadfile"; filename="a\"b.yaml")", "a\"b.yaml"},
      {R"(name="uploadfile"; filename="../../up/c.yaml")", "c.yaml"},
      {R"(name="uploadfile"; filename="_.yaml"; filename*=UTF-8''%e2%82%ac.yaml)", "€.yaml"}};
  for (const auto& [disposition, name] : names)
    EXPECT_EQ(sent(part(disposition, good)).body["name"].string_or(), name) << disposition;
  const std::string file =
      part(R"(name="uploadfile"; filename="q.yaml")", replace_all(good, "echo hello", "echo\r\n--border"));
  EXPECT_EQ(sent(file, R"(Multipart/Form-Data; Boundary="b")").body["name"].string_or(), "q.yaml");
  const Answer two = sent(file + file);
  EXPECT_EQ(two.status, 400);
  EXPECT_THAT(two.body["error_message"].string_or(), HasSubstr("two files"));
  EXPECT_THAT(sent(file, "multipart/form-data; boundary=c").body["error_message"].string_or(),
              HasSubstr("another boundary"));
  EXPECT_THAT(sent("").body["error_message"].string_or(), HasSubstr("no part named"));
  EXPECT_EQ(get("/pipelines").body["total_size"].int_or(0), 6);
}

TEST_F(ApiTest, PipelinesAndTheirVersions) {
  const std::string text = to_json(pipeline_);
  const std::string id = made(upload("/pipelines/upload?name=p", "p.yaml", text), "pipeline_id");
  EXPECT_EQ(upload("/pipelines/upload?name=p", "p.yaml", text).status, 409);
  EXPECT_EQ(get("/pipelines/names/p").body["pipeline_id"].string_or(), id);
  EXPECT_EQ(get("/pipelines/names/none").status, 404);
  const std::string second =
      made(upload(fmt::format("/pipelines/upload_version?pipelineid={}&name=second", id), "p.yaml", text),
           "pipeline_version_id");
  EXPECT_EQ(upload(fmt::format("/pipelines/upload_version?pipelineid={}&name=second", id), "p.yaml", text).status, 409);
  EXPECT_EQ(upload("/pipelines/upload_version?pipelineid=none&name=x", "p.yaml", text).status, 404);
  EXPECT_EQ(upload("/pipelines/upload_version?name=x", "p.yaml", text).status, 400);
  EXPECT_THAT(names(get(fmt::format("/pipelines/{}/versions?sort_by=name%20asc", id)), "pipeline_versions"),
              ElementsAre("p", "second"));
  EXPECT_EQ(get(fmt::format("/pipelines/{}/versions/{}", id, second)).body["display_name"].string_or(), "second");

  const std::string run =
      made(post("/runs", Value::object({{"display_name", "r"},
                                        {"pipeline_version_reference", Value::object({{"pipeline_id", id}})}})),
           "run_id");
  EXPECT_EQ(world_.end_of(run).state, "SUCCEEDED");
  EXPECT_EQ(get("/runs/" + run).body["pipeline_version_reference"]["pipeline_id"].string_or(), id);

  EXPECT_EQ(remove("/pipelines/" + id).status, 400) << "it has versions";
  EXPECT_EQ(remove(fmt::format("/pipelines/{}/versions/{}", id, second)).status, 200);
  EXPECT_EQ(get(fmt::format("/pipelines/{}/versions/{}", id, second)).status, 404);
  EXPECT_EQ(remove("/pipelines/" + id + "?cascade=true").status, 200);
  EXPECT_EQ(get("/pipelines/" + id).status, 404);
  EXPECT_EQ(get("/runs/" + run).status, 200) << "a run outlives its pipeline";
}

TEST_F(ApiTest, RunsAndTheirDetails) {
  const Answer created = post(
      "/runs", Value::object({{"display_name", "My run"},
                              {"description", "d"},
                              {"pipeline_spec", pipeline_},
                              {"runtime_config", Value::object({{"parameters", Value::object({{"word", "hi"}})}})}}));
  const std::string id = made(created, "run_id");
  EXPECT_EQ(created.body["state"].string_or(), "PENDING");
  EXPECT_EQ(world_.end_of(id).state, "SUCCEEDED");
  const Value run = get("/runs/" + id).body;
  EXPECT_EQ(run["pipeline_spec"], pipeline_);
  EXPECT_EQ(run["runtime_config"]["parameters"], Value::object({{"word", "hi"}}));
  std::vector<std::string> states;
  for (const Value& entry : run["state_history"].items()) states.push_back(entry["state"].string_or());
  EXPECT_THAT(states, ElementsAre("PENDING", "RUNNING", "SUCCEEDED"));
  const auto& details = run["run_details"]["task_details"].items();
  ASSERT_EQ(details.size(), 2u);
  EXPECT_EQ(details[0]["display_name"].string_or(), "root");
  EXPECT_EQ(details[0]["child_tasks"].items().at(0)["pod_name"], details[1]["pod_name"]);
  EXPECT_EQ(details[1]["parent_task_id"], details[0]["task_id"]);
  const std::string pod = details[1]["pod_name"].string_or();
  EXPECT_EQ(details[1]["executor_detail"]["main_job"].string_or(), pod);
  EXPECT_EQ(world_.get(fmt::format("/apis/v1alpha1/runs/{}/nodes/{}/log", id, pod)).text, "hello\n");
  EXPECT_EQ(world_.get(fmt::format("/apis/v1alpha1/runs/{}/nodes/{}/log?follow=true", id, pod)).text, "hello\n");
  EXPECT_EQ(world_.get(fmt::format("/apis/v1alpha1/runs/{}/nodes/none/log", id)).status, 404);
  EXPECT_EQ(post("/runs/" + id + ":archive").status, 200);
  EXPECT_EQ(get("/runs/" + id).body["storage_state"].string_or(), "ARCHIVED");
  EXPECT_EQ(post("/runs/" + id + ":unarchive").status, 200);
  EXPECT_EQ(post("/runs/none:terminate").status, 404);
  EXPECT_EQ(remove("/runs/" + id).status, 200);
  EXPECT_EQ(remove("/runs/" + id).status, 404);
}

TEST_F(ApiTest, RunsOfAnArchivedExperimentStayArchived) {
  const std::string experiment = made(post("/experiments", Value::object({{"display_name", "e"}})), "experiment_id");
  const std::string run =
      made(post("/runs",
                Value::object({{"display_name", "r"}, {"pipeline_spec", pipeline_}, {"experiment_id", experiment}})),
           "run_id");
  world_.end_of(run);
  EXPECT_EQ(post("/experiments/" + experiment + ":archive").status, 200);
  EXPECT_EQ(get("/runs/" + run).body["storage_state"].string_or(), "ARCHIVED");
  EXPECT_EQ(post("/runs/" + run + ":unarchive").status, 400);
  EXPECT_EQ(post("/experiments/" + experiment + ":unarchive").status, 200);
  EXPECT_EQ(post("/runs/" + run + ":unarchive").status, 200);
}

std::string escaped(const Value& filter) { return percent_encode(to_json(filter)); }
Value predicate(std::string_view key, const Value& operation, std::string_view field, const Value& value) {
  return Value::object(
      {{"predicates", Value::array({Value::object(
                          {{"key", std::string(key)}, {"operation", operation}, {std::string(field), value}})})}});
}

TEST_F(ApiTest, ListsAreSortedFilteredAndPaged) {
  for (const char* name : {"delta", "alpha", "echo", "bravo", "charlie"})
    made(post("/pipelines", Value::object({{"display_name", name}})), "pipeline_id");
  for (const bool descending : {false, true}) {
    std::vector<std::string> seen;
    std::string token;
    int pages = 0;
    do {
      const Answer page = get(fmt::format("/pipelines?page_size=2&sort_by=name%20{}&page_token={}",
                                          descending ? "desc" : "asc", percent_encode(token)));
      for (std::string& name : names(page, "pipelines")) seen.push_back(std::move(name));
      EXPECT_EQ(page.body["total_size"].int_or(0), 5);
      token = page.body["next_page_token"].string_or();
      ASSERT_LT(++pages, 10);
    } while (!token.empty());
    EXPECT_EQ(pages, 3);
    if (descending) std::reverse(seen.begin(), seen.end());
    EXPECT_THAT(seen, ElementsAre("alpha", "bravo", "charlie", "delta", "echo"));
  }
  const std::pair<Value, std::vector<std::string>> filters[] = {
      {predicate("name", "EQUALS", "string_value", "echo"), {"echo"}},
      {predicate("name", 1, "stringValue", "echo"), {"echo"}},
      {predicate("display_name", "IS_SUBSTRING", "string_value", "l"), {"alpha", "charlie", "delta"}},
      {predicate("name", "IN", "string_values", Value::object({{"values", Value::array({"echo", "none"})}})), {"echo"}},
      {predicate("name", "NOT_EQUALS", "string_value", "alpha"), {"bravo", "charlie", "delta", "echo"}},
      {predicate("name", "GREATER_THAN_EQUALS", "string_value", "delta"), {"delta", "echo"}},
      {predicate("name", "EQUALS", "string_value", "' OR 1=1 --"), {}},
      {predicate("created_at", "LESS_THAN", "timestamp_value", "2001-01-01T00:00:00Z"), {}},
      {predicate("created_at", "GREATER_THAN", "timestamp_value", "2001-01-01T00:00:00Z"),
       {"alpha", "bravo", "charlie", "delta", "echo"}},
  };
  for (const auto& [filter, expected] : filters) {
    const Answer answer = get("/pipelines?sort_by=name&filter=" + escaped(filter));
    EXPECT_EQ(names(answer, "pipelines"), expected) << to_json(filter);
  }
}

// Rows of the same time are distinguished by their id, so that no page loses or repeats one.
TEST_F(ApiTest, PagesLoseNothing) {
  std::set<std::string> wanted, seen;
  for (int i = 0; i < 45; ++i) {
    const std::string name = fmt::format("p{}", i);
    made(post("/pipelines", Value::object({{"display_name", name}})), "pipeline_id");
    wanted.insert(name);
  }
  EXPECT_EQ(get("/pipelines").body["pipelines"].size(), 20u);
  std::string token;
  do {
    const Answer page = get("/pipelines?page_size=7&page_token=" + percent_encode(token));
    for (const std::string& name : names(page, "pipelines")) EXPECT_TRUE(seen.insert(name).second) << name;
    token = page.body["next_page_token"].string_or();
  } while (!token.empty());
  EXPECT_EQ(seen, wanted);
}

// As upstream's database compares them: what the SDK looks for before it makes an experiment is found.
TEST_F(ApiTest, NamesAreTheSameInAnyCase) {
  EXPECT_EQ(post("/experiments", Value::object({{"display_name", "DEFAULT"}})).status, 409);
  for (const char* name : {"b", "A", "C"})
    made(post("/pipelines", Value::object({{"display_name", name}})), "pipeline_id");
  EXPECT_EQ(post("/pipelines", Value::object({{"display_name", "B"}})).status, 409);
  EXPECT_EQ(get("/pipelines/names/a").body["name"].string_or(), "A");
  const auto found = [&](std::string_view list, const Value& filter) {
    return names(get(fmt::format("/{}?sort_by=NAME&filter={}", list, escaped(filter))), list);
  };
  EXPECT_THAT(found("experiments", predicate("display_name", "EQUALS", "string_value", "default")),
              ElementsAre("Default"));
  EXPECT_THAT(found("experiments", predicate("storage_state", "EQUALS", "string_value", "available")),
              ElementsAre("Default"));
  EXPECT_THAT(found("pipelines", predicate("name", "NOT_EQUALS", "string_value", "a")), ElementsAre("b", "C"));
  const Value listed = Value::object({{"values", Value::array({"B", "c"})}});
  EXPECT_THAT(found("pipelines", predicate("name", "IN", "string_values", listed)), ElementsAre("b", "C"));
  std::vector<std::string> paged;
  std::string token;
  do {
    const Answer page = get("/pipelines?page_size=1&sort_by=name&page_token=" + percent_encode(token));
    for (std::string& name : names(page, "pipelines")) paged.push_back(std::move(name));
    token = page.body["next_page_token"].string_or();
  } while (!token.empty() && paged.size() < 10);
  EXPECT_THAT(paged, ElementsAre("A", "b", "C"));
}

// Whole seconds are shown, and what was shown can be asked for.
TEST_F(ApiTest, TimesAreComparedInTheSecondsThatAreShown) {
  const Value experiment = get("/experiments").body["experiments"].items().at(0);
  const std::string shown = experiment["created_at"].string_or();
  const std::pair<const char*, std::size_t> operations[] = {{"EQUALS", 1},       {"NOT_EQUALS", 0},
                                                            {"GREATER_THAN", 0}, {"GREATER_THAN_EQUALS", 1},
                                                            {"LESS_THAN", 0},    {"LESS_THAN_EQUALS", 1}};
  const std::int64_t seconds = to_epoch_ms(*parse_rfc3339(shown)) / 1'000;
  for (const auto& [operation, count] : operations) {
    for (const Value& filter : {predicate("created_at", operation, "timestamp_value", shown),
                                predicate("created_at", operation, "long_value", std::to_string(seconds))}) {
      const Answer answer = get("/experiments?filter=" + escaped(filter));
      EXPECT_EQ(answer.status, 200) << answer.text;
      EXPECT_EQ(answer.body["experiments"].size(), count) << to_json(filter);
    }
  }
}

// As grpc-gateway reads them.
TEST_F(ApiTest, QueryParametersMayBeInCamelCase) {
  for (const char* name : {"a", "b"}) made(post("/pipelines", Value::object({{"display_name", name}})), "pipeline_id");
  const Answer first = get("/pipelines?pageSize=1&sortBy=name%20desc");
  EXPECT_THAT(names(first, "pipelines"), ElementsAre("b"));
  const std::string token = percent_encode(first.body["next_page_token"].string_or());
  EXPECT_THAT(names(get("/pipelines?pageToken=" + token), "pipelines"), ElementsAre("a"));
  EXPECT_EQ(get("/runs?experimentId=none").status, 404);
}

TEST_F(ApiTest, ListsThatCannotBeMade) {
  for (int i = 0; i < 3; ++i)
    made(post("/pipelines", Value::object({{"display_name", fmt::format("p{}", i)}})), "pipeline_id");
  const std::string token = get("/pipelines?page_size=1&sort_by=name").body["next_page_token"].string_or();
  ASSERT_FALSE(token.empty());
  const std::string cases[] = {
      "/pipelines?page_size=-1",
      "/pipelines?page_size=many",
      "/pipelines?page_token=abc",
      "/pipelines?page_token=" + percent_encode(to_base64("{}")),
      "/experiments?page_token=" + percent_encode(token),
      "/pipelines?sort_by=created_at&page_token=" + percent_encode(token),
      "/pipelines?sort_by=colour",
      "/pipelines?sort_by=name%20up",
      "/pipelines?sort_by=name%3B%20DROP%20TABLE%20kfp_pipelines",
      "/pipelines?filter=x",
      "/pipelines?filter=" + escaped(predicate("colour", "EQUALS", "string_value", "x")),
      "/pipelines?filter=" + escaped(predicate("name", "LIKE", "string_value", "x")),
      "/pipelines?filter=" + escaped(predicate("name", "EQUALS", "value", "x")),
      "/pipelines?filter=" + escaped(predicate("name", "IN", "string_values", "x")),
      "/pipelines?filter=" + escaped(predicate("created_at", "LESS_THAN", "timestamp_value", "yesterday")),
      "/pipelines?filter=" + escaped(predicate("created_at", "LESS_THAN", "string_value", 5)),
  };
  for (const std::string& target : cases) {
    const Answer answer = get(target);
    EXPECT_EQ(answer.status, 400) << target << answer.text;
    EXPECT_EQ(answer.body["code"].int_or(0), 3);
    EXPECT_FALSE(answer.body["message"].string_or().empty());
  }
}

}  // namespace
}  // namespace millrace::pipelines::api
