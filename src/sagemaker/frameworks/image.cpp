#include "sagemaker/frameworks/image.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/frameworks/table.h"

namespace millrace::sagemaker::frameworks {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool matches(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

// "1.2.0", "0.90": numbers with dots between.
bool is_version(std::string_view word) {
  const auto parts = split(word, '.');
  return parts.size() >= 2 && std::all_of(parts.begin(), parts.end(), is_digits);
}

// "py310" → "3.10", "py38" → "3.8"; "py3" says nothing.
std::string python_of(std::string_view word) {
  if (!word.starts_with("py3") || word.size() < 4 || !is_digits(word.substr(2))) return {};
  return fmt::format("3.{}", word.substr(3));
}

struct Tag {
  std::string version;       // the first word, where it is one
  std::string revised;       // with the revision behind it: "1.2-1"
  std::string transformers;  // "4.36.0"
  std::string python;
  std::vector<std::string_view> words;
};

Tag parse_tag(std::string_view text) {
  constexpr std::string_view kTransformers = "transformers";
  Tag tag;
  for (const std::string_view word : split(text, '-')) tag.words.push_back(word);
  if (!tag.words.empty() && is_version(tag.words[0])) tag.version = tag.words[0];
  tag.revised = tag.version;
  if (tag.words.size() > 1 && is_digits(tag.words[1])) tag.revised += fmt::format("-{}", tag.words[1]);
  for (const std::string_view word : tag.words) {
    if (word.starts_with(kTransformers)) tag.transformers = word.substr(kTransformers.size());
    if (const std::string python = python_of(word); !python.empty()) tag.python = python;
  }
  return tag;
}

const Release* release_of(std::string_view framework, const Tag& tag) {
  const auto fits = [&](const Release& row, bool own) {
    const bool is_tags = own ? !row.tag.empty() && row.tag == tag.revised : row.tag.empty();
    const bool is_words =
        row.only.empty() || std::find(tag.words.begin(), tag.words.end(), row.only) != tag.words.end();
    return row.framework == framework && is_tags && is_words;
  };
  for (const bool own : {true, false}) {
    for (const Release& row : releases()) {
      if (fits(row, own)) return &row;
    }
  }
  return nullptr;
}

// A requirement with the tag's versions. Without one: the package in any version; with two numbers, as 2.1: its latest.
std::string requirement(std::string_view row, const Tag& tag) {
  const std::size_t pin = row.find("=={");
  if (pin == std::string_view::npos) return std::string(row);
  const std::string& version = row.substr(pin) == "=={t}" ? tag.transformers : tag.version;
  const std::string name(row.substr(0, pin));
  if (version.empty()) return name;
  if (split(version, '.').size() == 2) return fmt::format("{}~={}.0", name, version);
  return replace_all(replace_all(std::string(row), "{v}", version), "{t}", version);
}

void add_packages(std::vector<std::string>& out, std::string_view list, const Tag& tag) {
  const auto name_of = [](std::string_view text) { return text.substr(0, text.find_first_of("=<>~!")); };
  for (const std::string_view word : split(list, ' ')) {
    if (word.empty()) continue;
    const bool is_there =
        std::any_of(out.begin(), out.end(), [&](const auto& one) { return name_of(one) == name_of(word); });
    if (!is_there) out.push_back(requirement(word, tag));
  }
}

// torch before 2.3 was built for NumPy 1 and says so of none of its releases.
bool needs_old_numpy(const Image& image) {
  if (image.framework != "pytorch" && image.framework != "huggingface") return false;
  const auto parts = split(image.version, '.');
  const auto number = [&](std::size_t i) { return i < parts.size() ? parse_int(parts[i]).value_or(0) : 0; };
  return !image.version.empty() && (number(0) < 2 || (number(0) == 2 && number(1) < 3));
}

Image image_at(const Repository& repository, std::string_view name, const Tag& tag) {
  Image image;
  image.framework = repository.framework;
  image.repository = name;
  image.trains = repository.uses != Uses::inference;
  image.serves = repository.uses != Uses::training;
  image.version = tag.version;
  image.python = tag.python;
  if (const Release* row = release_of(repository.framework, tag)) {
    if (!row->version.empty()) image.version = row->version;
    if (image.python.empty()) image.python = row->python;
    add_packages(image.packages, row->packages, tag);
  }
  if (needs_old_numpy(image)) image.packages.emplace_back("numpy<2");
  for (const Common& row : common_packages()) {
    if (row.framework != repository.framework) continue;
    add_packages(image.packages, row.packages, tag);
    add_packages(image.optional_packages, row.optional_packages, tag);
  }
  return image;
}

// "sagemaker-base-python-310": the Python is part of the name.
std::string python_in_name(const Repository& repository, std::string_view name) {
  if (!repository.name.ends_with('*')) return {};
  const std::string_view rest = name.substr(repository.name.size() - 1);
  return rest.size() >= 2 && rest[0] == '3' && is_digits(rest) ? fmt::format("3.{}", rest.substr(1)) : std::string();
}

}  // namespace

ImageName parse_image_name(std::string_view uri) {
  ImageName out;
  if (const std::size_t digest = uri.find('@'); digest != std::string_view::npos) uri = uri.substr(0, digest);
  const std::size_t slash = uri.rfind('/');
  std::string_view last = slash == std::string_view::npos ? uri : uri.substr(slash + 1);
  if (slash != std::string_view::npos) out.registry = uri.substr(0, uri.find('/'));
  if (const std::size_t colon = last.find(':'); colon != std::string_view::npos) {
    out.tag = last.substr(colon + 1);
    last = last.substr(0, colon);
  }
  out.repository = last;
  return out;
}

bool is_aws_registry(std::string_view registry) {
  if (registry == "public.ecr.aws") return true;
  // 12 digits, "dkr", "ecr" or "ecr-fips", a region, a domain: amazonaws.com, amazonaws.com.cn, c2s.ic.gov, …
  constexpr std::size_t kAccount = 12;
  const auto parts = split(registry, '.');
  return parts.size() >= 6 && parts[0].size() == kAccount && is_digits(parts[0]) && parts[1] == "dkr" &&
         (parts[2] == "ecr" || parts[2] == "ecr-fips") && !parts[3].empty();
}

std::optional<Image> image_of(std::string_view uri) {
  const ImageName name = parse_image_name(uri);
  if (!is_aws_registry(name.registry)) return std::nullopt;
  for (const Repository& repository : repositories()) {
    if (!matches(repository.name, name.repository)) continue;
    Image image = image_at(repository, name.repository, parse_tag(name.tag));
    if (const std::string python = python_in_name(repository, name.repository); !python.empty()) image.python = python;
    return image;
  }
  return std::nullopt;
}

Image plain_python() {
  Image image;
  image.framework = "python";
  image.trains = image.serves = true;
  return image;
}

std::string why_not_python(std::string_view uri) {
  const ImageName name = parse_image_name(uri);
  if (!is_aws_registry(name.registry)) return {};
  for (const Foreign& row : foreign()) {
    if (matches(row.repository, name.repository)) return std::string(row.reason);
  }
  return {};
}

}  // namespace millrace::sagemaker::frameworks
