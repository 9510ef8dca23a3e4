// Search: resources by conditions on any of their properties and tags.

#include <algorithm>

#include "aws/model.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/ops/ops.h"
#include "sagemaker/search_filter.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kChunk = 200;  // rows looked at in one query

struct Hit {
  std::string name;
  std::optional<Value> key;  // of the order
};

// A document as conditions see it.
Result<Value> searched(Store& store, const Resource& row) {
  Value document = row.body;
  if (!document.has("LastModifiedTime")) document.set("LastModifiedTime", seconds(row.modified));
  Value tags = Value::object();
  for (const auto& [key, value] : MR_TRY(store.tags(row.arn))) tags.set(key, value);
  document.set("Tags", std::move(tags));
  return document;
}

bool is_visible(const Value& document, const Value& conditions) {
  return std::ranges::all_of(conditions.items(), [&](const Value& condition) {
    const auto value = property_of(document, condition["Key"].string_or());
    return value && value->string_or() == condition["Value"].string_or();
  });
}

Result<std::vector<Hit>> hits_of(Store& store, Kind kind, const Value& input) {
  const std::string order = input["SortBy"].string_or("LastModifiedTime");
  std::vector<Hit> hits;
  ListQuery query;
  query.sort = SortField::name;
  query.limit = kChunk;
  while (true) {
    const auto rows = MR_TRY(store.list(kind, query));
    for (const auto& row : rows) {
      const Value document = MR_TRY(searched(store, row));
      if (matches_search(document, input["SearchExpression"]) && is_visible(document, input["VisibilityConditions"]))
        hits.push_back({row.name, property_of(document, order)});
    }
    if (rows.size() < kChunk) break;
    query.after.emplace(rows.back().name, rows.back().name);
  }
  const bool descending = input["SortOrder"].string_or("Descending") == "Descending";
  // What has no such property comes last, either way.
  std::ranges::sort(hits, [&](const Hit& a, const Hit& b) {
    if (a.key.has_value() != b.key.has_value()) return a.key.has_value();
    const Hit& first = descending ? b : a;
    const Hit& second = descending ? a : b;
    if (a.key && is_before(*first.key, *second.key)) return true;
    if (a.key && is_before(*second.key, *first.key)) return false;
    return a.name < b.name;
  });
  return hits;
}

// The members that a search's result has for this kind: fewer than Describe's.
Value result_of(std::string_view kind, Value document) {
  const aws::Shape& results = *aws::service_model("sagemaker").operation("Search")->output->member("Results")->shape;
  const aws::Shape& shape = *results.element.shape->member(kind)->shape;
  if (kind == "Model") return Value::object({{"Model", std::move(document)}});
  Value tags = Value::array();
  for (const auto& [key, value] : document["Tags"].members())
    tags.push(Value::object({{"Key", key}, {"Value", value}}));
  document.set("Tags", std::move(tags));
  Value shown = Value::object();
  for (const auto& [member, value] : document.members()) {
    if (shape.member(member) != nullptr) shown.set(member, value);
  }
  return shown;
}

std::string fingerprint(Value input) {
  input.erase("NextToken");
  input.erase("MaxResults");
  return sha256_hex(to_json(input)).substr(0, 16);
}

Result<std::size_t> offset_of(const Value& input) {
  const std::string token = input["NextToken"].string_or();
  if (token.empty()) return std::size_t{0};
  const auto text = from_base64(token);
  const auto parsed = text ? parse_json(*text) : Result<Value>(fail(text.error()));
  const std::int64_t offset = parsed ? (*parsed)["o"].int_or(-1) : -1;
  if (offset < 0 || (*parsed)["q"].string_or() != fingerprint(input))
    return validation_error("The NextToken is not valid for this request; start again without it.");
  return static_cast<std::size_t>(offset);
}

Result<aws::Output> search_page(Ops& ops, const Value& input) {
  if (input["CrossAccountFilterOption"].string_or("SameAccount") != "SameAccount")
    return validation_error("Resources of other accounts cannot be searched here; use SameAccount.");
  MR_TRY(check_search(input["SearchExpression"]));
  const std::size_t offset = MR_TRY(offset_of(input));
  const auto page = static_cast<std::size_t>(input["MaxResults"].int_or(kDefaultPage));
  const std::string resource = input["Resource"].string_or();
  const KindInfo* kind = find_kind(resource);
  // Of what cannot be made here there is none.
  const auto hits = kind == nullptr ? std::vector<Hit>() : MR_TRY(hits_of(ops.dependencies.store, kind->kind, input));
  Value results = Value::array();
  for (std::size_t i = offset; i < hits.size() && i < offset + page; ++i) {
    const auto row = MR_TRY(ops.dependencies.store.find(kind->kind, hits[i].name));
    if (!row) continue;  // deleted meanwhile
    results.push(Value::object({{resource, result_of(resource, MR_TRY(searched(ops.dependencies.store, *row)))}}));
  }
  aws::Output output;
  output.members.set("Results", std::move(results));
  output.members.set("TotalHits", Value::object({{"Value", hits.size()}, {"Relation", "EqualTo"}}));
  if (offset + page < hits.size()) {
    output.members.set("NextToken",
                       to_base64(to_json(Value::object({{"q", fingerprint(input)}, {"o", offset + page}}))));
  }
  return output;
}

}  // namespace

aws::Operation search(Ops& ops) {
  return {"Search",
          "sagemaker:Search",
          aws::any_resource(),
          [&ops](aws::Call&, const Value& input) { return search_page(ops, input); },
          {},
          [](const aws::Call&, const Value& input) {
            decltype(aws::Check::keys) keys;
            for (const auto& condition : input["VisibilityConditions"].items()) {
              keys.push_back({"sagemaker:SearchVisibilityCondition/" + condition["Key"].string_or(),
                              {condition["Value"].string_or()}});
            }
            return keys;
          }};
}

}  // namespace millrace::sagemaker
