#pragma once
// What the operations share: the store, the clock, the account, and the small things that every one of them does.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "iam/store.h"

namespace millrace::iam {

struct Context {
  Store& store;
  const Clock& clock;
  std::string account;
  std::string encryption_key;

  std::string arn(std::string_view kind, std::string_view path, std::string_view name) const;  // "user", "role"…
  // The entity, or AWS's NoSuchEntity sentence.
  Result<Entity> need(const std::string& kind, const std::string& name);
};

using Operations = std::vector<aws::Operation>;

// One function a resource; each adds its operations.
void add_user_operations(Operations& operations, Context& context);
void add_key_operations(Operations& operations, Context& context);
void add_role_operations(Operations& operations, Context& context);
void add_group_operations(Operations& operations, Context& context);
void add_policy_operations(Operations& operations, Context& context);
void add_attachment_operations(Operations& operations, Context& context);
void add_inline_policy_operations(Operations& operations, Context& context);
void add_instance_profile_operations(Operations& operations, Context& context);
void add_tag_operations(Operations& operations, Context& context);
void add_account_operations(Operations& operations, Context& context);

tl::unexpected<Error> no_such_entity(std::string message);
tl::unexpected<Error> delete_conflict(std::string message);
tl::unexpected<Error> limit_exceeded(std::string message);

// The ARN of the entity that `member` of the input names (looked up for its path; a name that does not exist yet gets
// the input's Path, or "/").
aws::Resources on_entity(Context& context, std::string kind, std::string member);

// Marker, MaxItems (100 unless told) and IsTruncated over `items`, which stand in a fixed order.
Value page(const Value& input, const std::string& list_name, std::vector<Value> items);

std::string new_id(std::string_view prefix);         // "AIDA" + 17 letters and digits
std::string url_encoded(std::string_view document);  // as IAM returns policy documents
Value tags_of(const Entity& entity);                 // [{Key, Value}], never null
Value user_value(const Entity& user);
Value role_value(const Entity& role);

}  // namespace millrace::iam
