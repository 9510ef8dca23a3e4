#include "kube/metadata.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxLabelBytes = 63, kMaxSubdomainBytes = 253;

#define MR_LABEL "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define MR_QUALIFIED "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
constexpr const char* kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '" MR_LABEL "')";
constexpr const char* kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is '" MR_LABEL "(\\." MR_LABEL
    ")*')";
constexpr const char* kQualifiedRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '" MR_QUALIFIED "')";
constexpr const char* kValueRule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(" MR_QUALIFIED ")?')";
#undef MR_LABEL
#undef MR_QUALIFIED

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_label(std::string_view text) {
  return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_qualified(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

std::string too_long(std::size_t most, const char* unit) {
  return fmt::format("must be no more than {} {}", most, unit);
}

void check_name(const Kind& kind, const Value& metadata, FieldErrors& errors) {
  const auto faults = kind.name_rule == NameRule::label ? label_name_faults : subdomain_faults;
  std::string prefix = metadata.at("generateName").string_or();
  if (!prefix.empty()) {
    const std::string shown = prefix;
    if (prefix.ends_with('-')) prefix.back() = 'a';  // a name may not end so, its beginning may
    for (const auto& fault : faults(prefix)) errors.invalid("metadata.generateName", shown, fault);
  }
  const std::string name = metadata.at("name").string_or();
  if (name.empty()) {
    errors.required("metadata.name", "name or generateName is required");
  } else {
    for (const auto& fault : faults(name)) errors.invalid("metadata.name", name, fault);
  }
}

void check_labels(const Value& labels, FieldErrors& errors) {
  for (const auto& [key, value] : labels.members()) {
    for (const auto& fault : qualified_name_faults(key)) errors.invalid("metadata.labels", key, fault);
    for (const auto& fault : label_value_faults(value.string_or())) errors.invalid("metadata.labels", value, fault);
  }
}

void check_annotations(const Value& annotations, FieldErrors& errors) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : annotations.members()) {
    for (const auto& fault : qualified_name_faults(to_lower(key))) errors.invalid("metadata.annotations", key, fault);
    bytes += key.size() + value.string_or().size();
  }
  if (bytes > kMaxAnnotationBytes) errors.too_long("metadata.annotations", kMaxAnnotationBytes);
}

void check_owners(const Value& owners, FieldErrors& errors) {
  std::string controller;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const Value& owner = owners.items()[i];
    for (const char* field : {"apiVersion", "kind", "name", "uid"}) {
      if (owner.at(field).string_or().empty())
        errors.required(fmt::format("metadata.ownerReferences[{}].{}", i, field), "must not be empty");
    }
    if (!owner.at("controller").bool_or(false)) continue;
    const std::string who = owner.at("kind").string_or() + "/" + owner.at("name").string_or();
    if (!controller.empty()) {
      errors.invalid("metadata.ownerReferences", owners,
                     fmt::format("Only one reference can have Controller set to true. Found \"true\" in references for "
                                 "{} and {}",
                                 controller, who));
    }
    controller = who;
  }
}

constexpr std::string_view kStandardFinalizers[] = {"kubernetes", "orphan", "foregroundDeletion"};

void check_finalizers(const Kind& kind, const Value& finalizers, FieldErrors& errors) {
  for (const Value& finalizer : finalizers.items()) {
    const std::string name = finalizer.string_or();
    for (const auto& fault : qualified_name_faults(name)) errors.invalid("metadata.finalizers", name, fault);
  }
  if (!kind.group.empty()) return;  // what follows is asked of the core kinds alone
  for (std::size_t i = 0; i < finalizers.size(); ++i) {
    const std::string name = finalizers.items()[i].string_or();
    if (name.find('/') != std::string::npos ||
        std::ranges::find(kStandardFinalizers, name) != std::end(kStandardFinalizers))
      continue;
    errors.invalid(fmt::format("metadata.finalizers[{}]", i), name,
                   "name is neither a standard finalizer name nor is it fully qualified");
  }
}

}  // namespace

std::vector<std::string> subdomain_faults(std::string_view text) {
  std::vector<std::string> faults;
  if (text.size() > kMaxSubdomainBytes) faults.push_back(too_long(kMaxSubdomainBytes, "characters"));
  if (!std::ranges::all_of(split(text, '.'), is_label)) faults.emplace_back(kSubdomainRule);
  return faults;
}

std::vector<std::string> label_name_faults(std::string_view text) {
  std::vector<std::string> faults;
  if (text.size() > kMaxLabelBytes) faults.push_back(too_long(kMaxLabelBytes, "characters"));
  if (!is_label(text)) faults.emplace_back(kLabelRule);
  return faults;
}

std::vector<std::string> qualified_name_faults(std::string_view text) {
  std::vector<std::string> faults;
  const auto parts = split(text, '/');
  if (parts.size() > 2) {
    return {
        fmt::format("a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                    kQualifiedRule)};
  }
  if (parts.size() == 2) {
    if (parts[0].empty()) faults.emplace_back("prefix part must be non-empty");
    if (!parts[0].empty())
      for (const auto& fault : subdomain_faults(parts[0])) faults.push_back("prefix part " + fault);
  }
  const auto name = parts.back();
  if (name.empty()) faults.emplace_back("name part must be non-empty");
  if (name.size() > kMaxLabelBytes) faults.push_back("name part " + too_long(kMaxLabelBytes, "bytes"));
  if (!is_qualified(name)) faults.push_back(std::string("name part ") + kQualifiedRule);
  return faults;
}

std::vector<std::string> label_value_faults(std::string_view text) {
  std::vector<std::string> faults;
  if (text.size() > kMaxLabelBytes) faults.push_back(too_long(kMaxLabelBytes, "bytes"));
  if (!text.empty() && !is_qualified(text)) faults.emplace_back(kValueRule);
  return faults;
}

void check_metadata(const Kind& kind, const Value& object, FieldErrors& errors) {
  const Value& metadata = object.at("metadata");
  check_name(kind, metadata, errors);
  check_labels(metadata.at("labels"), errors);
  check_annotations(metadata.at("annotations"), errors);
  check_owners(metadata.at("ownerReferences"), errors);
  check_finalizers(kind, metadata.at("finalizers"), errors);
}

}  // namespace millrace::kube
