#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "iam/context.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kKeysQuota = 2;
constexpr std::string_view kIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string user_name(const aws::Call& call, const Value& input) {
  return input["UserName"].string_or(call.principal.name);
}

Result<Key> need_key(Context& context, const std::string& user, const std::string& id) {
  auto key = MR_TRY(context.store.find_key(id));
  if (!key || key->user != user) return no_such_entity(fmt::format("The Access Key with id {} cannot be found.", id));
  return std::move(*key);
}

}  // namespace

void add_key_operations(Operations& operations, Context& context) {
  const auto on_user = on_entity(context, "user", "UserName");
  operations.push_back(
      {"CreateAccessKey", "iam:CreateAccessKey", on_user,
       [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
         const std::string user = user_name(call, input);
         if (!user.empty()) MR_TRY(context.need("user", user));
         if (MR_TRY(context.store.keys_of(user)).size() >= kKeysQuota) {
           return limit_exceeded(fmt::format("Cannot exceed quota for AccessKeysPerUser: {}", kKeysQuota));
         }
         Key key;
         key.id = "AKIA" + random_string(16, kIdAlphabet);
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
       }});
  operations.push_back({"ListAccessKeys", "iam:ListAccessKeys", on_user,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          const std::string user = user_name(call, input);
                          if (!user.empty()) MR_TRY(context.need("user", user));
                          std::vector<Value> keys;
                          for (const Key& key : MR_TRY(context.store.keys_of(user))) {
                            keys.push_back(Value::object({{"UserName", user},
                                                          {"AccessKeyId", key.id},
                                                          {"Status", key.status},
                                                          {"CreateDate", to_epoch_seconds(key.created)}}));
                          }
                          return page(input, "AccessKeyMetadata", std::move(keys));
                        }});
  operations.push_back({"UpdateAccessKey", "iam:UpdateAccessKey", on_user,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          Key key = MR_TRY(need_key(context, user_name(call, input), input["AccessKeyId"].string_or()));
                          key.status = input["Status"].string_or();
                          MR_TRY(context.store.update_key(key));
                          return aws::Output();
                        }});
  operations.push_back(
      {"DeleteAccessKey", "iam:DeleteAccessKey", on_user,
       [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
         const Key key = MR_TRY(need_key(context, user_name(call, input), input["AccessKeyId"].string_or()));
         if (key.user.empty() && MR_TRY(context.store.keys_of("")).size() == 1) {
           return fail(Code::failed_precondition,
                       "The account's last administrator key cannot be deleted: nobody could sign in any more.",
                       "DeleteConflict");
         }
         MR_TRY(context.store.erase_key(key.id));
         return aws::Output();
       }});
  operations.push_back({"GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed", aws::any_resource(),
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          const std::string id = input["AccessKeyId"].string_or();
                          const auto key = MR_TRY(context.store.find_key(id));
                          if (!key)
                            return no_such_entity(fmt::format("The Access Key with id {} cannot be found.", id));
                          Value used =
                              Value::object({{"ServiceName", key->used_service.empty() ? "N/A" : key->used_service},
                                             {"Region", key->used_region.empty() ? "N/A" : key->used_region}});
                          if (key->used) used.set("LastUsedDate", to_epoch_seconds(*key->used));
                          return Value::object({{"UserName", key->user}, {"AccessKeyLastUsed", std::move(used)}});
                        }});
}

}  // namespace millrace::iam
