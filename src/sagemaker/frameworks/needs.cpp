#include "sagemaker/frameworks/needs.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/strings.h"
#include "sagemaker/frameworks/environments.h"
#include "work/python_environment.h"

namespace millrace::sagemaker::frameworks {
namespace {

namespace fs = std::filesystem;

// Where another name is imported than the package has. A second one follows a space.
constexpr std::pair<std::string_view, std::string_view> kModules[] = {
    {"scikit-learn", "sklearn"},
    {"PyYAML", "yaml"},
    {"tensorflow-cpu", "tensorflow"},
};

// Hundreds of megabytes each, with what they need.
constexpr std::string_view kLarge[] = {"torch",          "torchvision",  "torchaudio", "tensorflow",
                                       "tensorflow-cpu", "transformers", "mxnet",      "autogluon"};

// Modules that come with a package of another name.
constexpr std::pair<std::string_view, std::string_view> kBrought[] = {
    {"keras", "tensorflow"}, {"keras", "tensorflow-cpu"}, {"joblib", "scikit-learn"},
    {"botocore", "boto3"},   {"urllib3", "requests"},     {"dateutil", "pandas"},
};

// They import no other package of an image, unlike pandas, which reads a file of Parquet by pyarrow.
constexpr std::string_view kSelfContained[] = {"numpy", "scipy", "requests", "PyYAML", "boto3"};

std::string_view name_of(std::string_view requirement) {
  return requirement.substr(0, requirement.find_first_of("=<>~! "));
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]))) return true;
  }
  return false;
}

// In a line that imports something, however it does, or runs a module: what other lines say is prose.
bool names_module(std::string_view text, std::string_view module) {
  for (std::size_t at = text.find(module); at != std::string_view::npos; at = text.find(module, at + 1)) {
    const std::size_t before = text.rfind('\n', at);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::string_view line = text.substr(begin, text.find('\n', at) - begin);
    if (has_word(line, module) && (line.find("import") != std::string_view::npos || has_word(line, "m"))) return true;
  }
  return false;
}

bool is_one_of(std::span<const std::string_view> names, std::string_view requirement) {
  return std::find(names.begin(), names.end(), name_of(requirement)) != names.end();
}

bool is_named(std::span<const std::string> texts, std::string_view requirement) {
  const auto any_names = [&](std::string_view module) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return names_module(text, module); });
  };
  return any_names(module_of(requirement)) ||
         std::any_of(std::begin(kBrought), std::end(kBrought), [&](const auto& brought) {
           return brought.second == name_of(requirement) && any_names(brought.first);
         });
}

// Of an image whose framework is large the named packages are enough where each is self-contained. A smaller framework
// is not worth the risk: a pickled model names packages that no text does.
bool is_enough(const Image& image, std::span<const std::string> named) {
  return is_one_of(kLarge, image.packages.front()) &&
         std::all_of(named.begin(), named.end(),
                     [](const std::string& package) { return is_one_of(kSelfContained, package); });
}

}  // namespace

std::string module_of(std::string_view requirement) {
  const std::string_view name = name_of(requirement);
  for (const auto& [package, module] : kModules) {
    if (package == name) return std::string(module);
  }
  std::string module(name);
  std::replace(module.begin(), module.end(), '-', '_');
  return module;
}

bool machine_has_module(std::string_view module) {
  const fs::path python = work::program_on_path(kProgramPath, "python3");  // "/usr/bin/python3.11"
  if (python.empty()) return false;
  const fs::path places[] = {"/usr/lib/python3/dist-packages", "/usr/local/lib" / python.filename() / "dist-packages",
                             python.parent_path().parent_path() / "lib" / python.filename() / "site-packages"};
  return std::any_of(std::begin(places), std::end(places), [&](const fs::path& place) {
    std::error_code error;
    return fs::exists(place / module, error) || fs::exists(place / (std::string(module) + ".py"), error);
  });
}

Image needed_of(const Image& image, std::span<const std::string> texts,
                const std::function<bool(std::string_view module)>& has_module) {
  Image out = image;
  std::vector<std::string> named;
  std::copy_if(image.packages.begin(), image.packages.end(), std::back_inserter(named),
               [&](const std::string& package) { return is_named(texts, package); });
  const bool has_all = std::all_of(named.begin(), named.end(),
                                   [&](const std::string& package) { return has_module(module_of(package)); });
  if (has_all || is_enough(image, named)) {
    out.packages = has_all ? std::vector<std::string>() : std::move(named);
    out.optional_packages.clear();
    return out;
  }
  std::erase_if(out.packages,
                [&](const std::string& package) { return is_one_of(kLarge, package) && !is_named(texts, package); });
  return out;
}

}  // namespace millrace::sagemaker::frameworks
