#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "iam/access_key_id.h"
#include "iam/context.h"

namespace millrace::iam {
namespace {

constexpr std::string_view kSecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

tl::unexpected<Error> no_such_key(const std::string& id) {
  return no_such_entity(fmt::format("The Access Key with id {} cannot be found.", id));
}

// The user named, else the one whose key signed; empty for the account's root.
Result<std::string> owner_of(Context& context, const aws::Call& call, const Value& input) {
  std::string name = input["UserName"].string_or();
  if (name.empty() && call.principal.kind == aws::Principal::Kind::user) name = call.principal.name;
  if (name.empty() && call.principal.kind != aws::Principal::Kind::root) {
    return fail(Code::invalid_argument, "Must specify userName when calling with non-User credentials",
                "ValidationError");
  }
  return name.empty() ? name : MR_TRY(context.find_or_fail("user", name)).name;
}

Result<Key> need_key(Context& context, const aws::Call& call, const Value& input) {
  const std::string user = MR_TRY(owner_of(context, call, input)), id = input["AccessKeyId"].string_or();
  auto key = MR_TRY(context.store.find_key(id));
  if (!key || key->user != user) return no_such_key(id);
  return std::move(*key);
}

// The root's last working key stays: without it nobody could sign in any more.
Status keep_one_root_key(Context& context, const Key& key) {
  if (!key.user.empty()) return {};
  for (const Key& other : MR_TRY(context.store.keys_of(""))) {
    if (other.id != key.id && other.status == "Active") return {};
  }
  return delete_conflict(
      "The account's last active administrator key can be neither deleted nor deactivated: nobody could sign in any "
      "more.");
}

Result<aws::Output> create(Context& context, aws::Call& call, const Value& input) {
  const std::string user = MR_TRY(owner_of(context, call, input));
  if (MR_TRY(context.store.keys_of(user)).size() >= kAccessKeysPerUserQuota)
    return quota_exceeded("AccessKeysPerUser", kAccessKeysPerUserQuota);
  Key key;
  key.id = new_access_key_id("AKIA", context.account);
  key.user = user;
  key.created = call.now;
  const std::string secret = random_string(40, kSecretAlphabet);
  key.sealed_secret = seal(context.encryption_key, secret, key.id);
  MR_TRY(context.store.insert_key(key));
  return Value::object({{"AccessKey", Value::object({{"UserName", user},
                                                     {"AccessKeyId", key.id},
                                                     {"Status", key.status},
                                                     {"SecretAccessKey", secret},
                                                     {"CreateDate", to_epoch_seconds(key.created)}})}});
}

Result<aws::Output> list(Context& context, aws::Call& call, const Value& input) {
  const std::string user = MR_TRY(owner_of(context, call, input));
  std::vector<Value> keys;
  for (const Key& key : MR_TRY(context.store.keys_of(user))) {
    keys.push_back(Value::object({{"UserName", user},
                                  {"AccessKeyId", key.id},
                                  {"Status", key.status},
                                  {"CreateDate", to_epoch_seconds(key.created)}}));
  }
  Value output = MR_TRY(page(input, "AccessKeyMetadata", std::move(keys), "AccessKeyId"));
  return output;
}

Result<aws::Output> update(Context& context, aws::Call& call, const Value& input) {
  Key key = MR_TRY(need_key(context, call, input));
  key.status = input["Status"].string_or();
  if (key.status == "Expired") return invalid_input("An access key's status can be set to Active or Inactive.");
  if (key.status == "Inactive") MR_TRY(keep_one_root_key(context, key));
  MR_TRY(context.store.update_key(key));
  return aws::Output();
}

Result<aws::Output> erase(Context& context, aws::Call& call, const Value& input) {
  const Key key = MR_TRY(need_key(context, call, input));
  MR_TRY(keep_one_root_key(context, key));
  MR_TRY(context.store.erase_key(key.id));
  return aws::Output();
}

Result<aws::Output> last_used(Context& context, aws::Call&, const Value& input) {
  const std::string id = input["AccessKeyId"].string_or();
  const auto key = MR_TRY(context.store.find_key(id));
  if (!key) return no_such_key(id);
  Value used = Value::object({{"ServiceName", key->used_service.empty() ? "N/A" : key->used_service},
                              {"Region", key->used_region.empty() ? "N/A" : key->used_region}});
  if (key->used) used.set("LastUsedDate", to_epoch_seconds(*key->used));
  return Value::object({{"UserName", key->user}, {"AccessKeyLastUsed", std::move(used)}});
}

}  // namespace

Operations key_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "user", "UserName", bound(context, handler));
  };
  on("CreateAccessKey", "iam:CreateAccessKey", create);
  on("ListAccessKeys", "iam:ListAccessKeys", list);
  on("UpdateAccessKey", "iam:UpdateAccessKey", update);
  on("DeleteAccessKey", "iam:DeleteAccessKey", erase);
  // Asked for by the key's owner, whoever that is.
  add_plain(
      operations, "GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed",
      [&context](const aws::Call&, const Value& input) {
        const auto key = context.store.find_key(input["AccessKeyId"].string_or());
        if (key && *key && !(*key)->user.empty()) {
          const auto user = context.store.find("user", (*key)->user);
          if (user && *user) return std::vector<std::string>{(*user)->arn};
        }
        return std::vector<std::string>{"*"};
      },
      bound(context, last_used));
  return operations;
}

}  // namespace millrace::iam
