#pragma once
// Lists with pages, order and filter, as every list of the KFP API has them: keyset paging with an opaque token that
// carries order and filter of its own.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "db/database.h"
#include "db/dialect.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api {

// word: kept in capitals, asked for in any. time: kept in milliseconds and shown in seconds, which is what a filter
// compares; millis: shown in milliseconds too. tags: a map; filters name a key of it as "<name>.<key>", nothing is
// sorted by it.
enum class FieldType { text, word, number, real, time, millis, tags };
struct Field {
  std::string_view name;    // as the API calls it
  std::string_view column;  // as the table does, or an expression over its columns
  FieldType type = FieldType::text;
};

// The order and the equality of a name, as upstream's database has them: "default" is "Default".
constexpr std::string_view kNameColumn = "name" MR_SQL_ANY_CASE;
constexpr std::string_view kDisplayNameColumn = "display_name" MR_SQL_ANY_CASE;

struct Listing {
  std::string_view model;  // "Run": a token of another list is refused
  std::string_view table;
  std::string_view columns;  // what `item` reads
  std::span<const Field> fields;
  std::string_view items_key;  // "runs"
  // What the rows must have besides: column = value.
  std::vector<std::pair<std::string_view, std::string>> where;
  // Only rows whose column holds this run's id, or that of one that descends from it (access.h); no column: all.
  struct Family {
    std::string column, run_id;
  } family = {};
};

// What the list is sorted by: the parameter's, else the token's. Errors: invalid_argument.
Result<std::string> sort_order(const Call& call);

// The whole answer: {items_key: […], total_size, next_page_token}. Errors: invalid_argument for a page size, token,
// order or filter that cannot be read.
Result<Value> list(db::Database& database, const Call& call, const Listing& listing,
                   const std::function<Value(const db::Statement&)>& item);

}  // namespace millrace::pipelines::api
