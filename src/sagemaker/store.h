#pragma once
// SageMaker's resources in SQL. Every change is one write: durable when it returns, and made on the row as it is at
// that moment, so that a job's progress and a request to stop it never overwrite each other.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "db/database.h"
#include "sagemaker/resource.h"
#include "sagemaker/sagemaker.h"

namespace millrace::sagemaker {

using Tags = std::vector<std::pair<std::string, std::string>>;  // key, value

// What a List operation asks for, made definite.
struct ListQuery {
  using Sort = SortField;
  Sort sort = Sort::created;
  bool descending = false;
  std::string name_contains, status;                                                   // empty: any
  std::optional<Time> created_after, created_before, modified_after, modified_before;  // inclusive
  std::string parent;                                                                  // empty: any
  std::vector<std::pair<std::string_view, std::string>> equal;  // constant paths in the document ("A.B"), their texts
  std::size_t limit = 10;
  // Where the page before ended: the sort column's text and the name.
  std::optional<std::pair<std::string, std::string>> after;
};

class Store {
 public:
  explicit Store(db::Database& database) : database_(database) {}
  Status open();  // migrations

  // Error already_exists (SageMaker's words) when the name is taken. `guard` runs in the same transaction, first.
  using Guard = std::function<Status(db::Connection&)>;
  Status insert(const Resource& resource, const Tags& tags, const Guard& guard = {});
  // The same as part of a larger write.
  static Status insert_in(db::Connection& connection, const Resource& resource, const Tags& tags);

  Result<std::optional<Resource>> find(Kind kind, const std::string& name);
  Result<Resource> get(Kind kind, const std::string& name, const AccountRegion& account_region);  // error: no_such
  static Result<std::optional<Resource>> find_in(db::Connection& connection, Kind kind, const std::string& name);
  static Status update_in(db::Connection& connection, const Resource& resource);

  // Reads the row, lets `change` alter it, writes it. not_found without a row; an error of `change` undoes everything.
  using Change = std::function<Status(Resource&)>;
  Result<Resource> change(Kind kind, const std::string& name, const Change& change);
  Status write(const db::Database::Work& work) { return database_.write(work); }
  Status read(const db::Database::Work& work) { return database_.read(work); }

  Result<bool> erase(Kind kind, const std::string& name, const Guard& guard = {});  // with its tags; false: none such

  Result<std::vector<Resource>> list(Kind kind, const ListQuery& query);
  Result<std::vector<Resource>> active();
  Result<std::size_t> count_active();                                         // of all kinds
  Result<std::vector<SageMaker::Count>> counts(std::string_view where = "");  // a clause, or empty
  static Result<std::size_t> count_active_in(db::Connection& connection, Kind kind);
  static Result<std::size_t> count_in(db::Connection& connection, Kind kind);  // of any status
  // Training jobs of a tuning job, by name: in the order in which they were made.
  Result<std::vector<Resource>> children(const std::string& parent);
  static Result<bool> has_children_in(db::Connection& connection, Kind kind, const std::string& parent);
  static Result<std::vector<Resource>> children_in(db::Connection& connection, const std::string& parent);
  static Status orphan_in(db::Connection& connection, const std::string& parent);  // they have no parent afterwards

  Status add_tags(const std::string& arn, const Tags& tags);  // ValidationException past 50
  Status remove_tags(const std::string& arn, const std::vector<std::string>& keys);
  Result<Tags> tags(const std::string& arn);
  Result<bool> arn_exists(const std::string& arn);

 private:
  db::Database& database_;
};

}  // namespace millrace::sagemaker
