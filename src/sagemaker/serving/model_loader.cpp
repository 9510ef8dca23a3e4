#include "sagemaker/serving/model_loader.h"

#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/untrusted_tree.h"
#include "s3/s3.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr int kConflict = 409, kNoMemory = 507;
constexpr std::size_t kNameLength = 32;  // of the digest: a folder's name, and the name that the server knows it by

std::string url_of(const MultiModel& multi, std::string_view target_model) {
  if (target_model.starts_with('/')) target_model.remove_prefix(1);
  const std::string& prefix = multi.container.model_data_url;
  return fmt::format("{}{}{}", prefix, prefix.ends_with('/') ? "" : "/", target_model);
}

tl::unexpected<Error> stopping_error() {
  return fail(Code::unavailable, "The server is stopping; try again.", "ServiceUnavailable");
}

// What a caller is to see of a model that could not be fetched.
Error fetch_error(const Error& error, const std::string& url) {
  if (error.code == Code::internal || error.code == Code::unavailable || error.code == Code::cancelled)
    return {Code::unavailable, error.message, "ServiceUnavailable"};
  const auto uri = s3::parse_uri(url);
  const bool unreadable = error.code == Code::not_found || error.code == Code::permission_denied ||
                          error.code == Code::failed_precondition || !uri;
  if (!unreadable) return {Code::invalid_argument, error.message, "ValidationError"};
  return {Code::invalid_argument,
          fmt::format("Failed to download model data(bucket: {}, key: {}). Please ensure that there is an object "
                      "located at the URL and that the role passed to CreateModel has permissions to download the "
                      "model.",
                      uri ? uri->bucket : url, uri ? uri->key : ""),
          "ValidationError"};
}

std::uint64_t bytes_below(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  // trusted-path: unpacked by the server, without links; read-only to the model server
  for (fs::recursive_directory_iterator at(directory, error), end; at != end && !error; at.increment(error)) {
    if (at->is_regular_file(error)) bytes += at->file_size(error);
  }
  return bytes;
}

struct Model {
  enum class State { loading, loaded, unloading } state = State::loading;
  std::uint64_t bytes = 0, used = 0;  // used: counts up with each use
  std::size_t in_use = 0;
  std::string target;                      // as invocations name it
  std::vector<ModelLoader::Done> waiting;  // while it is loading, or unloading and wanted again
};
// A variant's server, one start of it.
struct Shelf {
  std::string id;
  std::shared_ptr<const MultiModel> multi;
  std::shared_ptr<const ServerAddress> server;
  std::map<std::string, Model> models;  // by name
};

}  // namespace

struct ModelLoader::Impl : std::enable_shared_from_this<ModelLoader::Impl> {
  using ShelfPtr = std::shared_ptr<Shelf>;  // shared: what is under way at a server that has been replaced ends on it
  Impl(Needs n, Limits l) : needs(std::move(n)), limits(l) {}
  const Needs needs;
  const Limits limits;
  Mutex mutex;
  std::map<std::string, ShelfPtr> shelves MR_GUARDED_BY(mutex);  // by variant_id(); their contents too
  std::uint64_t uses MR_GUARDED_BY(mutex) = 0;
  bool stopping MR_GUARDED_BY(mutex) = false;

  fs::path folder_of(const Shelf& shelf, const std::string& name) const {
    return needs.dependencies.options.directory / shelf.multi->directory / name;
  }
  static std::string key_of(const Shelf& shelf, const std::string& name) { return shelf.id + "/models/" + name; }

  // Held by whoever invokes the model.
  std::shared_ptr<const void> hold(const ShelfPtr& shelf, const std::string& name) MR_REQUIRES(mutex) {
    Model& model = shelf->models[name];
    ++model.in_use;
    model.used = ++uses;
    return {static_cast<const void*>(shelf.get()),
            [self = shared_from_this(), shelf, name](const void*) { self->release(shelf, name); }};
  }

  void release(const ShelfPtr& shelf, const std::string& name) {
    bool unload_now = false;
    {
      const MutexLock lock(mutex);
      Model& model = shelf->models[name];
      --model.in_use;
      unload_now = !stopping && !shelf->multi->cached && model.in_use == 0 && model.state == Model::State::loaded;
      if (unload_now) model.state = Model::State::unloading;
    }
    if (unload_now) unload(shelf, name);
  }

  Outcome outcome(const ShelfPtr& shelf, const std::string& name) MR_REQUIRES(mutex) {
    return {fmt::format("/models/{}/invoke", name), hold(shelf, name)};
  }

  ShelfPtr shelf_of(const std::string& id, const std::shared_ptr<const MultiModel>& multi,
                    const std::shared_ptr<const ServerAddress>& server) MR_REQUIRES(mutex) {
    ShelfPtr& shelf = shelves[id];
    if (shelf && shelf->server == server) return shelf;
    shelf = std::make_shared<Shelf>(Shelf{id, multi, server, {}});
    // Those of endpoints that have gone: nobody else has their server's address any more.
    std::erase_if(shelves, [](const auto& entry) { return entry.second->server.use_count() == 1; });
    return shelves[id];
  }

  void load(const std::string& id, const std::shared_ptr<const MultiModel>& multi, const std::string& target_model,
            const std::shared_ptr<const ServerAddress>& server, Done done) {
    const std::string name = sha256_hex(target_model).substr(0, kNameLength);
    std::optional<Result<Outcome>> answer;
    ShelfPtr shelf;
    {
      const MutexLock lock(mutex);
      if (stopping) {
        answer = stopping_error();
      } else {
        shelf = shelf_of(id, multi, server);
        const auto found = shelf->models.find(name);
        if (found != shelf->models.end() && found->second.state == Model::State::loaded) {
          answer = outcome(shelf, name);
        } else {
          Model& model = shelf->models[name];
          if (model.waiting.size() >= limits.waiting) {
            answer =
                fail(Code::unavailable, "Too many invocations wait for this model; try again.", "ServiceUnavailable");
          } else {
            model.waiting.push_back(std::move(done));
            model.target = target_model;
          }
          if (found != shelf->models.end()) shelf = nullptr;  // it is under way already
        }
      }
    }
    if (answer) return done(std::move(*answer));
    if (shelf) begin(shelf, name, target_model);
  }

  void begin(const ShelfPtr& shelf, const std::string& name, const std::string& target_model) {
    const bool posted = needs.later(key_of(*shelf, name), [self = shared_from_this(), shelf, name, target_model] {
      self->fetch(shelf, name, target_model);
    });
    if (!posted) end(shelf, name, stopping_error());
  }

  Checkpoint checkpoint() {
    return [self = shared_from_this()]() -> Status {
      const MutexLock lock(self->mutex);
      if (self->stopping) return stopping_error();
      return {};
    };
  }

  void fetch(const ShelfPtr& shelf, const std::string& name, const std::string& target_model) {
    const fs::path folder = folder_of(*shelf, name);
    std::error_code error;
    if (!fs::is_directory(folder.parent_path(), error))
      return end(shelf, name, fail(Code::unavailable, "The endpoint is going down.", "ServiceUnavailable"));
    ServedModel wanted = shelf->multi->container;
    wanted.model_data_url = url_of(*shelf->multi, target_model);
    wanted.multi = false;
    // trusted-path: only the server writes there
    Status fetched = make_directories(folder);
    if (fetched)
      fetched = fetch_model(needs.dependencies, wanted, folder / "model", shelf->multi->origin, checkpoint());
    if (!fetched) {
      (void)remove_tree(folder);
      return end(shelf, name, fail(fetch_error(fetched.error(), wanted.model_data_url)));
    }
    make_place(shelf, name, bytes_below(folder / "model"));
    ask_to_load(shelf, name, true);
  }

  // The least recently used that nobody uses, marked as being unloaded.
  std::optional<std::string> take_oldest(Shelf& shelf) MR_REQUIRES(mutex) {
    std::optional<std::string> oldest;
    for (const auto& [name, model] : shelf.models) {
      if (model.state != Model::State::loaded || model.in_use > 0) continue;
      if (!oldest || model.used < shelf.models[*oldest].used) oldest = name;
    }
    if (oldest) shelf.models[*oldest].state = Model::State::unloading;
    return oldest;
  }

  void make_place(const ShelfPtr& shelf, const std::string& name, std::uint64_t bytes) {
    std::vector<std::string> leaving;
    {
      const MutexLock lock(mutex);
      shelf->models[name].bytes = bytes;
      while (true) {
        std::uint64_t kept = 0, count = 0;
        for (const auto& [other, model] : shelf->models) {
          if (model.state == Model::State::unloading) continue;
          kept += model.bytes;
          ++count;
        }
        if (count <= limits.models && kept <= limits.bytes) break;
        const auto oldest = take_oldest(*shelf);
        if (!oldest) break;  // all are in use
        leaving.push_back(*oldest);
      }
    }
    for (const auto& other : leaving) unload(shelf, other);
  }

  void ask_to_load(const ShelfPtr& shelf, const std::string& name, bool may_retry) {
    net::AsyncRequest request;
    request.method = "POST";
    request.target = "/models";
    shelf->server->put_into(request);
    request.timeout = limits.load_timeout;
    request.max_body_bytes = limits.answer_bytes;
    request.headers.set("Content-Type", "application/json");
    request.body =
        to_json(Value::object({{"model_name", name}, {"url", fmt::format("/opt/ml/models/{}/model", name)}}));
    needs.send(std::move(request),
               [self = shared_from_this(), shelf, name, may_retry](Result<net::ClientResponse> answer) {
                 self->asked(shelf, name, may_retry, std::move(answer));
               });
  }

  void asked(const ShelfPtr& shelf, const std::string& name, bool may_retry, Result<net::ClientResponse> answer) {
    if (!answer)
      return end(shelf, name,
                 fail(Code::unavailable, "The model server did not load the model.", "ServiceUnavailable"));
    if (answer->status == kNoMemory && may_retry) {
      std::optional<std::string> oldest;
      {
        const MutexLock lock(mutex);
        oldest = take_oldest(*shelf);
      }
      if (oldest) {
        return unload(shelf, *oldest,
                      [self = shared_from_this(), shelf, name] { self->ask_to_load(shelf, name, false); });
      }
    }
    const bool loaded = (answer->status >= 200 && answer->status <= 299) || answer->status == kConflict;
    if (loaded) return end(shelf, name, Outcome{});
    end(shelf, name, Outcome{{}, nullptr, answer->status, std::move(answer->body)});
  }

  // Of loading.
  void end(const ShelfPtr& shelf, const std::string& name, Result<Outcome> result) {
    const bool loaded = result && result->refused == 0;
    std::vector<std::pair<Done, Result<Outcome>>> answers;
    {
      const MutexLock lock(mutex);
      Model& model = shelf->models[name];
      model.state = Model::State::loaded;
      for (auto& done : std::exchange(model.waiting, {}))
        answers.emplace_back(std::move(done), loaded ? Result<Outcome>(outcome(shelf, name)) : result);
      if (!loaded) shelf->models.erase(name);
    }
    for (auto& [done, answer] : answers) done(std::move(answer));
  }

  // `model` is marked. Its files go too: they are fetched again when it is wanted again, as they are then.
  void unload(const ShelfPtr& shelf, const std::string& name, std::function<void()> then = {}) {
    net::AsyncRequest request;
    request.method = "DELETE";
    request.target = "/models/" + name;
    shelf->server->put_into(request);
    request.timeout = limits.load_timeout;
    request.max_body_bytes = limits.answer_bytes;
    needs.send(std::move(request),
               [self = shared_from_this(), shelf, name, then = std::move(then)](const Result<net::ClientResponse>&) {
                 (void)self->needs.later(key_of(*shelf, name), [self, shelf, name] { self->forget(shelf, name); });
                 if (then) then();
               });
  }

  void forget(const ShelfPtr& shelf, const std::string& name) {
    bool is_kept = false;  // by the server's next start
    {
      const MutexLock lock(mutex);
      const auto present = shelves.find(shelf->id);
      is_kept = present != shelves.end() && present->second != shelf && present->second->models.contains(name);
    }
    if (!is_kept) {
      if (auto removed = remove_tree(folder_of(*shelf, name)); !removed) log::warn("{}", removed.error().message);
    }
    std::optional<std::string> wanted_again;
    {
      const MutexLock lock(mutex);
      Model& model = shelf->models[name];
      if (model.waiting.empty()) {
        shelf->models.erase(name);
      } else {
        model.state = Model::State::loading;
        wanted_again = model.target;
      }
    }
    if (wanted_again) begin(shelf, name, *wanted_again);
  }

  void stop() {
    std::vector<Done> left;
    {
      const MutexLock lock(mutex);
      stopping = true;
      for (auto& [id, shelf] : shelves) {
        for (auto& [name, model] : shelf->models) {
          for (auto& done : std::exchange(model.waiting, {})) left.push_back(std::move(done));
        }
      }
    }
    for (const auto& done : left) done(stopping_error());
  }
};

ModelLoader::ModelLoader(Needs needs, Limits limits) : impl_(std::make_shared<Impl>(std::move(needs), limits)) {}
ModelLoader::~ModelLoader() { stop(); }
void ModelLoader::load(const std::string& id, const std::shared_ptr<const MultiModel>& multi,
                       const std::string& target_model, const std::shared_ptr<const ServerAddress>& server, Done done) {
  impl_->load(id, multi, target_model, server, std::move(done));
}
void ModelLoader::stop() { impl_->stop(); }

}  // namespace millrace::sagemaker
