#pragma once
// What the operations share: the store, the clock, the account, and the small things that every one of them does.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "iam/store.h"

namespace millrace::iam {

// IAM's quotas as a new account has them (IAM User Guide, "IAM and AWS STS quotas").
inline constexpr std::size_t kUsersQuota = 5'000, kGroupsQuota = 300, kRolesQuota = 1'000, kPoliciesQuota = 1'500,
                             kInstanceProfilesQuota = 1'000, kAccessKeysPerUserQuota = 2, kGroupsPerUserQuota = 10,
                             kAttachedPoliciesQuota = 10, kVersionsPerPolicyQuota = 5, kTagsQuota = 50,
                             kPolicySizeQuota = 6'144, kUserPolicySizeQuota = 2'048, kGroupPolicySizeQuota = 5'120,
                             kRolePolicySizeQuota = 10'240, kTrustPolicySizeQuota = 2'048,
                             kPolicyVersionsInUseQuota = 10'000;
inline constexpr std::string_view kServiceLinkedPath = "/aws-service-role/";

struct Context {
  Store& store;
  const Clock& clock;
  std::string account;
  std::string encryption_key;

  std::string arn(std::string_view kind, std::string_view path, std::string_view name) const;  // "user", "role"…
  // The entity, or AWS's NoSuchEntity sentence.
  Result<Entity> find_or_fail(const std::string& kind, const std::string& name);
  // The same for one that is about to be changed: a service-linked role is not (UnmodifiableEntity).
  Result<Entity> find_modifiable(const std::string& kind, const std::string& name);
  // The policy's ARN as it was made: policies are found without regard to case, statements match with it.
  std::string policy_arn(const std::string& given);
};

using Operations = std::vector<aws::Operation>;
using Handler = Result<aws::Output> (*)(Context&, aws::Call&, const Value&);

// One function a resource, with its operations.
Operations user_operations(Context& context);
Operations key_operations(Context& context);
Operations role_operations(Context& context);
Operations service_linked_role_operations(Context& context);
Operations group_operations(Context& context);
Operations policy_operations(Context& context);
Operations policy_version_operations(Context& context);
Operations attachment_operations(Context& context);
Operations inline_policy_operations(Context& context);
Operations instance_profile_operations(Context& context);
Operations tag_operations(Context& context);
Operations boundary_operations(Context& context);
Operations account_operations(Context& context);
Operations authorization_details_operation(Context& context);
Operations simulation_operations(Context& context);

// Adds an operation on the entity of `kind` that `member` of the input names, with the condition keys that such an
// operation has (keys_of).
void add_on(Operations& operations, Context& context, std::string_view name, aws::IamAction action, std::string kind,
            std::string member, aws::Handle handle, aws::MoreChecks more = {});
// Adds an operation that makes the entity of `kind` that `member` names, at the input's Path. Tags that it is made with
// take `tag_action` as well; null: it takes no tags.
void add_making(Operations& operations, Context& context, std::string_view name, aws::IamAction action,
                std::string kind, std::string member, const char* tag_action, aws::Handle handle);
void add_plain(Operations& operations, std::string_view name, aws::IamAction action, aws::Resources on,
               aws::Handle handle, aws::MoreChecks more = {}, aws::ConditionKeys keys = {});
aws::Handle bound(Context& context, Handler handler);

tl::unexpected<Error> no_such_entity(std::string message);
tl::unexpected<Error> already_exists(std::string message);
tl::unexpected<Error> delete_conflict(std::string message);
tl::unexpected<Error> limit_exceeded(std::string message);
tl::unexpected<Error> invalid_input(std::string message);
// "Cannot exceed quota for UsersPerAccount: 5000".
tl::unexpected<Error> quota_exceeded(std::string_view what, std::size_t quota);
// The store's already_exists said in AWS's words; other errors as they are.
Status inserted(Status status, std::string exists_message);

// The ARN of the entity that `member` of the input names, or of the calling user where it names none (looked up for its
// path; a name that does not exist is taken at "/").
aws::Resources on_entity(Context& context, std::string kind, std::string member);
// The ARN below which a listing with a PathPrefix looks. Source: AWS's own denials ("… is not authorized to perform:
// iam:ListUsers on resource: arn:aws:iam::123456789012:user/"); the Service Authorization Reference has no resource
// type.
aws::Resources on_path(Context& context, std::string kind);
// aws:ResourceTag/… of the entity (of users and roles iam:ResourceTag/… as well), aws:RequestTag/… and aws:TagKeys of
// the input, iam:PolicyARN, and iam:PermissionsBoundary (the one asked for, else the entity's) where AWS has it.
aws::ConditionKeys keys_of(Context& context, std::string kind, std::string member);
// Of the tags in `input`: aws:RequestTag/… and aws:TagKeys.
decltype(aws::Check::keys) request_tag_keys(const Value& input);

// Marker, MaxItems (100 by default) and IsTruncated. The items are ordered by their member `by` without regard to case
// (texts by themselves), and a marker names the last one given: what is deleted between two pages shifts nothing.
// Error: ValidationError for a marker that was not given here.
Result<Value> page(const Value& input, const std::string& list_name, std::vector<Value> items,
                   std::string_view by = {});
// The same over items whose order is their own; the marker is a position.
Result<Value> page_in_order(const Value& input, const std::string& list_name, std::vector<Value> items);

std::string new_id(std::string_view prefix);         // "AIDA" + 17 letters and digits
std::string url_encoded(std::string_view document);  // as IAM returns policy documents
Value tags_of(const Entity& entity);                 // [{Key, Value}] by key, never null
// Adds the tags to the entity's; keys are the same without regard to case. Errors: InvalidInput (twice the same key, a
// reserved prefix), LimitExceeded.
Status add_tags(Entity& entity, const Value& tags);
// A managed policy that may be a boundary: there and attachable. Sets it.
Status set_boundary(Context& context, Entity& entity, const std::string& policy_arn);
Value boundary_value(const Entity& entity);  // {PermissionsBoundaryType, PermissionsBoundaryArn}; null for none

enum class Detail { listed, whole };  // a listing leaves out tags, boundary and last use, as AWS's does
Value user_value(const Entity& user, Detail detail = Detail::whole);
Value group_value(const Entity& group);
Result<Value> role_value(Context& context, const Entity& role, Detail detail = Detail::whole);
Result<Value> profile_value(Context& context, const Entity& profile, Detail detail = Detail::whole);

// Parses and checks a document that a user submits. Errors: MalformedPolicyDocument.
Status check_identity_document(const std::string& document);
// Sets a role's trust policy: whom it names must be there. Errors: MalformedPolicyDocument, LimitExceeded.
Status set_trust(Context& context, Entity& role, const std::string& document);
// The trust policy as it is now. Users and roles are kept by their ids, as AWS does: one that was renamed since appears
// by its new ARN, one that is gone by its id, and another that was made under the old name is not meant.
Result<std::string> trust_of(Context& context, const Entity& role);

}  // namespace millrace::iam
