#include "sagemaker/listing.h"

#include <cmath>

#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kDefaultPage = 10;
constexpr std::size_t kMaxPage = 100;

// A token goes with the filters and order it was made for; the page size may change.
std::string fingerprint(Value input) {
  input.erase("NextToken");
  input.erase("MaxResults");
  return sha256_hex(to_json(input)).substr(0, 16);
}

std::string sort_text(const ListQuery& query, const Resource& resource) {
  switch (query.sort) {
    case ListQuery::Sort::name:
      return resource.name;
    case ListQuery::Sort::status:
      return resource.status;
    case ListQuery::Sort::created:
      break;
  }
  return std::to_string(to_epoch_ms(resource.created));
}

Status read_bound(const Value& input, std::string_view member, std::optional<Time>& bound) {
  if (const Value* value = input.find(member); value != nullptr && !value->is_null()) {
    bound = MR_TRY(parse_timestamp(*value));
  }
  return {};
}

}  // namespace

Result<Time> parse_timestamp(const Value& value) {
  if (value.is_number()) {
    const double milliseconds = value.as_double() * 1000.0;
    if (!(std::abs(milliseconds) < 1e16)) return validation_error("A timestamp is out of range.");
    return from_epoch_ms(std::llround(milliseconds));
  }
  if (value.is_string()) {
    if (auto time = parse_rfc3339(value.as_string())) return *time;
  }
  return validation_error("A timestamp must be given in seconds since 1970 or as RFC 3339 text.");
}

Result<ListQuery> parse_list_query(const Value& input, const ListDefaults& defaults) {
  ListQuery query;
  query.sort = defaults.sort;
  query.descending = defaults.descending;
  const std::string sort = input["SortBy"].string_or();
  if (sort == "Name") query.sort = ListQuery::Sort::name;
  if (sort == "CreationTime") query.sort = ListQuery::Sort::created;
  if (sort == "Status") query.sort = ListQuery::Sort::status;
  if (const std::string order = input["SortOrder"].string_or(); !order.empty()) {
    query.descending = order == "Descending";
  }
  query.name_contains = input["NameContains"].string_or();
  query.status = input["StatusEquals"].string_or();
  MR_TRY(read_bound(input, "CreationTimeAfter", query.created_after));
  MR_TRY(read_bound(input, "CreationTimeBefore", query.created_before));
  MR_TRY(read_bound(input, "LastModifiedTimeAfter", query.modified_after));
  MR_TRY(read_bound(input, "LastModifiedTimeBefore", query.modified_before));
  const std::int64_t limit = input["MaxResults"].int_or(kDefaultPage);
  if (limit < 1 || limit > static_cast<std::int64_t>(kMaxPage)) {
    return validation_error("MaxResults must lie between 1 and 100.");
  }
  query.limit = static_cast<std::size_t>(limit);
  if (const std::string token = input["NextToken"].string_or(); !token.empty()) {
    const auto text = from_base64(token);
    const auto parsed = text ? parse_json(*text) : Result<Value>(fail(text.error()));
    if (!parsed || (*parsed)["q"].string_or() != fingerprint(input) || !(*parsed)["s"].is_string() ||
        !(*parsed)["n"].is_string()) {
      return validation_error("The NextToken is not valid for this request; start again without it.");
    }
    query.after.emplace((*parsed)["s"].as_string(), (*parsed)["n"].as_string());
  }
  return query;
}

std::pair<std::string, std::string> place_of(const ListQuery& query, const Resource& last) {
  return {sort_text(query, last), last.name};
}

std::string next_token(const Value& input, const ListQuery& query, const Resource& last) {
  return to_base64(
      to_json(Value::object({{"q", fingerprint(input)}, {"s", sort_text(query, last)}, {"n", last.name}})));
}

}  // namespace millrace::sagemaker
