// Passwords of users. There is no page here to sign in at, so a password is only what it is to IAM's own API: set,
// changed, reported on. It is kept as a slow digest, sealed like the secret keys.

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "base/ids.h"
#include "iam/context.h"
#include "iam/ops/passwords.h"

namespace millrace::iam {
namespace {

constexpr int kRounds = 20'000;  // of PBKDF2; some 20 ms
constexpr std::size_t kSaltLength = 16;

// PBKDF2-HMAC-SHA256, one block (RFC 8018).
std::string digest_of(std::string_view password, std::string_view salt) {
  using namespace std::string_view_literals;
  Sha256 block = hmac_sha256(password, std::string(salt) + std::string("\0\0\0\1"sv)), sum = block;
  for (int round = 1; round < kRounds; ++round) {
    block = hmac_sha256(password, as_chars(block));
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = static_cast<std::uint8_t>(sum[i] ^ block[i]);
  }
  return std::string(as_chars(sum));
}

// "salt" and digest, sealed with the user's id.
std::string kept(Context& context, const Entity& user, std::string_view password) {
  const std::string salt = random_string(kSaltLength, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  return to_base64(seal(context.encryption_key, salt + digest_of(password, salt), user.id));
}

bool matches(Context& context, const Entity& user, const std::string& kept, std::string_view password) {
  const auto sealed = from_base64(kept);
  std::string plain;
  if (!sealed || !unseal(context.encryption_key, *sealed, user.id, plain) || plain.size() < kSaltLength) return false;
  return equal_constant_time(plain.substr(kSaltLength), digest_of(password, plain.substr(0, kSaltLength)));
}

Result<Entity> user_of(Context& context, const aws::Call& call, const Value& input) {
  std::string name = input["UserName"].string_or();
  if (name.empty() && call.principal.kind == aws::Principal::Kind::user) name = call.principal.name;
  if (name.empty()) {
    return fail(Code::invalid_argument, "Must specify userName when calling with non-User credentials",
                "ValidationError");
  }
  return context.find_or_fail("user", name);
}

tl::unexpected<Error> no_profile(const Entity& user) {
  return no_such_entity(fmt::format("Login Profile for User {} cannot be found.", user.name));
}

Value profile_value(const Entity& user) {
  const Value& login = user.data["login"];
  Value value = Value::object({{"UserName", user.name},
                               {"CreateDate", login["created"]},
                               {"PasswordResetRequired", login["reset"].bool_or(false)}});
  value.set_if(login.has("session"), "MaxSigninSessionDuration", login["session"]);
  return value;
}

// Weighs the new password and puts it in; earlier ones are kept as far as the policy forbids them.
Status set_password(Context& context, Entity& user, std::string_view password, Time now) {
  constexpr std::size_t kRemembered = 24;  // the most that a policy can forbid
  const Value policy = MR_TRY(password_policy(context));
  MR_TRY(check_password(policy, context.account, password));
  Value& login = user.data.child("login");
  const auto forbidden = static_cast<std::size_t>(policy["PasswordReusePrevention"].int_or(0));
  Value earlier = Value::array();
  if (login.has("password")) earlier.push(login["password"]);
  for (const Value& one : login["earlier"].items()) {
    if (earlier.size() < kRemembered) earlier.push(one);
  }
  for (std::size_t i = 0; i < std::min(forbidden, earlier.size()); ++i) {
    if (matches(context, user, earlier.items()[i].string_or(), password)) {
      return fail(Code::invalid_argument,
                  fmt::format("Password does not conform to the account password policy: it was used before, and the "
                              "last {} may not be used again.",
                              forbidden),
                  "PasswordPolicyViolation");
    }
  }
  login.set("password", kept(context, user, password)).set("changed", to_epoch_seconds(now));
  login.set("earlier", std::move(earlier));
  return {};
}

Result<aws::Output> create(Context& context, aws::Call& call, const Value& input) {
  Entity user = MR_TRY(user_of(context, call, input));
  if (user.data.has("login"))
    return already_exists(fmt::format("Login Profile for user {} already exists.", user.name));
  if (!input["Password"].is_string()) {
    return fail(
        Code::invalid_argument,
        "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null",
        "ValidationError");
  }
  MR_TRY(set_password(context, user, input["Password"].as_string(), call.now));
  Value& login = user.data.child("login");
  login.set("created", to_epoch_seconds(call.now)).set("reset", input["PasswordResetRequired"].bool_or(false));
  login.set_if(input["MaxSigninSessionDuration"].is_number(), "session", input["MaxSigninSessionDuration"]);
  MR_TRY(context.store.replace(user.name, user));
  return Value::object({{"LoginProfile", profile_value(user)}});
}

Result<aws::Output> get(Context& context, aws::Call& call, const Value& input) {
  const Entity user = MR_TRY(user_of(context, call, input));
  if (!user.data.has("login")) return no_profile(user);
  return Value::object({{"LoginProfile", profile_value(user)}});
}

Result<aws::Output> update(Context& context, aws::Call& call, const Value& input) {
  Entity user = MR_TRY(user_of(context, call, input));
  if (!user.data.has("login")) return no_profile(user);
  if (input["Password"].is_string()) MR_TRY(set_password(context, user, input["Password"].as_string(), call.now));
  Value& login = user.data.child("login");
  login.set_if(input["PasswordResetRequired"].is_bool(), "reset", input["PasswordResetRequired"]);
  login.set_if(input["MaxSigninSessionDuration"].is_number(), "session", input["MaxSigninSessionDuration"]);
  if (input["ResetMaxSigninSessionDuration"].bool_or(false)) login.erase("session");
  MR_TRY(context.store.replace(user.name, user));
  return aws::Output();
}

Result<aws::Output> erase(Context& context, aws::Call& call, const Value& input) {
  Entity user = MR_TRY(user_of(context, call, input));
  if (!user.data.has("login")) return no_profile(user);
  user.data.erase("login");
  MR_TRY(context.store.replace(user.name, user));
  return aws::Output();
}

Result<aws::Output> change(Context& context, aws::Call& call, const Value& input) {
  if (call.principal.kind != aws::Principal::Kind::user || call.principal.access_key_id.starts_with("ASIA"))
    return fail(Code::invalid_argument, "Only IAM Users can change their own password", "InvalidUserType");
  Entity user = MR_TRY(context.find_or_fail("user", call.principal.name));
  if (!user.data.has("login")) return no_profile(user);
  if (!matches(context, user, user.data["login"]["password"].string_or(), input["OldPassword"].string_or()))
    return fail(Code::permission_denied, "The old password was incorrect.", "AccessDenied");
  MR_TRY(set_password(context, user, input["NewPassword"].string_or(), call.now));
  user.data.child("login").set("reset", false);
  MR_TRY(context.store.replace(user.name, user));
  return aws::Output();
}

}  // namespace

Operations login_profile_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "user", "UserName", bound(context, handler));
  };
  on("CreateLoginProfile", "iam:CreateLoginProfile", create);
  on("GetLoginProfile", "iam:GetLoginProfile", get);
  on("UpdateLoginProfile", "iam:UpdateLoginProfile", update);
  on("DeleteLoginProfile", "iam:DeleteLoginProfile", erase);
  on("ChangePassword", "iam:ChangePassword", change);
  return operations;
}

}  // namespace millrace::iam
