#include "sagemaker/worker/hyperparameters.h"

#include <fmt/core.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::sagemaker::worker {
namespace {

using algorithms::KMeansOptions;

constexpr std::int64_t kMaxInteger = 1'000'000'000;

enum class Shape { integer, integer_or_auto, number, init_method, metrics, boolean, any };

struct Rule {
  std::string_view name;
  std::string_view fallback;
  Shape shape;
  std::int64_t least = 1;  // of an integer
};

// In the documentation's order, then Millrace's own, then what AWS's container takes without documenting it.
constexpr Rule kRules[] = {
    {"feature_dim", "", Shape::integer},
    {"k", "", Shape::integer},
    {"epochs", "1", Shape::integer},
    {"eval_metrics", "[\"msd\"]", Shape::metrics},
    {"extra_center_factor", "auto", Shape::integer_or_auto},
    {"half_life_time_size", "0", Shape::integer, 0},
    {"init_method", "random", Shape::init_method},
    {"local_lloyd_init_method", "kmeans++", Shape::init_method},
    {"local_lloyd_max_iter", "300", Shape::integer},
    {"local_lloyd_num_trials", "auto", Shape::integer_or_auto},
    {"local_lloyd_tol", "0.0001", Shape::number},
    {"mini_batch_size", "5000", Shape::integer},
    {"force_dense", "true", Shape::boolean},
    {"polish_max_iter", "300", Shape::integer, 0},
    {"polish_tol", "0", Shape::number},
    {"polish_candidates", "4", Shape::integer},
    {"seed", "", Shape::integer, 0},
    {"_tuning_objective_metric", "", Shape::any},
    {"_kvstore", "auto", Shape::any},
    {"_log_level", "info", Shape::any},
    {"_num_gpus", "auto", Shape::any},
    {"_num_kv_servers", "1", Shape::any},
    {"_num_slices", "1", Shape::any},
    {"_enable_profiler", "false", Shape::any},
    {"_disable_wait_to_read", "false", Shape::any},
};

const Rule* rule_of(std::string_view name) {
  for (const Rule& rule : kRules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(Code::invalid_argument, std::move(message) + " (caused by ValidationError)");
}

tl::unexpected<Error> not_valid(const Rule& rule, std::string_view text, std::string_view wanted) {
  return refuse(fmt::format("Hyperparameter {} must be {}, but is '{}'", rule.name, wanted, text));
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  if (const auto number = parse_int(text)) return number;
  // Tuners and JSON writers print whole numbers with a fraction ("10.0").
  const auto real = parse_double(text);
  if (!real || *real < -1e15 || *real > 1e15 || *real != static_cast<double>(static_cast<std::int64_t>(*real))) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*real);
}

Result<Value> metrics_of(const Rule& rule, std::string_view text) {
  auto list = parse_json(text);
  if (!list) {
    return fail(
        Code::invalid_argument,
        fmt::format("Hyperparameter must be valid json, but found {}: {} (caused by ValueError)", rule.name, text));
  }
  bool good = list->is_array() && !list->empty();
  for (const Value& metric : list->items()) good = good && (metric == Value("msd") || metric == Value("ssd"));
  if (!good) return not_valid(rule, text, "a JSON list of \"msd\" and \"ssd\"");
  return std::move(*list);
}

Status check(const Rule& rule, std::string_view text) {
  switch (rule.shape) {
    case Shape::integer_or_auto:
      if (text == "auto") return {};
      [[fallthrough]];
    case Shape::integer: {
      const auto number = integer_of(text);
      const bool wide = rule.name == "seed" || rule.name == "half_life_time_size";
      const std::int64_t most = wide ? std::numeric_limits<std::int64_t>::max() : kMaxInteger;
      if (number && *number >= rule.least && *number <= most) return {};
      std::string wanted = rule.least == 0 ? "a non-negative integer" : "a positive integer";
      if (rule.shape == Shape::integer_or_auto) wanted += " or 'auto'";
      if (number && *number > most) wanted = fmt::format("at most {}", most);
      return not_valid(rule, text, wanted);
    }
    case Shape::number: {
      const auto number = parse_double(text);
      if (number && *number >= 0 && *number <= 1) return {};
      return not_valid(rule, text, "a number from 0 to 1");
    }
    case Shape::init_method:
      if (text == "random" || text == "kmeans++") return {};
      return not_valid(rule, text, "'random' or 'kmeans++'");
    case Shape::boolean:
      if (equals_ignore_case(text, "true") || equals_ignore_case(text, "false")) return {};
      return not_valid(rule, text, "'true' or 'false'");
    case Shape::metrics:
      if (const auto list = metrics_of(rule, text); !list) return tl::unexpected(list.error());
      return {};
    case Shape::any:
      return {};
  }
  return {};
}

KMeansOptions::Init init_of(std::string_view text) {
  return text == "random" ? KMeansOptions::Init::random : KMeansOptions::Init::kmeans_plus_plus;
}

// The first 48 bits of a digest.
std::string seed_from(std::string_view text) {
  const Sha256 digest = sha256(text);
  std::uint64_t seed = 0;
  for (std::size_t i = 0; i < 6; ++i) seed = seed << 8 | digest[i];
  return std::to_string(seed);
}

Status check_names(const Value& given) {
  if (!given.is_object()) return refuse("Hyperparameters must be an object of strings");
  std::vector<std::string> unknown, missing;
  for (const auto& [name, value] : given.members()) {
    if (rule_of(name) == nullptr) unknown.push_back("'" + name + "'");
    if (!value.is_string()) return refuse(fmt::format("Hyperparameter {} must be a string", name));
  }
  if (!unknown.empty()) {
    return refuse(fmt::format("Additional hyperparameters are not allowed ({} {} unexpected)", join(unknown, ", "),
                              unknown.size() == 1 ? "was" : "were"));
  }
  // k before feature_dim, as SageMaker's sentence has it.
  for (const char* name : {"k", "feature_dim"}) {
    if (trim(given.at(name).string_or()).empty()) missing.push_back(fmt::format("'{}'", name));
  }
  if (missing.empty()) return {};
  return refuse(
      fmt::format("No value(s) were specified for {} which are required hyperparameter(s)", join(missing, ", ")));
}

}  // namespace

Result<KMeansHyperparameters> read_hyperparameters(const Value& given) {
  MR_TRY(check_names(given));
  KMeansHyperparameters out;
  std::string all;  // what the default seed is made of
  for (const Rule& rule : kRules) {
    const Value* value = given.find(rule.name);
    std::string text(value != nullptr ? trim(value->as_string()) : rule.fallback);
    if (rule.name == "seed" && text.empty()) text = seed_from(all);
    MR_TRY(check(rule, text));
    if (!rule.name.starts_with('_')) all += fmt::format("{}={};", rule.name, text);
    out.in_effect.emplace_back(rule.name, std::move(text));
  }
  const auto text_of = [&](std::string_view name) -> const std::string& {
    for (const auto& [known, text] : out.in_effect) {
      if (known == name) return text;
    }
    return out.in_effect.front().second;
  };
  const auto size_of = [&](std::string_view name) {
    return static_cast<std::size_t>(integer_of(text_of(name)).value_or(0));  // "auto" is 0
  };
  out.feature_dim = size_of("feature_dim");
  KMeansOptions& options = out.options;
  options.k = size_of("k");
  options.epochs = size_of("epochs");
  options.extra_center_factor = size_of("extra_center_factor");
  options.half_life_time_size = size_of("half_life_time_size");
  options.init_method = init_of(text_of("init_method"));
  options.local_lloyd_init_method = init_of(text_of("local_lloyd_init_method"));
  options.local_lloyd_max_iter = size_of("local_lloyd_max_iter");
  options.local_lloyd_num_trials = size_of("local_lloyd_num_trials");
  options.local_lloyd_tol = *parse_double(text_of("local_lloyd_tol"));
  options.mini_batch_size = size_of("mini_batch_size");
  options.polish_max_iter = size_of("polish_max_iter");
  options.polish_tol = *parse_double(text_of("polish_tol"));
  options.polish_candidates = size_of("polish_candidates");
  options.seed = size_of("seed");
  const Value metrics = MR_TRY(metrics_of(*rule_of("eval_metrics"), text_of("eval_metrics")));
  out.report_msd = out.report_ssd = false;
  for (const Value& metric : metrics.items()) {
    (metric.as_string() == "msd" ? out.report_msd : out.report_ssd) = true;
  }
  return out;
}

}  // namespace millrace::sagemaker::worker
