#include "sagemaker/worker/loaded_models.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"

namespace millrace::sagemaker::worker {
namespace {

constexpr std::string_view kRoot = "/models", kInvoke = "/invoke";
constexpr std::size_t kMaxName = 128, kMaxLoadRequest = 64u << 10;

net::Response plain(int status, std::string sentence) {
  return net::Response::text(status, std::move(sentence) + "\n");
}
net::Response not_loaded(const std::string& name) { return plain(404, fmt::format("No model {} is loaded", name)); }

// What may be a folder's name.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

Value shown(const std::string& name) {
  return Value::object({{"modelName", name}, {"modelUrl", fmt::format("/opt/ml/models/{}/model", name)}});
}

}  // namespace

LoadedModels::Shared LoadedModels::find(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : found->second;
}

net::Response LoadedModels::load(net::Request& request) {
  const auto body = request.body->read_all(kMaxLoadRequest);
  const auto wanted = body ? parse_json(*body) : fail(body.error());
  if (!wanted) return plain(400, wanted.error().message);
  const std::string name = (*wanted)["model_name"].string_or();
  if (!is_name(name)) return plain(400, "model_name must consist of letters, digits, hyphens and underscores");
  {
    const MutexLock lock(mutex_);
    if (models_.contains(name)) return plain(409, fmt::format("The model {} is loaded already", name));
    if (models_.size() >= kMaxLoadedModels) return plain(507, fmt::format("{} models are loaded", models_.size()));
  }
  auto model = algorithm_.load(directory_ / name / "model");
  if (!model) return plain(model.error().code == Code::internal ? 500 : 400, model.error().message);
  const MutexLock lock(mutex_);
  models_.emplace(name, std::move(*model));
  return {};
}

net::Response LoadedModels::list() {
  Value models = Value::array();
  const MutexLock lock(mutex_);
  for (const auto& [name, model] : models_) models.push(shown(name));
  return net::Response::json(200, to_json(Value::object({{"models", std::move(models)}})));
}

net::Response LoadedModels::describe(const std::string& name) {
  return find(name) ? net::Response::json(200, to_json(shown(name))) : not_loaded(name);
}

net::Response LoadedModels::unload(const std::string& name) {
  const MutexLock lock(mutex_);
  return models_.erase(name) == 1 ? net::Response{} : not_loaded(name);
}

net::Response LoadedModels::invoke(const std::string& name, net::Request& request) {
  const Shared model = find(name);
  return model ? invoke_(*model, request) : not_loaded(name);
}

net::Response LoadedModels::answer(net::Request& request) {
  std::string_view rest = std::string_view(request.path).substr(kRoot.size());
  if (rest.empty()) return request.method == "POST" ? load(request) : list();
  rest.remove_prefix(1);
  if (rest.ends_with(kInvoke)) {
    if (request.method != "POST") return plain(405, "Use POST to invoke a model");
    return invoke(std::string(rest.substr(0, rest.size() - kInvoke.size())), request);
  }
  return request.method == "DELETE" ? unload(std::string(rest)) : describe(std::string(rest));
}

}  // namespace millrace::sagemaker::worker
