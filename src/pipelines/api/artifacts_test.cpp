// Artifacts over the KFP API: lists, bytes, and what a run has to show.

#include <filesystem>

#include <set>

#include <gmock/gmock.h>

#include "base/encode.h"
#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api {
namespace {

using testing::HasSubstr;

// A task "a" with output artifacts; `script` runs in the attempt's directory.
Value pipeline_with(const std::vector<std::pair<std::string, std::string>>& outputs, const std::string& script) {
  Value pipeline = make_pipeline({{"a", script}});
  Value artifacts = Value::object();
  for (const auto& [name, title] : outputs) {
    artifacts.set(
        name, Value::object({{"artifactType", Value::object({{"schemaTitle", title}, {"schemaVersion", "0.0.1"}})}}));
  }
  pipeline.child("components").child("comp-a").child("outputDefinitions").set("artifacts", std::move(artifacts));
  return pipeline;
}

// A shell command by which the task gives metadata of its own for one output.
// The type is left out, as the SDK leaves it out.
std::string with_metadata(const std::string& output, const Value& metadata) {
  const Value artifact = Value::object({{"name", output},
                                        {"uri", fmt::format("{{{{$.outputs.artifacts['{}'].uri}}}}", output)},
                                        {"metadata", metadata}});
  const Value list = Value::object({{"artifacts", Value::array({artifact})}});
  const std::string text = to_json(Value::object({{"artifacts", Value::object({{output, list}})}}));
  return fmt::format("cat > output_metadata.json <<'END'\n{}\nEND\n", text);
}

class ArtifactsTest : public ApiTest {
 protected:
  std::string ended(const Value& pipeline) {
    std::string id = world_.start(pipeline);
    const RunView run = world_.end_of(id);
    EXPECT_EQ(run.state, "SUCCEEDED") << run.error;
    return id;
  }
  Value task(const std::string& run) {
    const Value details = get("/runs/" + run).body["run_details"]["task_details"];
    for (const Value& each : details.items()) {
      if (each["display_name"].string_or() == "a") return each;
    }
    ADD_FAILURE() << "no task";
    return {};
  }
};

TEST_F(ArtifactsTest, AreListedAndRead) {
  const std::string run =
      ended(pipeline_with({{"data", "system.Dataset"}}, "printf 'one,two' > {{$.outputs.artifacts['data'].path}}"));
  const Value made = task(run);
  const std::string id = made["outputs"]["data"]["artifact_ids"].items().at(0).string_or();
  const Value artifact = get("/artifacts/" + id).body;
  EXPECT_EQ(artifact["artifact_id"].string_or(), id);
  EXPECT_EQ(artifact["type"].string_or(), "Dataset");
  EXPECT_EQ(artifact["name"].string_or(), "data");
  EXPECT_FALSE(artifact["uri"].string_or().empty());
  EXPECT_FALSE(artifact["created_at"].string_or().empty());
  EXPECT_EQ(get("/artifacts").body["total_size"].int_or(0), 1);
  EXPECT_EQ(get("/artifacts/none").status, 404);
  EXPECT_EQ(get("/artifacts/1e3").status, 404);

  const std::string pod = made["pod_name"].string_or();
  for (const std::string& node : {pod, percent_encode("root/a")}) {
    for (const char* version : {"v1beta1", "v2beta1"}) {
      const Answer read = world_.get(fmt::format("/apis/{}/runs/{}/nodes/{}/artifacts/data:read", version, run, node));
      EXPECT_EQ(read.status, 200) << read.text;
      EXPECT_EQ(read.body["data"].string_or(), to_base64("one,two"));
    }
  }
  EXPECT_EQ(get(fmt::format("/runs/{}/nodes/{}/artifacts/none:read", run, pod)).status, 404);
  EXPECT_EQ(get(fmt::format("/runs/{}/nodes/none/artifacts/data:read", run)).status, 404);
  EXPECT_EQ(get(fmt::format("/runs/none/nodes/{}/artifacts/data:read", pod)).status, 404);

  EXPECT_EQ(remove("/runs/" + run).status, 200);
  EXPECT_EQ(get("/artifacts/" + id).status, 404) << "a run's rows go with it";
}

TEST_F(ArtifactsTest, OfSeveralPartsAreReadWhole) {
  const std::string run = ended(
      pipeline_with({{"data", "system.Artifact"}}, "head -c 2000000 /dev/zero > {{$.outputs.artifacts['data'].path}}"));
  const Answer read = get(fmt::format("/runs/{}/nodes/root%2Fa/artifacts/data:read", run));
  const auto bytes = from_base64(read.body["data"].string_or());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, std::string(2'000'000, '\0'));
}

TEST_F(ArtifactsTest, AreDownloadedInParts) {
  const std::string run = ended(
      pipeline_with({{"page", "system.HTML"}}, "printf '<b>0123456789</b>' > {{$.outputs.artifacts['page'].path}}"));
  const std::string id = task(run)["outputs"]["page"]["artifact_ids"].items().at(0).string_or();
  const std::string target = fmt::format("/apis/v2beta1/artifacts/{}:download", id);
  const Answer whole = world_.get(target);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.text, "<b>0123456789</b>");
  EXPECT_EQ(whole.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(std::string(whole.headers.get("Content-Security-Policy")), HasSubstr("sandbox"));
  struct Case {
    const char *range, *text, *says;
    int status;
  };
  const Case cases[] = {{"bytes=3-12", "0123456789", "bytes 3-12/17", 206},
                        {"bytes=13-", "</b>", "bytes 13-16/17", 206},
                        {"bytes=13-99", "</b>", "bytes 13-16/17", 206},
                        {"bytes=-4", "</b>", "bytes 13-16/17", 206},
                        {"bytes=-99", "<b>0123456789</b>", "bytes 0-16/17", 206},
                        {"bytes=17-", nullptr, "bytes */17", 416},
                        {"bytes=-0", nullptr, "bytes */17", 416},
                        {"bytes=5-3", "<b>0123456789</b>", "", 200},
                        {"bytes=0-1,3-4", "<b>0123456789</b>", "", 200},
                        {"lines=1-2", "<b>0123456789</b>", "", 200}};
  for (const Case& c : cases) {
    net::Headers headers;
    headers.set("Range", c.range);
    const Answer answer = world_.send("GET", target, {}, "", headers);
    EXPECT_EQ(answer.status, c.status) << c.range;
    EXPECT_EQ(answer.headers.get("Content-Range"), c.says) << c.range;
    if (c.text != nullptr) {
      EXPECT_EQ(answer.text, c.text) << c.range;
    }
  }
  const std::string uri = get("/artifacts/" + id).body["uri"].string_or();
  if (uri.starts_with('/')) {
    EXPECT_EQ(world_.get("/artifacts/get?source=file&key=" + percent_encode(uri)).text, "<b>0123456789</b>");
    EXPECT_EQ(world_.get("/artifacts/get?source=file&peek=3&key=" + percent_encode(uri)).text, "<b>");
    EXPECT_EQ(world_.get("/artifacts/file/-" + uri).text, "<b>0123456789</b>");
  }
  EXPECT_EQ(world_.get("/artifacts/get?source=file").status, 400);
  EXPECT_EQ(world_.get("/artifacts/get?source=file&key=x&peek=-1").status, 400);
}

TEST_F(ArtifactsTest, ADirectoryIsListedAndItsFilesAreGivenOut) {
  const std::string run = ended(pipeline_with(
      {{"data", "system.Dataset"}},
      "d={{$.outputs.artifacts['data'].path}}; rm -f $d; mkdir -p $d/sub; printf one > $d/a; printf 'two!' > $d/sub/b; "
      "ln -s /etc/passwd $d/out; ln -s sub $d/again; mkfifo $d/fifo"));
  const std::string id = task(run)["outputs"]["data"]["artifact_ids"].items().at(0).string_or();
  const Answer listing = get(fmt::format("/artifacts/{}:files", id));
  EXPECT_EQ(listing.status, 200) << listing.text;
  EXPECT_TRUE(listing.body["is_directory"].bool_or(false));
  EXPECT_EQ(to_json(listing.body["files"]),
            R"([{"path":"a","size":3},{"path":"again/b","size":4},{"path":"sub/b","size":4}])");
  EXPECT_EQ(listing.body["skipped"].int_or(0), 2);
  const auto file = [&](std::string_view path) {
    return get(fmt::format("/artifacts/{}:download?path={}", id, percent_encode(path)));
  };
  EXPECT_EQ(file("a").text, "one");
  EXPECT_EQ(file("sub/b").text, "two!");
  EXPECT_EQ(file("again/b").text, "two!");
  for (const char* path : {"", "sub", "none", "out", "fifo", "../a", "sub/../../data/a", "/etc/passwd", "a/b"}) {
    const Answer answer = file(path);
    EXPECT_GE(answer.status, 400) << path;
    EXPECT_EQ(answer.text.find("root:"), std::string::npos) << path;
  }
  EXPECT_EQ(get("/artifacts/none:files").status, 404);
}

TEST_F(ArtifactsTest, AFileIsListedAsOne) {
  const std::string run =
      ended(pipeline_with({{"data", "system.Dataset"}}, "printf 'one,two' > {{$.outputs.artifacts['data'].path}}"));
  const std::string id = task(run)["outputs"]["data"]["artifact_ids"].items().at(0).string_or();
  EXPECT_EQ(to_json(get(fmt::format("/artifacts/{}:files", id)).body),
            R"({"is_directory":false,"files":[{"path":"","size":7}]})");
}

// A task may say that its output is any file; only what lies among the artifacts is given out.
TEST_F(ArtifactsTest, LeadNowhereElse) {
  const auto secret = world_.path() / "secret";
  ASSERT_TRUE(write_file(secret, "the key"));
  const std::string link =
      ended(pipeline_with({{"data", "system.Artifact"}},
                          fmt::format("ln -s {} {{{{$.outputs.artifacts['data'].path}}}}", secret.string())));
  EXPECT_EQ(get(fmt::format("/runs/{}/nodes/root%2Fa/artifacts/data:read", link)).status, 403);

  const Value artifact = Value::object({{"name", "data"}, {"uri", secret.string()}});
  const std::string text = to_json(Value::object(
      {{"artifacts", Value::object({{"data", Value::object({{"artifacts", Value::array({artifact})}})}})}}));
  const std::string named =
      world_.start(pipeline_with({{"data", "system.Artifact"}}, fmt::format("echo '{}' > output_metadata.json", text)));
  EXPECT_EQ(world_.end_of(named).state, "FAILED");
  EXPECT_THAT(world_.run(named).error, HasSubstr("kept in its output directory"));
  EXPECT_EQ(get(fmt::format("/runs/{}/nodes/root%2Fa/artifacts/data:read", named)).status, 404);
  EXPECT_EQ(world_.get("/artifacts/get?source=file&key=" + percent_encode(secret.string())).status, 403);
  const auto dots = world_.path() / "pipelines" / "artifacts" / ".." / ".." / "secret";
  EXPECT_EQ(world_.get("/artifacts/get?source=file&key=" + percent_encode(dots.string())).status, 403);
  EXPECT_EQ(world_.get("/artifacts/get?source=s3&bucket=b&key=k").status, 404);
  const std::string directory =
      ended(pipeline_with({{"data", "system.Artifact"}}, "mkdir -p {{$.outputs.artifacts['data'].path}}"));
  const Answer refused = get(fmt::format("/runs/{}/nodes/root%2Fa/artifacts/data:read", directory));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body["error_message"].string_or(), HasSubstr("is a directory"));
}

TEST_F(ArtifactsTest, AreSortedAndFiltered) {
  for (int i = 0; i < 3; ++i)
    ended(pipeline_with({{"m", "system.Metrics"}, {"d", "system.Dataset"}},
                        with_metadata("m", Value::object({{"loss", i + 0.5}}))));
  const auto values = [&](const std::string& query) {
    std::vector<double> out;
    const Answer answer = get("/artifacts?" + query);
    EXPECT_EQ(answer.status, 200) << answer.text;
    for (const Value& artifact : answer.body["artifacts"].items())
      out.push_back(artifact["number_value"].double_or(-1));
    return out;
  };
  const std::string metrics =
      "filter=" + percent_encode(R"({"predicates":[{"operation":"EQUALS","key":"type","string_value":"Metric"}]})");
  EXPECT_THAT(values(metrics + "&sort_by=number_value%20desc"), testing::ElementsAre(2.5, 1.5, 0.5));
  const Answer first = get("/artifacts?page_size=2&" + metrics + "&sort_by=number_value");
  EXPECT_EQ(first.body["total_size"].int_or(0), 3);
  const std::string token = percent_encode(first.body["next_page_token"].string_or());
  EXPECT_THAT(values("page_size=2&page_token=" + token), testing::ElementsAre(2.5));
  EXPECT_EQ(get("/artifacts?sort_by=metadata&page_size=1").status, 200);
}

// Those without a number come first, and a page may end between two of them.
TEST_F(ArtifactsTest, PagesByNumberLoseNothing) {
  for (int i = 0; i < 2; ++i)
    ended(pipeline_with({{"m", "system.Metrics"}, {"d", "system.Dataset"}, {"e", "system.Dataset"}},
                        with_metadata("m", Value::object({{"loss", i - 0.5}}))));
  for (const char* order : {"asc", "desc"}) {
    std::set<std::string> seen;
    std::string token;
    for (int pages = 0; pages < 6; ++pages) {
      const Answer page = get(
          fmt::format("/artifacts?page_size=1&sort_by=number_value%20{}&page_token={}", order, percent_encode(token)));
      ASSERT_EQ(page.body["artifacts"].size(), 1u) << order << " page " << pages << ": " << page.text;
      seen.insert(page.body["artifacts"].items()[0]["artifact_id"].string_or());
      token = page.body["next_page_token"].string_or();
    }
    EXPECT_EQ(seen.size(), 6u) << order;
    EXPECT_EQ(token, "");
  }
}

TEST_F(ArtifactsTest, SortRunsByTheirMetrics) {
  const auto run = [&](double loss) {
    return ended(
        pipeline_with({{"m", "system.Metrics"}}, with_metadata("m", Value::object({{"loss", loss}, {"it's", 1}}))));
  };
  const std::string high = run(9), low = run(0.25), middle = run(1);
  const std::string without = ended(pipeline_);
  const auto ids = [&](const std::string& query) {
    std::vector<std::string> out;
    std::string token;
    do {
      const Answer page =
          get("/runs?page_size=2&sort_by=" + percent_encode(query) + "&page_token=" + percent_encode(token));
      EXPECT_EQ(page.status, 200) << page.text;
      for (const Value& each : page.body["runs"].items()) out.push_back(each["run_id"].string_or());
      token = page.body["next_page_token"].string_or();
    } while (!token.empty());
    return out;
  };
  EXPECT_THAT(ids("metric:loss desc"), testing::ElementsAre(high, middle, low, without));
  EXPECT_THAT(ids("metric:loss"), testing::ElementsAre(without, low, middle, high));
  EXPECT_EQ(ids("metric:it's").size(), 4u);
  EXPECT_EQ(get("/runs?sort_by=metric%3A").status, 400);
}

TEST_F(ArtifactsTest, HaveSomethingToShow) {
  const Value bare = *parse_json(
      R"({"confidenceMetrics":[{"confidenceThreshold":0.5,"falsePositiveRate":0.1,"recall":0.9}],
          "confusionMatrix":{"annotationSpecs":[{"displayName":"cat"},{"displayName":"dog"}],"rows":[{"row":[3,1]},{"row":[0,4]}]}})");
  const Value wrapped = Value::object({{"confidenceMetrics", Value::object({{"list", bare["confidenceMetrics"]}})},
                                       {"confusionMatrix", Value::object({{"struct", bare["confusionMatrix"]}})}});
  for (const Value& metadata : {bare, wrapped}) {
    const std::string run = ended(pipeline_with({{"c", "system.ClassificationMetrics"},
                                                 {"page", "system.HTML"},
                                                 {"note", "system.Markdown"},
                                                 {"none", "system.HTML"}},
                                                "printf '<h1>x</h1>' > {{$.outputs.artifacts['page'].path}}; printf '# "
                                                "y' > {{$.outputs.artifacts['note'].path}}\n" +
                                                    with_metadata("c", metadata)));
    const Answer answer = get("/runs/" + run + "/visualizations");
    EXPECT_EQ(answer.status, 200) << answer.text;
    std::map<std::string, Value> shown;
    for (const Value& each : answer.body["visualizations"].items())
      shown[each["output"].string_or() + " " + each["type"].string_or()] = each;
    EXPECT_EQ(shown["c ROC_CURVE"]["points"].items().at(0)["true_positive_rate"].double_or(0), 0.9);
    EXPECT_EQ(shown["c CONFUSION_MATRIX"]["labels"], Value::array({"cat", "dog"}));
    EXPECT_EQ(shown["c CONFUSION_MATRIX"]["rows"].items().at(1), Value::array({0, 4}));
    EXPECT_EQ(shown["page HTML"]["text"].string_or(), "<h1>x</h1>");
    EXPECT_EQ(shown["note MARKDOWN"]["text"].string_or(), "# y");
    EXPECT_EQ(shown["page HTML"]["task_id"].string_or(), "root/a");
    EXPECT_FALSE(shown["none HTML"]["error"].string_or().empty()) << "it was never written";
  }
  const std::string large = ended(
      pipeline_with({{"page", "system.HTML"}}, "head -c 1100000 /dev/zero > {{$.outputs.artifacts['page'].path}}"));
  EXPECT_TRUE(
      get("/runs/" + large + "/visualizations").body["visualizations"].items().at(0)["too_large"].bool_or(false));
  EXPECT_EQ(get("/runs/none/visualizations").status, 404);
}

}  // namespace
}  // namespace millrace::pipelines::api
