#include "pipelines/api/listing.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "pipelines/api/filter.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::int64_t kDefaultPage = 20;
constexpr std::int64_t kMaxPage = 200;
constexpr std::int64_t kMaxPageSize = 2'147'483'647;  // the API's type; what is over kMaxPage is cut to it
constexpr std::size_t kMaxToken = 64u << 10;

struct Query {
  std::int64_t page_size = kDefaultPage;
  std::string sort_by, filter;
  const Field* field = nullptr;
  bool descending = false;
  bool has_cursor = false;
  Value cursor_value;
  std::string cursor_id;
};

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

Result<Value> decode_token(const std::string& text) {
  const auto decoded = text.size() > kMaxToken ? Result<std::string>() : from_base64(text);
  auto token = decoded ? parse_json(*decoded) : Result<Value>(fail(decoded.error()));
  if (!token || !token->is_object()) return fail(bad("page_token is not one of this list's"));
  return token;
}

Status read_token(Query& query, const std::string& text, const Listing& listing) {
  const Value token = MR_TRY(decode_token(text));
  if (token["model"].string_or() != listing.model) return fail(bad("page_token is not one of this list's"));
  const std::string sort_by = token["sort_by"].string_or(), filter = token["filter"].string_or();
  if ((!query.sort_by.empty() && query.sort_by != sort_by) || (!query.filter.empty() && query.filter != filter))
    return fail(bad("sort_by and filter must be those that page_token was made with"));
  query.sort_by = sort_by;
  query.filter = filter;
  query.has_cursor = true;
  query.cursor_value = token["value"];
  query.cursor_id = token["id"].string_or();
  return {};
}

Result<Query> read_query(const Call& call, const Listing& listing) {
  Query query;
  if (const std::string size = call.parameter("page_size"); !size.empty()) {
    const auto number = parse_int(size);
    if (!number || *number < 0 || *number > kMaxPageSize)
      return fail(bad("page_size must be a whole number, not below 0"));
    query.page_size = *number == 0 ? kDefaultPage : std::min(*number, kMaxPage);
  }
  query.sort_by = call.parameter("sort_by");
  query.filter = call.parameter("filter");
  if (const std::string token = call.parameter("page_token"); !token.empty()) MR_TRY(read_token(query, token, listing));
  std::string name = "created_at";
  std::vector<std::string_view> words;
  for (const std::string_view word : split(trim(query.sort_by), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (!words.empty()) name = words[0];
  query.descending = words.size() == 2 && equals_ignore_case(words[1], "desc");
  if (words.size() > 2 || (words.size() == 2 && !query.descending && !equals_ignore_case(words[1], "asc")))
    return fail(bad(fmt::format("sort_by must be a field and asc or desc, not \"{}\"", query.sort_by)));
  query.field = find_field(listing.fields, name);
  if (query.field == nullptr) query.field = find_field(listing.fields, to_lower(name));
  if (query.field == nullptr || query.field->type == FieldType::tags)
    return fail(bad(fmt::format("sort_by: {} has no field \"{}\"", listing.model, name)));
  return query;
}

// Rows without a number come before all that have one; NULL could not be a cursor.
std::string sorted_column(const Field& field) {
  return field.type == FieldType::real ? fmt::format("coalesce({}, -1e308)", field.column) : std::string(field.column);
}

Value read_cursor(const db::Statement& row, int column, FieldType type) {
  switch (type) {
    case FieldType::text:
    case FieldType::word:
    case FieldType::tags:
      return row.text(column);
    case FieldType::real:
      return row.real(column);
    case FieldType::number:
    case FieldType::time:
    case FieldType::millis:
      return row.integer(column);
  }
  return {};
}

}  // namespace

Result<std::string> sort_order(const Call& call) {
  std::string given = call.parameter("sort_by");
  const std::string token = call.parameter("page_token");
  if (!given.empty() || token.empty()) return given;
  return MR_TRY(decode_token(token))["sort_by"].string_or();
}

Result<Value> list(db::Database& database, const Call& call, const Listing& listing,
                   const std::function<Value(const db::Statement&)>& item) {
  const Query query = MR_TRY(read_query(call, listing));
  Condition condition = MR_TRY(read_filter(query.filter, listing.fields, listing.model));
  for (const auto& [column, value] : listing.where) condition.add(fmt::format("{} = ?", column), {Value(value)});
  if (!listing.family.column.empty()) {
    condition.add(
        fmt::format("{} IN (WITH RECURSIVE below(run) AS (SELECT ? UNION SELECT kfp_runs.id FROM kfp_runs JOIN "
                    "below ON kfp_runs.parent_run_id = below.run) SELECT run FROM below)",
                    listing.family.column),
        {Value(listing.family.run_id)});
  }
  Condition page = condition;
  const std::string column = sorted_column(*query.field);
  if (query.has_cursor) {
    // The first term says nothing new, but is what an index can begin at: a late page costs what the first does.
    const std::string_view beyond = query.descending ? "<" : ">";
    page.add(fmt::format("{0} {1}= ? AND ({0} {1} ? OR id {1} ?)", column, beyond),
             {query.cursor_value, query.cursor_value, Value(query.cursor_id)});
  }
  const auto where = [](const Condition& of) { return of.sql.empty() ? std::string() : " WHERE " + of.sql; };
  const std::string_view direction = query.descending ? "DESC" : "ASC";
  Value items = Value::array();
  std::int64_t total = 0;
  Value last_value;
  std::string last_id;
  bool more = false;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto count = MR_TRY(connection.prepare(fmt::format("SELECT count(*) FROM {}{}", listing.table, where(condition))));
    bind_values(count, condition.values);
    MR_TRY(count.step());
    total = count.integer(0);
    // Which rows they are is found out first, from an index as a rule: rows are wide, and few of them are shown. The
    // cursor's columns come last, so that `item` finds its own at the front.
    const std::string order = fmt::format("ORDER BY {0} {1}, id {1}", column, direction);
    auto row = MR_TRY(connection.prepare(
        fmt::format("SELECT {0}, id, {1} FROM {2} WHERE id IN (SELECT id FROM {2}{3} {4} LIMIT ?) {4}", listing.columns,
                    column, listing.table, where(page), order)));
    bind_values(row, page.values);
    row.bind_all(query.page_size + 1);
    const int id_column = static_cast<int>(std::count(listing.columns.begin(), listing.columns.end(), ',')) + 1;
    while (MR_TRY(row.step())) {
      if (static_cast<std::int64_t>(items.size()) == query.page_size) {
        more = true;
        break;
      }
      items.push(item(row));
      last_id = row.text(id_column);
      last_value = read_cursor(row, id_column + 1, query.field->type);
    }
    return {};
  }));
  Value answer = Value::object();
  if (!items.empty()) answer.set(listing.items_key, std::move(items));
  answer.set_if(total > 0, "total_size", total);
  if (more) {
    answer.set("next_page_token", to_base64(to_json(Value::object({{"model", listing.model},
                                                                   {"sort_by", query.sort_by},
                                                                   {"filter", query.filter},
                                                                   {"value", last_value},
                                                                   {"id", last_id}}))));
  }
  return answer;
}

}  // namespace millrace::pipelines::api
