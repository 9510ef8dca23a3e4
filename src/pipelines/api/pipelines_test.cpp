// Pipelines and versions over the KFP API: from a URL, with tags, and their changes.

#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "base/encode.h"
#include "net/server.h"
#include "pipelines/api/api_for_tests.h"

namespace millrace::pipelines::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PipelinesTest : public ApiTest {
 protected:
  Answer patch(std::string_view target, const Value& body) {
    return world_.send("PATCH", fmt::format("{}{}", kV2, target), to_json(body));
  }
  std::string with_tags(std::string_view name, const Value& tags) {
    return made(post("/pipelines", Value::object({{"name", std::string(name)}, {"tags", tags}})), "pipeline_id");
  }
};

// A place on the web for pipelines.
class Web {
 public:
  Web(std::string file) : file_(std::move(file)) {
    net::ServerOptions options;
    options.handler_threads = 1;
    auto server = net::Server::start(options, [this](net::Request& request) { return answer(request); });
    EXPECT_TRUE(server);
    if (server) server_ = std::move(*server);
  }
  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", server_->port(), path); }
  int asked() const { return asked_; }

 private:
  net::Response answer(net::Request& request) {
    ++asked_;
    if (request.path == "/p.yaml" || request.path == "/a/p.yaml") return net::Response::text(200, file_);
    if (request.path == "/large.yaml") return net::Response::text(200, std::string((32u << 20) + 1, ' '));
    if (request.path == "/not.yaml") return net::Response::text(200, "just: text\n");
    net::Response response;
    response.status = 302;
    if (request.path == "/moved.yaml") response.headers.set("Location", "/p.yaml");
    if (request.path == "/a/beside.yaml") response.headers.set("Location", "p.yaml?raw=1");
    if (request.path == "/round.yaml") response.headers.set("Location", url("/round.yaml"));
    if (request.path == "/file.yaml") response.headers.set("Location", "file:///etc/passwd");
    return response.headers.has("Location") ? std::move(response) : net::Response::text(404, "none");
  }

  std::string file_;
  std::atomic<int> asked_ = 0;
  std::unique_ptr<net::Server> server_;
};

TEST_F(PipelinesTest, ComeFromAUrl) {
  const Web web(to_json(pipeline_));
  const auto create = [&](const std::string& path, const Value& pipeline = Value::object()) {
    const Value url = Value::object({{"pipeline_url", path.starts_with('/') ? web.url(path) : path}});
    const Value version = Value::object({{"package_url", url}, {"tags", Value::object({{"stage", "test"}})}});
    return post("/pipelines/create", Value::object({{"pipeline", pipeline}, {"pipeline_version", version}}));
  };
  const Answer first = create("/p.yaml", Value::object({{"display_name", "one"}, {"description", "d"}}));
  const std::string id = made(first, "pipeline_id");
  EXPECT_EQ(first.body["name"].string_or(), "one");
  const Value version = get("/pipelines/" + id + "/versions").body["pipeline_versions"].items().at(0);
  EXPECT_EQ(version["package_url"]["pipeline_url"].string_or(), web.url("/p.yaml"));
  EXPECT_EQ(version["tags"]["stage"].string_or(), "test");
  EXPECT_EQ(version["description"].string_or(), "d");
  EXPECT_EQ(version["pipeline_spec"], pipeline_);
  EXPECT_EQ(create("/moved.yaml").body["name"].string_or(), "moved.yaml") << "named after what was asked for";
  EXPECT_EQ(create("/a/beside.yaml?x=1").body["name"].string_or(), "beside.yaml");
  EXPECT_EQ(create("/p.yaml", Value::object({{"name", "one"}})).status, 409);

  const auto add = [&](const Value& message) { return post("/pipelines/" + id + "/versions", message); };
  const Value url = Value::object({{"pipeline_url", web.url("/p.yaml")}});
  const Answer second = add(Value::object({{"pipeline_id", id}, {"name", "second"}, {"package_url", url}}));
  EXPECT_EQ(second.status, 200) << second.text;
  EXPECT_EQ(second.body["name"].string_or(), "second");
  EXPECT_EQ(add(Value::object({{"pipeline_id", id}, {"name", "second"}, {"package_url", url}})).status, 409);
  EXPECT_THAT(add(Value::object({{"name", "third"}, {"package_url", url}})).text, HasSubstr("pipeline_id"));
  EXPECT_THAT(add(Value::object({{"pipeline_id", id}, {"package_url", url}})).text, HasSubstr("name"));
  EXPECT_THAT(add(Value::object({{"pipeline_id", id}, {"name", "third"}})).text, HasSubstr("package_url"));
  EXPECT_EQ(
      post("/pipelines/none/versions", Value::object({{"pipeline_id", "none"}, {"name", "x"}, {"package_url", url}}))
          .status,
      404);

  const int before = web.asked();
  const std::pair<const char*, const char*> refused[] = {{"file:///etc/passwd", "http or https"},
                                                         {"gs://bucket/p.yaml", "http or https"},
                                                         {"p.yaml", "not a URL"},
                                                         {"http:///p.yaml", "no host"},
                                                         {"http://me:secret@localhost/p.yaml", "password"},
                                                         {"http://localhost/a b.yaml", "blank"},
                                                         {"", "package_url"}};
  for (const auto& [address, says] : refused) {
    const Answer answer = create(address);
    EXPECT_EQ(answer.status, 400) << address;
    EXPECT_THAT(answer.body["message"].string_or(), HasSubstr(says)) << address;
    EXPECT_EQ(answer.text.find("secret"), std::string::npos);
  }
  EXPECT_EQ(web.asked(), before);
  const std::pair<const char*, const char*> bad[] = {{"/none.yaml", "404"},
                                                     {"/large.yaml", "32 MiB"},
                                                     {"/not.yaml", "pipeline"},
                                                     {"/round.yaml", "10 times"},
                                                     {"/file.yaml", "not over file"}};
  for (const auto& [path, says] : bad) {
    const Answer answer = create(path, Value::object({{"name", "bad"}}));
    EXPECT_EQ(answer.status, 400) << path << answer.text;
    EXPECT_THAT(answer.body["message"].string_or(), HasSubstr(says)) << path;
  }
  EXPECT_EQ(create("http://127.0.0.1:1/p.yaml").status, 503) << "nobody listens there";
  EXPECT_THAT(names(get("/pipelines?sort_by=name"), "pipelines"), ElementsAre("beside.yaml", "moved.yaml", "one"));
}

TEST_F(PipelinesTest, HaveTags) {
  const Value team = Value::object({{"team", "a b"}, {"env", "test"}});
  const std::string id = with_tags("p", team);
  with_tags("q", Value::object({{"team", "c"}}));
  with_tags("r", Value::object());
  EXPECT_EQ(get("/pipelines/" + id).body["tags"], team);
  EXPECT_FALSE(get("/pipelines/names/r").body.has("tags"));
  const auto found = [&](const std::string& filter) {
    return names(get("/pipelines?filter=" + percent_encode(filter)), "pipelines");
  };
  EXPECT_THAT(found(R"({"predicates":[{"operation":"EQUALS","key":"tags.team","string_value":"a b"}]})"),
              ElementsAre("p"));
  EXPECT_THAT(found(R"({"predicates":[{"operation":1,"key":"tags.team","stringValue":"c"}]})"), ElementsAre("q"));
  EXPECT_THAT(found(R"({"predicates":[{"operation":1,"key":"tags.team","stringValue":"a b"},
                                      {"operation":1,"key":"tags.env","stringValue":"live"}]})"),
              IsEmpty());
  for (const char* filter : {R"({"predicates":[{"operation":"NOT_EQUALS","key":"tags.team","string_value":"c"}]})",
                             R"({"predicates":[{"operation":"EQUALS","key":"tags.team","int_value":1}]})",
                             R"({"predicates":[{"operation":"EQUALS","key":"tags","string_value":"c"}]})"})
    EXPECT_EQ(get("/pipelines?filter=" + percent_encode(filter)).status, 400) << filter;
  EXPECT_EQ(get("/pipelines?sort_by=tags").status, 400);

  Value many = Value::object();
  for (int i = 0; i < 20; ++i) many.set(fmt::format("k{}", i), "v");
  with_tags("twenty", many);
  many.set("k20", "v");
  const std::string longest(63, 'x'), longer(64, 'x');
  with_tags("longest", Value::object({{longest, longest}}));
  const Value refused[] = {many,
                           Value::object({{"a.b", "c"}}),
                           Value::object({{"", "c"}}),
                           Value::object({{longer, "c"}}),
                           Value::object({{"c", longer}}),
                           Value::object({{"a", 1}}),
                           Value::array({"a"})};
  for (const Value& tags : refused) {
    EXPECT_EQ(post("/pipelines", Value::object({{"name", "x"}, {"tags", tags}})).status, 400) << to_json(tags);
    EXPECT_EQ(patch("/pipelines/" + id, Value::object({{"tags", tags}})).status, 400) << to_json(tags);
    EXPECT_EQ(
        upload("/pipelines/upload?name=x&tags=" + percent_encode(to_json(tags)), "p.json", to_json(pipeline_)).status,
        400)
        << to_json(tags);
  }
  EXPECT_EQ(upload("/pipelines/upload?name=x&tags=abc", "p.json", to_json(pipeline_)).status, 400);
  EXPECT_EQ(get("/pipelines/names/x").status, 404);
  const Answer uploaded =
      upload("/pipelines/upload?name=u&tags=" + percent_encode(to_json(team)), "p.json", to_json(pipeline_));
  EXPECT_EQ(uploaded.body["tags"], team);
  const Answer version =
      upload(fmt::format("/pipelines/upload_version?name=v&pipelineid={}&code_source_url=http%3A%2F%2Fx&tags={}", id,
                         percent_encode(to_json(team))),
             "p.json", to_json(pipeline_));
  EXPECT_EQ(version.body["tags"], team);
  EXPECT_EQ(version.body["code_source_url"].string_or(), "http://x");
  EXPECT_THAT(names(get("/pipelines/" + id + "/versions?filter=" +
                        percent_encode(R"({"predicates":[{"operation":1,"key":"tags.env","stringValue":"test"}]})")),
                    "pipeline_versions"),
              ElementsAre("v"));
}

TEST_F(PipelinesTest, AreChanged) {
  const std::string id =
      made(upload("/pipelines/upload?name=p&description=d", "p.json", to_json(pipeline_)), "pipeline_id");
  const Value version = get("/pipelines/" + id + "/versions").body["pipeline_versions"].items().at(0);
  const std::string version_path = "/pipelines/" + id + "/versions/" + version["pipeline_version_id"].string_or();
  for (const std::string& path : {"/pipelines/" + id, version_path}) {
    const Value before = get(path).body;
    const Value tags = Value::object({{"team", "a"}});
    Value answer = patch(path, Value::object({{"display_name", "Mine"}, {"tags", tags}})).body;
    EXPECT_EQ(answer["display_name"].string_or(), "Mine");
    EXPECT_EQ(answer["name"], before["name"]);
    EXPECT_EQ(answer["tags"], tags);
    EXPECT_EQ(patch(path, Value::object({{"display_name", "Ours"}})).body["tags"], tags) << "left alone";
    EXPECT_EQ(patch(path, Value::object()).body["display_name"].string_or(), "Ours");
    EXPECT_FALSE(patch(path, Value::object({{"tags", Value::object()}})).body.has("tags"));
    // What a client got may be sent back whole; what would be dropped may not.
    EXPECT_EQ(patch(path, get(path).body).status, 200);
    EXPECT_THAT(patch(path, Value::object({{"name", "other"}})).text, HasSubstr("name cannot be changed"));
    EXPECT_THAT(patch(path, Value::object({{"description", "other"}})).text, HasSubstr("cannot be changed"));
    EXPECT_THAT(patch(path, Value::object({{"colour", "red"}})).text, HasSubstr("colour"));
    EXPECT_EQ(patch(path, Value::object({{"display_name", std::string(129, 'x')}})).status, 400);
    EXPECT_EQ(get(path).body["display_name"].string_or(), "Ours");
  }
  EXPECT_EQ(patch("/pipelines/none", Value::object()).status, 404);
  EXPECT_EQ(patch("/pipelines/" + id + "/versions/none", Value::object()).status, 404);
}

TEST_F(PipelinesTest, HaveNamesWithinLimits) {
  const std::string text = to_json(pipeline_);
  made(post("/pipelines", Value::object({{"name", std::string(128, 'n')}})), "pipeline_id");
  EXPECT_EQ(post("/pipelines", Value::object({{"name", std::string(129, 'n')}})).status, 400);
  EXPECT_EQ(post("/pipelines", Value::object({{"description", "no name"}})).status, 400);
  const std::string id = made(upload("/pipelines/upload?name=" + std::string(127, 'v'), "p.json", text), "pipeline_id");
  EXPECT_EQ(upload("/pipelines/upload?name=" + std::string(128, 'v'), "p.json", text).status, 400)
      << "its first version has the name, too";
  const std::string version = "/pipelines/upload_version?pipelineid=" + id + "&name=";
  EXPECT_EQ(upload(version + std::string(128, 'v'), "p.json", text).status, 400);
  EXPECT_EQ(upload(version + "b&display_name=B", "p.json", text).body["display_name"].string_or(), "B");
  EXPECT_EQ(upload("/pipelines/upload?display_name=Shown", "p.json", text).body["name"].string_or(), "Shown");
  EXPECT_EQ(upload("/pipelines/upload", "file.JSON", text).body["name"].string_or(), "file.JSON");
}

TEST_F(PipelinesTest, OfArchivesThatAreTricks) {
  const std::string good = to_json(pipeline_);
  for (const bool zip : {true, false}) {
    const std::string file = zip ? "p.zip" : "p.tar.gz";
    const auto status = [&](const std::vector<std::pair<std::string, std::string>>& files) {
      return upload("/pipelines/upload?name=" + file, file, pack(zip, files));
    };
    EXPECT_EQ(status({{"first.yaml", "no: pipeline\n"}, {"./pipeline.yaml", good}}).status, 200);
    for (const char* path : {"../pipeline.yaml", "/etc/pipeline.yaml", "a/../../pipeline.yaml"})
      EXPECT_THAT(status({{path, good}}).text, HasSubstr("leads out")) << path;
    std::vector<std::pair<std::string, std::string>> many;
    for (int i = 0; i <= 10'000; ++i) many.emplace_back(fmt::format("f{}", i), "");
    EXPECT_THAT(status(many).text, HasSubstr("10000 entries"));
    std::vector<std::pair<std::string, std::string>> bomb(3, {"", std::string(30u << 20, ' ')});
    for (std::size_t i = 0; i < bomb.size(); ++i) bomb[i].first = fmt::format("f{}", i);
    EXPECT_THAT(status(bomb).text, HasSubstr("64 MiB"));
    const std::string whole = pack(zip, {{"pipeline.yaml", good}, {"more", std::string(100'000, 'x')}});
    for (const std::size_t size : {whole.size() - 10, whole.size() / 2, std::size_t{20}})
      EXPECT_EQ(upload("/pipelines/upload?name=cut", file, whole.substr(0, size)).status, 400) << file << size;
  }
  EXPECT_EQ(upload("/pipelines/upload?name=large", "p.yaml", std::string((32u << 20) + 1, ' ')).status, 400);
  EXPECT_THAT(names(get("/pipelines?sort_by=name"), "pipelines"), ElementsAre("p.tar.gz", "p.zip"));
}

}  // namespace
}  // namespace millrace::pipelines::api
