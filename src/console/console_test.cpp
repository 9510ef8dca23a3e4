#include "console/console.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <map>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "console/api.h"
#include "console/assets.h"
#include "console/events.h"
#include "console/text.h"
#include "net/server.h"
#include "sagemaker/kinds.h"

namespace millrace::console {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct FakePipelines final : pipelines::Pipelines {
  std::vector<pipelines::RunView> all;
  std::string log;
  bool log_complete = true;
  std::string asked_task;
  std::function<void(const std::string&)> listener;

  net::Response handle(net::Request&, const pipelines::Caller&) override { return {}; }
  bool may_see(const pipelines::Caller&, const std::string&) override { return true; }
  std::string run_of_child(const std::string&) override { return {}; }
  Status resume() override { return {}; }
  void stop() override {}
  Result<std::vector<pipelines::RunView>> runs(std::size_t limit) override {
    return std::vector(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size())));
  }
  Result<pipelines::RunView> run(const std::string& run_id) override {
    for (const auto& view : all) {
      if (view.id == run_id) return view;
    }
    return fail(Code::not_found, "Run " + run_id + " not found");
  }
  Result<std::map<std::string, std::size_t>> under_way() override { return std::map<std::string, std::size_t>{}; }
  Load load() override { return {}; }
  Result<LogPart> task_log(const std::string&, const std::string& task_id, std::uint64_t offset, int) override {
    asked_task = task_id;
    return LogPart{log.substr(std::min<std::size_t>(offset, log.size())), std::max<std::uint64_t>(offset, log.size()),
                   log_complete};
  }
  Result<std::vector<pipelines::ContainerView>> containers(const std::string&) override { return {}; }
  Status stop_task(const std::string&, const std::string&) override { return {}; }
  Status dry_run(const Value&, const Value&, const std::function<Value(const pipelines::DryRunTask&)>&) override {
    return fail(Code::unimplemented, "not asked for here");
  }
  Result<std::string> run_again(const std::string&, const std::string&,
                                const std::function<Status(const std::string&)>&) override {
    return fail(Code::unimplemented, "not asked for here");
  }
  void on_change(std::function<void(const std::string&)> given) override { listener = std::move(given); }
};

struct FakeSageMaker final : sagemaker::SageMaker {
  std::map<std::string, std::vector<Value>> resources;  // by kind, as described
  std::function<void(const std::string&, const std::string&)> listener;

  aws::Service control_service() override { return {}; }
  aws::Service runtime_service() override { return {}; }
  ConditionTags condition_tags() override { return {}; }
  Status resume() override { return {}; }
  Result<std::size_t> under_way() override { return std::size_t{0}; }
  void stop() override {}
  void on_change(std::function<void(const std::string&, const std::string&)> given) override {
    listener = std::move(given);
  }
  Result<std::vector<Value>> list(const std::string& kind) override { return resources[kind]; }
  Result<Value> describe(const std::string& kind, const std::string& name) override {
    for (const Value& value : resources[kind]) {
      if (value[kind + "Name"].string_or() == name) return value;
    }
    return fail(Code::not_found, "Could not find " + name);
  }
  Result<std::vector<Count>> counts_under_way() override { return std::vector<Count>{}; }
  Result<std::vector<Count>> counts() override { return counted; }
  Result<std::vector<Value>> training_jobs_of(const std::string& tuning_job, std::size_t limit) override {
    std::vector<Value> jobs = trials[tuning_job];
    jobs.resize(std::min(limit, jobs.size()));
    return jobs;
  }
  std::vector<Count> counted;
  std::map<std::string, std::vector<Value>> trials;  // by tuning job
};

struct FakeAccess final : s3::Access {
  s3::Folder listed;
  Result<std::vector<s3::ObjectInfo>> list(const std::string&, const std::string&) override {
    return fail(Code::internal, "a page lists no more than a folder");
  }
  Result<s3::Folder> folder(const std::string&, const std::string& prefix, std::size_t limit) override {
    EXPECT_EQ(limit, Api::kMaxEntries);
    EXPECT_EQ(prefix, "a/");
    return listed;
  }
  Result<s3::ObjectInfo> head(const std::string&, const std::string&) override { return s3::ObjectInfo{}; }
  Result<std::string> read(const std::string&, const std::string&, std::size_t) override { return std::string(); }
  Status materialise(const std::string&, const std::string&, const std::filesystem::path&,
                     blob::BlobStore::Share) override {
    return {};
  }
  Result<s3::ObjectInfo> put(const std::string&, const std::string&, std::string_view, std::string_view) override {
    return s3::ObjectInfo{};
  }
  Result<s3::ObjectInfo> put_body(const std::string&, const std::string&, net::BodyReader&, std::string_view) override {
    return s3::ObjectInfo{};
  }
  Result<s3::ObjectInfo> put_file(const std::string&, const std::string&, const std::filesystem::path&,
                                  std::string_view) override {
    return s3::ObjectInfo{};
  }
};

struct FakeS3 final : s3::S3 {
  s3::Folder folder;
  aws::Service service() override { return {}; }
  aws::ResourcePolicy resource_policy() override { return {}; }
  ConditionTags condition_tags() override { return {}; }
  std::unique_ptr<s3::Access> access(aws::Gateway&, aws::Principal) override { return nullptr; }
  std::unique_ptr<s3::Access> system_access() override {
    auto access = std::make_unique<FakeAccess>();
    access->listed = folder;
    return access;
  }
  Status ensure_bucket(const std::string&, std::string_view) override { return {}; }
  Result<std::vector<BucketInfo>> buckets() override {
    return std::vector<BucketInfo>{{"sagemaker-sample-files", from_epoch_ms(5)}};
  }
};

struct FakeLogs final : logs::Logs {
  std::map<std::string, std::map<std::string, std::vector<logs::Event>>> groups;
  aws::Service service() override { return {}; }
  Status append(const std::string&, const std::string&, const std::vector<logs::Event>&) override { return {}; }
  Result<std::vector<logs::Event>> read(const std::string& group, const std::string& stream, std::size_t skip,
                                        std::size_t limit) override {
    const auto& events = groups[group][stream];
    const std::size_t from = std::min(skip, events.size());
    return std::vector(events.begin() + static_cast<std::ptrdiff_t>(from),
                       events.begin() + static_cast<std::ptrdiff_t>(std::min(events.size(), from + limit)));
  }
  Result<std::vector<std::string>> streams(const std::string& group, const std::string& prefix) override {
    const auto found = groups.find(group);
    if (found == groups.end()) return fail(Code::not_found, "The specified log group does not exist.");
    std::vector<std::string> names;
    for (const auto& [name, events] : found->second) {
      if (name.starts_with(prefix)) names.push_back(name);
    }
    return names;
  }
};

struct ConsoleTest : testing::Test {
  FakePipelines pipelines;
  FakeSageMaker sagemaker;
  FakeS3 s3;
  FakeLogs logs;
  std::unique_ptr<Console> console = Console::make({pipelines, sagemaker, s3, logs});
  std::unique_ptr<net::BodyReader> body = net::body_from_string("");

  net::Request request(std::string target, std::string method = "GET") {
    net::Request made;
    made.method = std::move(method);
    made.target = std::move(target);
    made.path = made.target.substr(0, made.target.find('?'));
    if (made.path.size() < made.target.size()) made.raw_query = made.target.substr(made.path.size() + 1);
    made.body = body.get();
    return made;
  }
  net::Response get(const std::string& target) {
    net::Request made = request(target);
    return console->handle(made);
  }
  Value json(const std::string& target, int status = 200) {
    const net::Response response = get("/console/api/" + target);
    EXPECT_EQ(response.status, status) << response.body;
    auto value = parse_json(response.body);
    EXPECT_TRUE(value) << response.body;
    return value ? *value : Value();
  }
};

pipelines::RunView a_run() {
  pipelines::TaskView first;
  first.id = "root/prepare";
  first.display_name = "Prepare data";
  first.parent_id = "root";
  first.state = "SUCCEEDED";
  first.started = from_epoch_ms(1000);
  first.ended = from_epoch_ms(3500);
  first.outputs = Value::object({{"parameters", Value::object({{"job_name", "job-1"}})}});
  pipelines::TaskView second;
  second.id = "root/train";
  second.state = "RUNNING";
  second.depends_on = {"root/prepare"};
  pipelines::RunView run;
  run.id = "r1";
  run.display_name = "MNIST";
  run.created = from_epoch_ms(900);
  run.tasks = {first, second};
  return run;
}

TEST_F(ConsoleTest, ServesThePageWithItsPolicy) {
  const auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.static_body, HasSubstr("/assets/app.js"));
  EXPECT_THAT(page.headers.get("Content-Security-Policy"), HasSubstr("default-src 'self'"));
  EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.headers.get("X-Content-Type-Options"), "nosniff");
}

TEST_F(ConsoleTest, CompressesForThoseWhoTakeIt) {
  net::Request wanted = request("/assets/app.js");
  wanted.headers.set("Accept-Encoding", "br, gzip");
  const auto packed = console->handle(wanted);
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_THAT(packed.static_body, StartsWith("\x1f\x8b"));
  wanted.headers.set("Accept-Encoding", "gzip;q=0, identity");
  EXPECT_EQ(console->handle(wanted).headers.get("Content-Encoding"), "");
}

TEST_F(ConsoleTest, AnswersNotModified) {
  net::Request again = request("/assets/app.css");
  again.headers.set("If-None-Match", "W/" + std::string(get("/assets/app.css").headers.get("ETag")));
  const auto response = console->handle(again);
  EXPECT_EQ(response.status, 304);
  EXPECT_TRUE(response.static_body.empty());
}

TEST_F(ConsoleTest, HandlesItsOwnPathsOnly) {
  EXPECT_TRUE(console->handles(request("/")));
  EXPECT_TRUE(console->handles(request("/assets/app.js", "HEAD")));
  EXPECT_TRUE(console->handles(request("/console/api/runs")));
  EXPECT_FALSE(console->handles(request("/", "POST")));         // the AWS query protocol's
  EXPECT_FALSE(console->handles(request("/assets/other.js")));  // may be an object in a bucket named assets
  EXPECT_FALSE(console->handles(request("/my-bucket/key")));
}

TEST_F(ConsoleTest, RefusesToBeWrittenTo) {
  net::Request post = request("/console/api/runs", "POST");
  EXPECT_EQ(console->handle(post).status, 405);
}

TEST_F(ConsoleTest, TellsARunWithItsTasks) {
  pipelines.all = {a_run()};
  const Value run = json("runs/r1");
  EXPECT_EQ(run["display_name"].string_or(), "MNIST");
  EXPECT_EQ(run["created"].int_or(0), 900);
  EXPECT_FALSE(run.has("finished"));
  const auto& tasks = run["tasks"].items();
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0]["ended"].int_or(0), 3500);
  EXPECT_EQ(tasks[0]["outputs"]["parameters"]["job_name"].string_or(), "job-1");
  EXPECT_EQ(tasks[1]["depends_on"].items()[0].string_or(), "root/prepare");
  EXPECT_TRUE(tasks[1]["inputs"].is_object());
  EXPECT_FALSE(json("runs")["runs"].items()[0].has("tasks"));
}

TEST_F(ConsoleTest, SaysInASentenceWhatIsNotThere) {
  EXPECT_EQ(json("runs/nope", 404)["message"].string_or(), "Run nope not found");
  json("sagemaker/Notebook", 404);
  json("nothing", 404);
  json("runs/%zz", 400);
  pipelines.all = {a_run()};
  EXPECT_THAT(json("runs/r1/tasks/root%2Ftrain/log?offset=x", 400)["message"].string_or(), HasSubstr("offset"));
}

TEST_F(ConsoleTest, ContinuesALogWhereTheLastAnswerEnded) {
  pipelines.log = "first line\nGr\xC3\xBC\xC3";  // ends within a character
  pipelines.log_complete = false;
  const Value part = json("runs/r1/tasks/root%2Ftrain/log?offset=11");
  EXPECT_EQ(pipelines.asked_task, "root/train");
  EXPECT_EQ(part["text"].string_or(), "Gr\xC3\xBC");
  EXPECT_EQ(part["next_offset"].int_or(0), 15);
  EXPECT_FALSE(part["complete"].bool_or(true));

  pipelines.log_complete = true;
  EXPECT_EQ(json("runs/r1/tasks/root%2Ftrain/log?offset=15")["text"].string_or(), "\xEF\xBF\xBD");
}

TEST_F(ConsoleTest, GivesALongLogInParts) {
  pipelines.log = std::string(Api::kMaxLogBytes + 10, 'x');
  const Value part = json("runs/r1/tasks/t/log");
  EXPECT_EQ(part["text"].string_or().size(), Api::kMaxLogBytes);
  EXPECT_FALSE(part["complete"].bool_or(true));
  const Value rest = json("runs/r1/tasks/t/log?offset=" + std::to_string(Api::kMaxLogBytes));
  EXPECT_EQ(rest["text"].string_or().size(), 10u);
  EXPECT_TRUE(rest["complete"].bool_or(false));
}

TEST_F(ConsoleTest, CountsResourcesByStatus) {
  sagemaker.counted = {{"Model", "", 1}, {"TrainingJob", "Completed", 2}, {"TrainingJob", "Failed", 1}};
  const Value counts = json("overview")["counts"];
  EXPECT_EQ(counts["TrainingJob"]["Completed"].int_or(0), 2);
  EXPECT_EQ(counts["TrainingJob"]["Failed"].int_or(0), 1);
  EXPECT_EQ(counts["Model"][""].int_or(0), 1);
  EXPECT_TRUE(counts["Endpoint"].is_object());
}

TEST_F(ConsoleTest, FindsTheTrainingJobsOfATuningJob) {
  sagemaker.trials["Hpo"] = {Value::object({{"TrainingJobName", "Hpo-001-aa"}})};
  sagemaker.trials["Large"].resize(Api::kMaxTuningJobs + 1);
  const Value found = json("sagemaker/HyperParameterTuningJob/Hpo/training-jobs");
  ASSERT_EQ(found["items"].size(), 1u);
  EXPECT_EQ(found["items"].items()[0]["TrainingJobName"].string_or(), "Hpo-001-aa");
  EXPECT_EQ(json("sagemaker/HyperParameterTuningJob/Large/training-jobs")["items"].size(), Api::kMaxTuningJobs);
}

TEST_F(ConsoleTest, GivesThePageItsListOfKinds) {
  const Value kinds = json("sagemaker")["kinds"];
  ASSERT_EQ(kinds.size(), sagemaker::all_kinds().size());
  std::set<std::string> slugs;
  for (const Value& kind : kinds.items()) {
    EXPECT_FALSE(kind["singular"].string_or().empty() || kind["plural"].string_or().empty());
    EXPECT_TRUE(slugs.insert(kind["slug"].string_or()).second);
    json("sagemaker/" + kind["kind"].string_or());  // each is one that can be asked for
  }
  const Value& job = kinds.items()[0];
  EXPECT_EQ(job["kind"].string_or(), "ProcessingJob");
  EXPECT_EQ(job["name"].string_or(), "ProcessingJobName");
  EXPECT_EQ(job["status"].string_or(), "ProcessingJobStatus");
  EXPECT_TRUE(job["has_log"].bool_or(false));
}

TEST_F(ConsoleTest, ReadsAJobsLogFromItsGroup) {
  EXPECT_EQ(json("sagemaker/TrainingJob/j1/log")["events"].size(), 0u);  // nothing is written yet
  logs.groups["/aws/sagemaker/TrainingJobs"]["j1/algo-1-7"] = {{from_epoch_ms(1), "one"}, {from_epoch_ms(2), "t\xFFo"}};
  logs.groups["/aws/sagemaker/TrainingJobs"]["j12/algo-1-7"] = {{from_epoch_ms(1), "another job's"}};
  const Value log = json("sagemaker/TrainingJob/j1/log?skip=1");
  EXPECT_EQ(log["streams"].size(), 1u);
  ASSERT_EQ(log["events"].size(), 1u);
  EXPECT_EQ(log["events"].items()[0]["message"].string_or(), "t\xEF\xBF\xBDo");
  EXPECT_EQ(log["next"].int_or(0), 2);
  // A stream that is not the job's is not read.
  EXPECT_EQ(json("sagemaker/TrainingJob/j1/log?stream=j12%2Falgo-1-7")["events"].size(), 0u);
  json("sagemaker/Model/m/log", 404);
}

TEST_F(ConsoleTest, ShowsAFolderOneLevelDeep) {
  const auto object = [](std::string key) {
    s3::ObjectInfo info;
    info.key = std::move(key);
    info.size = 7;
    return info;
  };
  s3.folder = {{"a/b/", "a/d/"}, {object("a/c")}, true};
  const Value folder = json("s3/bucket?prefix=a%2F");
  ASSERT_EQ(folder["folders"].size(), 2u);
  EXPECT_EQ(folder["folders"].items()[1].string_or(), "a/d/");
  ASSERT_EQ(folder["objects"].size(), 1u);
  EXPECT_EQ(folder["objects"].items()[0]["key"].string_or(), "a/c");
  EXPECT_TRUE(folder["truncated"].bool_or(false));
  EXPECT_EQ(json("s3")["buckets"].items()[0]["name"].string_or(), "sagemaker-sample-files");
}

TEST_F(ConsoleTest, TellsAnOpenPageWhatChanged) {
  auto response = get("/console/api/events");
  ASSERT_TRUE(response.stream);
  EXPECT_EQ(response.headers.get("Content-Type"), "text/event-stream");
  int woken = 0;
  response.stream->attach([&] { ++woken; });
  std::string out;
  EXPECT_EQ(response.stream->read(out), net::StreamBody::Next::wait);
  EXPECT_THAT(out, HasSubstr("event: hello\n"));

  pipelines.listener("r1");
  pipelines.listener("r1");
  sagemaker.listener("Endpoint", "e\n1");
  EXPECT_EQ(woken, 3);
  out.clear();
  response.stream->read(out);
  EXPECT_EQ(out,
            "event: resource\ndata: {\"kind\":\"Endpoint\",\"name\":\"e\\n1\"}\n\n"
            "event: run\ndata: {\"id\":\"r1\"}\n\n");  // once, though it changed twice

  out.clear();
  response.stream->read(out);
  EXPECT_THAT(out, StartsWith(":"));  // a comment keeps the connection alive
}

TEST_F(ConsoleTest, OutlivesItsPagesAndItsOwnEnd) {
  auto response = get("/console/api/events");
  console.reset();
  pipelines.listener("r1");  // the services go on telling
  std::string out;
  response.stream->read(out);
  EXPECT_THAT(out, HasSubstr("r1"));
  response.stream.reset();
  pipelines.listener("r2");
}

// One line at a time from a plain connection, so that nothing between us and the server collects the stream.
class Lines {
 public:
  explicit Lines(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval limit{5, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  void send(std::string_view text) {
    ASSERT_EQ(::send(socket_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  // Whether a line with this text came, within the time limit of one read.
  bool wait_for(std::string_view wanted) {
    while (received_.find(wanted) == std::string::npos) {
      char buffer[4096];
      const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      received_.append(buffer, static_cast<std::size_t>(n));
    }
    return true;
  }

 private:
  Fd socket_;
  std::string received_;
};

TEST_F(ConsoleTest, StreamsOverARealConnection) {
  auto server = net::Server::start({}, [&](net::Request& asked) { return console->handle(asked); });
  ASSERT_TRUE(server) << server.error().message;
  Lines page((*server)->port());
  page.send("GET /console/api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(page.wait_for("event: hello"));
  pipelines.listener("run-7");
  EXPECT_TRUE(page.wait_for("{\"id\":\"run-7\"}"));
  sagemaker.listener("Endpoint", "endpoint-7");
  EXPECT_TRUE(page.wait_for("endpoint-7"));
  (*server)->stop(std::chrono::milliseconds(100));  // an open stream does not hold the server
}

TEST(EventHub, AsksForEverythingWhenTooMuchChanged) {
  EventHub hub;
  auto stream = hub.open_stream();
  ASSERT_TRUE(stream);
  std::string out;
  (*stream)->read(out);
  for (std::size_t i = 0; i <= EventHub::kMaxPending; ++i) hub.run_changed("r" + std::to_string(i));
  hub.run_changed("late");
  out.clear();
  (*stream)->read(out);
  EXPECT_EQ(out, "event: resync\ndata: {}\n\n");
  hub.run_changed("after");
  out.clear();
  (*stream)->read(out);
  EXPECT_THAT(out, HasSubstr("after"));
}

TEST(EventHub, HasALimitOfTabsAndForgetsClosedOnes) {
  EventHub hub;
  std::vector<std::unique_ptr<net::StreamBody>> open;
  for (std::size_t i = 0; i < EventHub::kMaxTabs; ++i) {
    auto stream = hub.open_stream();
    ASSERT_TRUE(stream);
    open.push_back(std::move(*stream));
  }
  EXPECT_EQ(hub.open_stream().error().code, Code::resource_exhausted);
  open.pop_back();
  EXPECT_TRUE(hub.open_stream());
}

TEST(EventHub, TakesChangesFromManyThreads) {
  EventHub hub;
  auto stream = std::move(*hub.open_stream());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&hub, t] {
      for (int i = 0; i < 1000; ++i) hub.run_changed("r" + std::to_string(t));
    });
  }
  std::string out;
  for (int i = 0; i < 100; ++i) stream->read(out);
  for (auto& thread : threads) thread.join();
  stream->read(out);
  for (int t = 0; t < 4; ++t) EXPECT_THAT(out, HasSubstr("\"r" + std::to_string(t) + "\""));
  EXPECT_THAT(out, Not(HasSubstr("resync")));
}

TEST(Text, KeepsWholeCharacters) {
  EXPECT_EQ(whole_characters("abc"), 3u);
  EXPECT_EQ(whole_characters("ab\xE2\x82"), 2u);
  EXPECT_EQ(whole_characters("ab\xE2\x82\xAC"), 5u);
  EXPECT_EQ(whole_characters("\xF0\x9F\x98"), 0u);
  EXPECT_EQ(whole_characters("x\xFF"), 2u);  // begins nothing: shown as a replacement, not waited for
  EXPECT_EQ(whole_characters(""), 0u);
  EXPECT_EQ(as_utf8("a\xC3(b"), "a\xEF\xBF\xBD(b");
}

TEST(Assets, AreWhole) {
  ASSERT_EQ(assets().size(), 4u);
  for (const Asset& asset : assets()) {
    EXPECT_GT(asset.plain.size(), 100u) << asset.name;
    EXPECT_THAT(asset.gzip, StartsWith("\x1f\x8b")) << asset.name;
    EXPECT_EQ(asset.etag.size(), 34u) << asset.name;
  }
}

}  // namespace
}  // namespace millrace::console
