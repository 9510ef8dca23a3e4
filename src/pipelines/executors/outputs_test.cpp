// What steps leave to be read by the server: links, FIFOs, huge files, other URIs. The files are made here as a step
// could make them, in its own directories.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "pipelines/executors/artifact_inputs.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/process.h"
#include "pipelines/executors/removed_files.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kRun = "11111111-2222-3333-4444-555555555555";
constexpr const char* kOther = "99999999-2222-3333-4444-555555555555";

class OutputsTest : public testing::Test {
 protected:
  OutputsTest() {
    options_.directory = directory_.path() / "pipelines";
    run_.run_id = kRun;
    run_.pipeline_name = "p";
    task_.name = task_.display_name = "train";
    node_.path = "root/train";
    node_.task = &task_;
    node_.component = &component_;
    node_.attempt = 1;
    executor_.image = "busybox";
    executor_.command = {"true"};
    component_.output_parameters = {{"p", ParameterType::string}};
    component_.output_artifacts = {{"o", {"system.Artifact", "0.0.1", false}}};
    write(secret_, "the key");
    write(options_.directory / "artifacts" / other_ / "secret", "another run's");
    const auto spec = prepare(options_, hooks_, run_, node_, executor_);
    EXPECT_TRUE(spec) << spec.error().message;
    fs::create_directories(attempt_ / "tmp");
  }
  ~OutputsTest() override { EXPECT_TRUE(remove_tree(directory_.path() / "pipelines")); }

  static void write(const fs::path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    EXPECT_TRUE(write_file(path, text));
  }
  void metadata(const Value& artifact) {
    const Value list = Value::object({{"artifacts", Value::array({artifact})}});
    write(own_ / ".output_metadata.json", to_json(Value::object({{"artifacts", Value::object({{"o", list}})}})));
  }
  Value artifact(const std::string& uri, const std::string& custom = {}) const {
    Value out = Value::object({{"name", "o"}, {"uri", uri}});
    out.set_if(!custom.empty(), "custom_path", custom);
    return out;
  }
  // With the output parameter written, where the test has put nothing there.
  Result<Outputs> collected() {
    const fs::path output = attempt_ / "outputs/p";
    if (fs::symlink_status(output).type() == fs::file_type::not_found) write(output, "said");
    return collect(options_, run_, node_);
  }
  std::string why_not() {
    const auto outputs = collected();
    EXPECT_FALSE(outputs);
    return outputs ? "" : outputs.error().message;
  }
  std::string artifact_text(const std::string& uri) {
    const auto found = find_artifact(options_, uri, kRun);
    if (!found) return found.error().message;
    return found->tree.read(found->path, 100, Links::within).value_or("?");
  }

  TempDir directory_ = std::move(*TempDir::make("outputs"));
  Options options_;
  Hooks hooks_;
  RunContext run_;
  Task task_;
  Component component_;
  engine::Node node_;
  Executor executor_;
  const std::string uri_ = fmt::format("{}/p/{}/train/1/o", kDefaultRoot, kRun);
  const std::string other_ = fmt::format("minio/mlpipeline/v2/artifacts/p/{}/a/1", kOther);
  std::vector<std::string> stored_;
  const fs::path secret_ = directory_.path() / "key";
  const fs::path attempt_ = directory_.path() / "pipelines/runs" / kRun / "root.train.1";
  const fs::path own_ = directory_.path() / "pipelines/artifacts/minio/mlpipeline/v2/artifacts/p" / kRun / "train/1";
};

TEST_F(OutputsTest, AParameterThatIsDeclaredIsWritten) {
  const auto missing = collect(options_, run_, node_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("the output p was not written"));
  for (const char* reported : {R"({"parameterValues": {"p": null}})", R"({"parameterValues": {}})", "{}"}) {
    write(own_ / ".output_metadata.json", reported);
    EXPECT_FALSE(collect(options_, run_, node_)) << reported;
  }
  write(own_ / ".output_metadata.json", R"({"parameterValues": {"p": ""}})");
  const auto empty = collect(options_, run_, node_);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->parameters["p"], Value(""));
}

TEST_F(OutputsTest, WhatAFailedTaskLeftIsKept) {
  EXPECT_TRUE(collect_left(options_, run_, node_).artifacts.empty()) << "nothing was written";
  component_.output_artifacts["m"] = {"system.Metrics", "0.0.1", false};
  component_.output_parameters["n"] = ParameterType::number_integer;
  write(own_ / "o", "half of it");
  write(attempt_ / "outputs/p", "said");
  write(attempt_ / "outputs/n", "no number");
  Outputs left = collect_left(options_, run_, node_);
  EXPECT_EQ(to_json(left.parameters), R"({"p":"said"})");
  ASSERT_EQ(left.artifacts.size(), 1u);
  EXPECT_EQ(artifact_text(left.artifacts["o"]["artifacts"].items()[0]["uri"].string_or()), "half of it");
  write(own_ / ".output_metadata.json",
        R"({"artifacts": {"m": {"artifacts": [{"name": "m", "uri": "", "metadata": {"loss": NaN, "of": 2}}]},
                          "o": {"artifacts": [{"uri": "minio://mlpipeline/somebody/elses"}]}}})");
  left = collect_left(options_, run_, node_);
  EXPECT_EQ(to_json(left.artifacts["m"]["artifacts"].items()[0]["metadata"]), R"({"loss":"NaN","of":2})");
  EXPECT_EQ(left.artifacts["o"]["artifacts"].items()[0]["uri"].string_or(), uri_) << "not what it may not name";
}

TEST_F(OutputsTest, AParameterIsARegularFileOfTheAttempt) {
  const fs::path output = attempt_ / "outputs/p";
  fs::create_symlink(secret_, output);
  EXPECT_THAT(why_not(), HasSubstr("the output p cannot be read"));
  fs::remove(output);
  fs::create_symlink("/proc/self/root" + secret_.native(), output);
  EXPECT_THAT(why_not(), HasSubstr("cannot be read"));
  fs::remove(output);
  ASSERT_EQ(::mkfifo(output.c_str(), 0600), 0);
  EXPECT_THAT(why_not(), HasSubstr("FIFO"));
  fs::remove(output);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string relative = fs::relative(output, fs::current_path()).native();
  const std::string& name = relative.size() < output.native().size() ? relative : output.native();
  if (name.size() < sizeof address.sun_path) {
    name.copy(address.sun_path, name.size());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address), 0);
    EXPECT_THAT(why_not(), HasSubstr("socket"));
    fs::remove(output);
  }
  fs::create_directory(output);
  EXPECT_THAT(why_not(), HasSubstr("directory"));
  fs::remove(output);
  ASSERT_TRUE(write_file(output, ""));
  ASSERT_EQ(::truncate(output.c_str(), off_t{1} << 40), 0);
  EXPECT_THAT(why_not(), HasSubstr("cannot be read"));
  fs::remove(output);
  // A link within the attempt's directory is its own affair.
  write(attempt_ / "tmp/value", "mine");
  fs::create_symlink("../tmp/value", output);
  EXPECT_EQ(collected()->parameters["p"].string_or(), "mine");
  fs::remove(output);
  fs::create_symlink(attempt_ / "tmp/value", output);
  EXPECT_EQ(collected()->parameters["p"].string_or(), "mine");
}

TEST_F(OutputsTest, TheDirectoryOfOutputsIsNoLink) {
  fs::remove(attempt_ / "outputs");
  write(directory_.path() / "elsewhere/p", "the key");
  fs::create_directory_symlink(directory_.path() / "elsewhere", attempt_ / "outputs");
  EXPECT_THAT(why_not(), HasSubstr("cannot be read"));
  fs::remove_all(attempt_);
  fs::create_directory_symlink(directory_.path() / "elsewhere", attempt_);
  EXPECT_THAT(why_not(), HasSubstr("symbolic link"));
}

TEST_F(OutputsTest, TheMetadataIsARegularFileOfBoundedSizeAndDepth) {
  const fs::path file = own_ / ".output_metadata.json";
  fs::create_symlink(secret_, file);
  EXPECT_THAT(why_not(), HasSubstr("output_metadata.json cannot be read"));
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_THAT(why_not(), HasSubstr("FIFO"));
  fs::remove(file);
  ASSERT_TRUE(write_file(file, "{"));
  ASSERT_EQ(::truncate(file.c_str(), 1 << 30), 0);
  EXPECT_THAT(why_not(), HasSubstr("output_metadata.json cannot be read"));
  fs::remove(file);
  ASSERT_TRUE(write_file(file, std::string(100'000, '[') + std::string(100'000, ']')));
  EXPECT_THAT(why_not(), HasSubstr("nested too deep"));
}

TEST_F(OutputsTest, ATaskNamesItsOwnArtifactsAndThoseItWasGiven) {
  const std::string input = fmt::format("minio://mlpipeline/v2/artifacts/p/{}/a/1/given", kOther);
  node_.artifacts = *parse_json(fmt::format(R"({{"in":{{"artifacts":[{{"name":"i","uri":"{}"}}]}}}})", input));
  const std::string own = uri_.substr(0, uri_.rfind('/'));
  for (const std::string& good :
       {uri_, own + "/sub/x", own + "/%2e%2e/x", own + "/ü\xe2\x80\xae", own + "//x", input, std::string("s3://b/k"),
        std::string("https://example.com/model"), std::string("oci://registry/model:1")}) {
    metadata(artifact(good));
    const auto outputs = collected();
    EXPECT_TRUE(outputs) << good << ": " << outputs.error().message;
  }
  for (const std::string& bad :
       {secret_.native(), "file://" + secret_.native(), std::string("file:/etc/passwd"), own + "/../2/o",
        own + "/../../../" + kOther + "/a/1/secret", fmt::format("{}/p/{}/a/1/secret", kDefaultRoot, kOther),
        own + "x/o", std::string("minio://mlpipeline"), std::string("minio:///etc"), std::string("gs://bucket/model"),
        "/" + other_ + "/secret", (options_.directory / "artifacts" / other_ / "secret").native(),
        uri_ + std::string("\0x", 2), "minio://" + std::string(5'000, 'x')}) {
    metadata(artifact(bad));
    EXPECT_THAT(why_not(), HasSubstr("the artifact o cannot be at")) << bad;
  }
}

TEST_F(OutputsTest, ACustomPathIsTheTasksOwn) {
  write(attempt_ / "tmp/made", "made");
  write(attempt_ / "beside", "beside");
  write(own_ / "other", "other");
  for (const auto& [path, text] : std::vector<std::pair<std::string, std::string>>{
           {"/tmp/made", "made"},
           {"beside", "beside"},
           {(attempt_ / "beside").native(), "beside"},
           {(own_ / "other").native(), "other"},
           {fmt::format("/minio/mlpipeline/v2/artifacts/p/{}/train/1/other", kRun), "other"}}) {
    metadata(artifact(uri_, path));
    const auto outputs = collected();
    ASSERT_TRUE(outputs) << path << ": " << outputs.error().message;
    EXPECT_EQ(artifact_text(uri_), text) << path;
    EXPECT_FALSE(outputs->artifacts["o"]["artifacts"].items().at(0).has("custom_path"));
  }
  fs::remove(own_ / "o");
  for (const std::string& none : {std::string("/tmp/was-not-written"), secret_.native()}) {
    metadata(artifact(uri_, none));  // the test's own directory is below /tmp, which a step has for itself
    EXPECT_TRUE(collected());
    EXPECT_FALSE(fs::exists(own_ / "o"));
  }
  fs::create_symlink(secret_, attempt_ / "tmp/link");
  fs::create_symlink("..", attempt_ / "tmp/up");
  for (const std::string& bad :
       {std::string("/etc/passwd"), std::string("/tmp/../../../key"), std::string("../other/x"),
        std::string("/tmp/link"), std::string("/proc/self/root/etc/passwd"), "/" + other_ + "/secret",
        std::string("/tmp"), std::string("/tmp/up/../../x"), std::string("/minio/x"), std::string("tmp/\0x", 6)}) {
    metadata(artifact(uri_, bad));
    EXPECT_THAT(why_not(), HasSubstr("the artifact o cannot be taken from")) << bad;
  }
  // Nor does it go elsewhere.
  metadata(artifact("s3://bucket/key", "/tmp/made"));
  EXPECT_THAT(why_not(), HasSubstr("its URI is not in the task's own output directory"));
  EXPECT_FALSE(fs::exists(options_.directory / "artifacts/s3"));
  // Its place may have been planted.
  fs::remove_all(own_ / "o");
  fs::create_symlink(secret_, own_ / "o");
  metadata(artifact(uri_, "/tmp/made"));
  EXPECT_TRUE(collected());
  EXPECT_EQ(*read_file(secret_), "the key");
  fs::create_directory_symlink(directory_.path(), own_ / "way");
  metadata(artifact(uri_.substr(0, uri_.rfind('/')) + "/way/planted", "/tmp/made"));
  EXPECT_FALSE(collected());
  EXPECT_FALSE(fs::exists(directory_.path() / "planted"));
}

TEST_F(OutputsTest, ACustomPathIsBounded) {
  fs::create_directories(attempt_ / "tmp/many");
  ASSERT_TRUE(write_file(attempt_ / "tmp/sparse", ""));
  ASSERT_EQ(::truncate((attempt_ / "tmp/sparse").c_str(), off_t{1} << 40), 0);
  ASSERT_EQ(::mkfifo((attempt_ / "tmp/many/fifo").c_str(), 0600), 0);
  metadata(artifact(uri_, "/tmp/sparse"));
  EXPECT_THAT(why_not(), HasSubstr("cannot be taken from /tmp/sparse"));
  metadata(artifact(uri_, "/tmp/many"));
  EXPECT_THAT(why_not(), HasSubstr("fifo is neither a file nor a directory"));
  EXPECT_FALSE(fs::exists(own_ / "o"));
}

TEST_F(OutputsTest, AnArtifactsLinksLeadWithinItsRun) {
  write(own_ / "real", "real");
  fs::create_symlink("real", own_ / "o");
  EXPECT_EQ(artifact_text(uri_), "real");
  fs::remove(own_ / "o");
  fs::create_symlink(fmt::format("/minio/mlpipeline/v2/artifacts/p/{}/train/1/real", kRun), own_ / "o");
  EXPECT_EQ(artifact_text(uri_), "real");
  for (const std::string& target :
       {secret_.native(), "/proc/self/root" + secret_.native(), "../../../" + std::string(kOther) + "/a/1/secret",
        "/" + other_ + "/secret", std::string("../../../../../../../../../../key"), std::string("o")}) {
    fs::remove(own_ / "o");
    fs::create_symlink(target, own_ / "o");
    EXPECT_EQ(find_artifact(options_, uri_, kRun).error().code, Code::permission_denied) << target;
  }
  EXPECT_EQ(find_artifact(options_, secret_.native()).error().code, Code::permission_denied);
  EXPECT_EQ(find_artifact(options_, "https://example.com/x").error().code, Code::unimplemented);
  EXPECT_EQ(find_artifact(options_, "minio://mlpipeline/../../key").error().code, Code::permission_denied);
  EXPECT_EQ(find_artifact(options_, "minio://mlpipeline/none").error().code, Code::not_found);
}

TEST_F(OutputsTest, OnlyTheTasksOwnGoesToS3) {
  run_.pipeline_root = "s3://bucket/root";
  hooks_.store = [&](const std::string&, const UntrustedTree& tree, const std::string& path, const std::string& uri) {
    stored_.push_back(uri + "=" + tree.read(path, 100, Links::within).value_or("?"));
    return Status();
  };
  ASSERT_TRUE(prepare(options_, hooks_, run_, node_, executor_));
  const fs::path own = options_.directory / "artifacts/s3/bucket/root/p" / kRun / "train/1";
  const std::string uri = fmt::format("s3://bucket/root/p/{}/train/1/o", kRun);
  write(own / "o", "mine");
  write(options_.directory / "artifacts/s3/bucket/other", "another's");
  Outputs outputs;
  const Value list = Value::array({artifact(uri), artifact("s3://bucket/other"), artifact("minio://mlpipeline/x")});
  outputs.artifacts.set("o", Value::object({{"artifacts", list}}));
  ASSERT_TRUE(publish(options_, hooks_, run_, node_, outputs));
  EXPECT_EQ(stored_, std::vector<std::string>{uri + "=mine"});
  fs::remove(own / "o");
  fs::create_symlink(secret_, own / "o");
  EXPECT_FALSE(publish(options_, hooks_, run_, node_, outputs));
  EXPECT_EQ(stored_.size(), 1u);
}

TEST_F(OutputsTest, FetchingGoesRoundWhatLiesInTheWay) {
  hooks_.fetch = [](const std::string&, const std::string&, const fs::path& file) {
    return write_file(file, "object");
  };
  node_.artifacts = *parse_json(R"({"in":{"artifacts":[{"name":"i","uri":"s3://bucket/dir/key"}]}})");
  const fs::path fetched = options_.directory / "fetched" / kRun;
  fs::create_directories(fetched / "s3/bucket");
  write(directory_.path() / "precious/key", "precious");
  fs::create_directory_symlink(directory_.path() / "precious", fetched / "s3/bucket/dir");
  EXPECT_FALSE(bring_artifacts(options_, hooks_, run_, node_));
  EXPECT_EQ(*read_file(directory_.path() / "precious/key"), "precious");
  fs::remove(fetched / "s3/bucket/dir");
  write(fetched / "s3/bucket/dir/key/of/before", "x");
  ASSERT_TRUE(bring_artifacts(options_, hooks_, run_, node_));
  EXPECT_EQ(*read_file(fetched / "s3/bucket/dir/key"), "object");
  EXPECT_EQ(artifact_text("s3://bucket/dir/key"), "object");
  // A step sees what was fetched for its run, and of the other runs' artifacts nothing.
  const auto mounts = artifact_mounts(options_, run_, node_, "");
  ASSERT_TRUE(mounts);
  std::vector<std::string> targets;
  for (const work::Mount& mount : *mounts) targets.push_back(mount.target);
  EXPECT_THAT(targets, testing::UnorderedElementsAre(fmt::format("/minio/mlpipeline/v2/artifacts/p/{}", kRun),
                                                     "/s3/bucket/dir/key"));
}

TEST_F(OutputsTest, ImportsOfTheMachineAreTheOperatorsToAllow) {
  for (const std::string& uri : {secret_.native(), "file://" + secret_.native(), std::string("file:relative"),
                                 (options_.directory / "artifacts/minio").native()})
    EXPECT_EQ(imported_file(options_, uri).error().code, Code::permission_denied) << uri;
  const fs::path data = directory_.path() / "data";
  write(data / "set/file", "rows");
  options_.import_directories = {data};
  ASSERT_TRUE(check_import_directories(options_));
  EXPECT_EQ(imported_file(options_, (data / "set/file").native())->path, "set/file");
  EXPECT_EQ(imported_file(options_, "file://" + (data / "set/../set").native())->path, "set");
  EXPECT_FALSE(imported_file(options_, (data / "../key").native()));
  EXPECT_FALSE(imported_file(options_, data.native() + "x/file"));
  options_.import_directories = {directory_.path()};
  EXPECT_THAT(check_import_directories(options_).error().message, HasSubstr("keep the two apart"));
  options_.import_directories = {options_.directory / "artifacts"};
  EXPECT_FALSE(check_import_directories(options_));
}

TEST_F(OutputsTest, APipelineRootIsNoRunsDirectory) {
  EXPECT_TRUE(check_root("minio://mlpipeline/v2/artifacts"));
  EXPECT_FALSE(check_root(fmt::format("{}/p/{}/a/1", kDefaultRoot, kOther)));
  EXPECT_FALSE(check_root("minio://mlpipeline/../x"));
  EXPECT_FALSE(check_root("file:///etc"));
}

// A Python server of the run may have written beside its attempts' directories.
TEST_F(OutputsTest, AnAttemptsDirectoryIsMadeThroughNoLink) {
  node_.attempt = 2;
  fs::create_directory_symlink(directory_.path(), options_.directory / "runs" / kRun / "root.train.2");
  EXPECT_FALSE(prepare(options_, hooks_, run_, node_, executor_));
  EXPECT_FALSE(fs::exists(directory_.path() / "outputs"));
}

TEST_F(OutputsTest, ALogIsOutOfATasksReach) {
  fs::create_symlink(secret_, attempt_ / "log.txt");
  write(log_path(options_, kRun, "root/train", 1), "what it said");
  const auto log = open_log(options_, kRun, "root/train", 1);
  ASSERT_TRUE(log);
  char text[100];
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(::read(log->get(), text, sizeof text))), "what it said");
  fs::remove(log_path(options_, kRun, "root/train", 1));
  EXPECT_FALSE(open_log(options_, kRun, "root/train", 1)) << "a link, where an earlier version had the log";
}

TEST_F(OutputsTest, ARunsFilesAreRemovedAndNothingElse) {
  fs::create_directory_symlink(directory_.path(), attempt_ / "up");
  fs::create_directories(attempt_ / "closed/inside");
  fs::permissions(attempt_ / "closed", fs::perms::none);
  Fd at(::open(attempt_.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < 3'000; ++i) {  // deeper than a path can say
    ASSERT_EQ(::mkdirat(at.get(), "directory-of-some-length", 0700), 0);
    at = Fd(::openat(at.get(), "directory-of-some-length", O_RDONLY | O_DIRECTORY));
  }
  ASSERT_EQ(::mkdirat(at.get(), std::string(255, 'x').c_str(), 0700), 0);
  RemovedFiles removed(options_);
  removed.take(kRun);
  EXPECT_FALSE(fs::exists(options_.directory / "runs" / kRun));
  EXPECT_FALSE(fs::exists(options_.directory / "logs" / kRun));
  EXPECT_EQ(*read_file(secret_), "the key");
  removed.take("..");
  removed.finish();
  EXPECT_TRUE(fs::exists(secret_));
  EXPECT_TRUE(fs::is_empty(options_.directory / "removed"));
}

TEST_F(OutputsTest, WhatAStopLeavesIsRemovedByTheNextStart) {
  const fs::path removed = options_.directory / "removed";
  {
    RemovedFiles stopped(options_);
    stopped.stop();
    stopped.take(kRun);
    EXPECT_FALSE(fs::exists(options_.directory / "runs" / kRun));
    EXPECT_FALSE(fs::is_empty(removed));
  }
  RemovedFiles next(options_);
  next.begin();
  next.finish();
  EXPECT_TRUE(fs::is_empty(removed));
}

}  // namespace
}  // namespace millrace::pipelines::executors
