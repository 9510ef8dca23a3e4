#include "iam/sessions.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "iam/authoriser.h"

namespace millrace::iam {
namespace {

constexpr std::int64_t kDefaultDuration = 3600;
constexpr std::int64_t kChainedLongest = 3600;  // a role taken on from a role
constexpr std::int64_t kSessionTokenDefault = 43'200;

Value principal_to_value(const aws::Principal& principal) {
  Value tags = Value::object(), policies = Value::array();
  for (const auto& [key, value] : principal.tags) tags.set(key, value);
  for (const std::string& text : principal.session_policies) policies.push(text);
  return Value::object({{"kind", static_cast<int>(principal.kind)},
                        {"account", principal.account},
                        {"arn", principal.arn},
                        {"id", principal.id},
                        {"name", principal.name},
                        {"role_arn", principal.role_arn},
                        {"policies", std::move(policies)},
                        {"tags", std::move(tags)},
                        {"source_identity", principal.source_identity},
                        {"issued", to_epoch_ms(principal.token_issued.value_or(Time{}))}});
}

aws::Principal principal_from_value(const Value& value) {
  aws::Principal principal;
  principal.kind = static_cast<aws::Principal::Kind>(value["kind"].int_or(0));
  principal.account = value["account"].string_or();
  principal.arn = value["arn"].string_or();
  principal.id = value["id"].string_or();
  principal.name = value["name"].string_or();
  principal.role_arn = value["role_arn"].string_or();
  for (const Value& text : value["policies"].items()) principal.session_policies.push_back(text.string_or());
  for (const auto& [key, tag] : value["tags"].members()) principal.tags.emplace_back(key, tag.string_or());
  principal.source_identity = value["source_identity"].string_or();
  principal.token_issued = from_epoch_ms(value["issued"].int_or(0));
  return principal;
}

Value credentials_value(const SessionCredentials& session) {
  return Value::object({{"AccessKeyId", session.credentials.access_key_id},
                        {"SecretAccessKey", session.credentials.secret_access_key},
                        {"SessionToken", session.credentials.session_token},
                        {"Expiration", to_epoch_seconds(session.expires)}});
}

}  // namespace

Result<Entity> Sessions::role_by_arn(std::string_view role_arn) {
  const std::size_t slash = role_arn.rfind('/');
  if (role_arn.starts_with("arn:aws:iam::") && slash != std::string_view::npos) {
    auto role = MR_TRY(context_.store.find("role", std::string(role_arn.substr(slash + 1))));
    if (role && role->arn == role_arn) return std::move(*role);
  }
  return no_such_entity(fmt::format("The role {} cannot be found.", role_arn));
}

aws::Principal Sessions::session_principal(const Entity& role, std::string_view session_name) const {
  aws::Principal principal;
  principal.kind = aws::Principal::Kind::assumed_role;
  principal.account = context_.account;
  principal.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", context_.account, role.name, session_name);
  principal.id = fmt::format("{}:{}", role.id, session_name);
  principal.name = role.name;
  principal.role_arn = role.arn;
  principal.token_issued = context_.clock.now();
  for (const auto& [key, value] : role.data["tags"].members()) principal.tags.emplace_back(key, value.string_or());
  return principal;
}

Result<aws::Principal> Sessions::assume_for_service(std::string_view role_arn, std::string_view service,
                                                    std::string_view session_name) {
  const Entity role = MR_TRY(role_by_arn(role_arn));
  const policy::Document trust = MR_TRY(policy::parse_document(role.data["trust"].string_or(), policy::Kind::trust));
  policy::Question question;
  question.requester.kind = policy::Requester::Kind::service;
  question.requester.arn = std::string(service);
  question.action = "sts:AssumeRole";
  question.resource = role.arn;
  question.context["aws:SourceAccount"] = {context_.account};
  if (!policy::evaluate_trust(trust, question).allowed) {
    return fail(Code::permission_denied,
                fmt::format("The role {} does not allow the principal '{}' to assume it.", role_arn, service),
                "AccessDenied");
  }
  return session_principal(role, session_name);
}

Result<SessionCredentials> Sessions::issue(const aws::Principal& principal, std::chrono::seconds duration) {
  constexpr std::string_view kSecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  SessionCredentials session;
  session.credentials.access_key_id = "ASIA" + random_string(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  session.credentials.secret_access_key = random_string(40, kSecretAlphabet);
  session.credentials.session_token = "IQoJb3JpZ2luX2Vj" + random_string(180, kSecretAlphabet);
  session.expires = context_.clock.now() + duration;
  const std::string plain = to_json(Value::object({{"secret", session.credentials.secret_access_key},
                                                   {"token", session.credentials.session_token},
                                                   {"principal", principal_to_value(principal)}}));
  const std::string& id = session.credentials.access_key_id;
  MR_TRY(context_.store.insert_session({id, seal(context_.encryption_key, plain, id), session.expires},
                                       context_.clock.now()));
  return session;
}

Result<aws::Authenticator::Found> Sessions::find(std::string_view access_key_id, std::string_view session_token,
                                                 Time now) {
  const auto unknown = [] {
    return fail(Code::unauthenticated, "The security token included in the request is invalid.",
                "InvalidClientTokenId");
  };
  const std::string id(access_key_id);
  const auto session = MR_TRY(context_.store.find_session(id));
  std::string plain;
  if (!session || !unseal(context_.encryption_key, session->sealed, id, plain)) return unknown();
  const Value value = MR_TRY(parse_json(plain));
  if (!equal_constant_time(value["token"].string_or(), session_token)) return unknown();
  if (now >= session->expires)
    return fail(Code::unauthenticated, "The security token included in the request is expired", "ExpiredToken");
  return aws::Authenticator::Found{principal_from_value(value["principal"]), value["secret"].string_or()};
}

Result<aws::Output> Sessions::assume_role(Decider& decider, aws::Call& call, const Value& input) {
  const std::string role_arn = input["RoleArn"].string_or();
  const aws::Principal& caller = call.principal;
  const auto denied = [&] {
    return fail(
        Code::permission_denied,
        fmt::format("User: {} is not authorized to perform: sts:AssumeRole on resource: {}", caller.arn, role_arn),
        "AccessDenied");
  };
  if (caller.kind == aws::Principal::Kind::root)
    return fail(Code::permission_denied, "Roles may not be assumed by root accounts.", "AccessDenied");
  auto role = role_by_arn(role_arn);
  if (!role) return denied();
  const auto trust = MR_TRY(decider.parsed(role->data["trust"].string_or(), policy::Kind::trust));
  aws::Check check{"sts:AssumeRole", role_arn, {}};
  if (input["ExternalId"].is_string()) check.keys.push_back({"sts:ExternalId", {input["ExternalId"].as_string()}});
  check.keys.push_back({"sts:RoleSessionName", {input["RoleSessionName"].string_or()}});
  if (input["SourceIdentity"].is_string())
    check.keys.push_back({"sts:SourceIdentity", {input["SourceIdentity"].as_string()}});
  const policy::Question question = decider.question_of(call, check);
  const policy::Decision by_trust = policy::evaluate_trust(*trust, question);
  if (!by_trust.allowed) return denied();
  // A trust policy that names the caller itself is enough; one that names the account leaves it to the caller's
  // policies.
  bool names_caller = false;
  for (const policy::Statement& statement : trust->statements) {
    if (statement.effect != policy::Effect::allow || !policy::applies(statement, *trust, question)) continue;
    for (const policy::PrincipalPattern& pattern : statement.principals) {
      for (const std::string& value : pattern.values)
        names_caller = names_caller || value == caller.arn || value == caller.role_arn;
    }
  }
  if (!names_caller) MR_TRY(decider.authorise(call, check));

  const std::int64_t longest = caller.kind == aws::Principal::Kind::assumed_role
                                   ? kChainedLongest
                                   : role->data["max_session"].int_or(kDefaultDuration);
  const std::int64_t duration = input["DurationSeconds"].int_or(kDefaultDuration);
  if (duration > longest) {
    return fail(Code::invalid_argument,
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", "ValidationError");
  }
  aws::Principal principal = session_principal(*role, input["RoleSessionName"].string_or());
  principal.source_identity = input["SourceIdentity"].string_or(caller.source_identity);
  for (const Value& tag : input["Tags"].items())
    principal.tags.emplace_back(tag["Key"].string_or(), tag["Value"].string_or());
  if (input["Policy"].is_string()) {
    MR_TRY(policy::parse_document(input["Policy"].as_string(), policy::Kind::identity));
    principal.session_policies.push_back(input["Policy"].as_string());
  }
  if (!input["PolicyArns"].empty())
    return fail(Code::unimplemented,
                "Session policies by ARN (PolicyArns) are not served; give the document as Policy.", "ValidationError");
  const SessionCredentials session = MR_TRY(issue(principal, std::chrono::seconds(duration)));
  return Value::object({{"Credentials", credentials_value(session)},
                        {"AssumedRoleUser", Value::object({{"AssumedRoleId", principal.id}, {"Arn", principal.arn}})}});
}

aws::Service Sessions::service(Decider& decider) {
  const aws::Resources none = [](const aws::Call&, const Value&) { return std::vector<std::string>{}; };
  aws::Service service{"sts", {}};
  service.operations.push_back(aws::Operation(
      "GetCallerIdentity", "sts:GetCallerIdentity", aws::any_resource(),
      [](aws::Call& call, const Value&) -> Result<aws::Output> {
        const aws::Principal& principal = call.principal;
        return Value::object({{"UserId", principal.id}, {"Account", principal.account}, {"Arn", principal.arn}});
      }));
  // Who may take a role on is decided by its trust policy first, so the check is the handler's own.
  service.operations.push_back(aws::Operation(
      "AssumeRole", "sts:AssumeRole", none,
      [this, &decider](aws::Call& call, const Value& input) { return assume_role(decider, call, input); }));
  service.operations.push_back(aws::Operation(
      "GetSessionToken", "sts:GetSessionToken", none,
      [this](aws::Call& call, const Value& input) -> Result<aws::Output> {
        if (call.principal.kind == aws::Principal::Kind::assumed_role) {
          return fail(Code::permission_denied, "Cannot call GetSessionToken with session credentials", "AccessDenied");
        }
        const SessionCredentials session =
            MR_TRY(issue(call.principal, std::chrono::seconds(input["DurationSeconds"].int_or(kSessionTokenDefault))));
        return Value::object({{"Credentials", credentials_value(session)}});
      }));
  service.operations.push_back(aws::Operation("GetAccessKeyInfo", "sts:GetAccessKeyInfo", aws::any_resource(),
                                              [this](aws::Call&, const Value&) -> Result<aws::Output> {
                                                return Value::object({{"Account", context_.account}});
                                              }));
  return service;
}

}  // namespace millrace::iam
