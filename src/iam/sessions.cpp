#include "iam/sessions.h"

#include <algorithm>
#include <iterator>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/strings.h"
#include "iam/access_key_id.h"
#include "iam/authoriser.h"
#include "iam/dialect.h"
#include "iam/request_keys.h"
#include "iam/session_policies.h"

namespace millrace::iam {
namespace {

// Seconds.
constexpr std::int64_t kDefaultDuration = 3'600;
constexpr std::int64_t kChainedLongest = 3'600;  // a role taken on from a role
constexpr std::int64_t kTokenDefault = 43'200;
constexpr std::int64_t kRootLongest = 3'600;

using Kind = aws::Principal::Kind;

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
                        {"origin", principal.origin},
                        {"issued", to_epoch_ms(principal.token_issued.value_or(Time{}))}});
}

aws::Principal principal_from_value(const Value& value) {
  aws::Principal principal;
  principal.kind = static_cast<Kind>(value["kind"].int_or(0));
  principal.account = value["account"].string_or();
  principal.arn = value["arn"].string_or();
  principal.id = value["id"].string_or();
  principal.name = value["name"].string_or();
  principal.role_arn = value["role_arn"].string_or();
  for (const Value& text : value["policies"].items()) principal.session_policies.push_back(text.string_or());
  for (const auto& [key, tag] : value["tags"].members()) principal.tags.emplace_back(key, tag.string_or());
  principal.source_identity = value["source_identity"].string_or();
  principal.origin = value["origin"].string_or();
  principal.token_issued = from_epoch_ms(value["issued"].int_or(0));
  return principal;
}

Value credentials_value(const SessionCredentials& session) {
  return Value::object({{"AccessKeyId", session.credentials.access_key_id},
                        {"SecretAccessKey", session.credentials.secret_access_key},
                        {"SessionToken", session.credentials.session_token},
                        {"Expiration", to_epoch_seconds(session.expires)}});
}

// What no session here can have.
Status refuse_unserved(const Value& input) {
  if (input["SerialNumber"].is_string() || input["TokenCode"].is_string()) {
    return fail(Code::permission_denied,
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number "
                "is valid and associated with this user.",
                "AccessDenied");
  }
  if (!input["ProvidedContexts"].empty()) {
    return fail(Code::invalid_argument, "ProvidedContexts are assertions of IAM Identity Center, which is not here.",
                "ValidationError");
  }
  if (!input["MinimumSessionTokenSize"].is_null()) {
    return fail(Code::invalid_argument, "MinimumSessionTokenSize is not served: the tokens here have one size.",
                "ValidationError");
  }
  return {};
}

tl::unexpected<Error> denied(const aws::Principal& caller, std::string_view action, std::string_view role_arn) {
  return fail(Code::permission_denied,
              fmt::format("User: {} is not authorized to perform: {} on resource: {}", caller.arn, action, role_arn),
              "AccessDenied");
}

// A trust policy that names the caller itself is enough; one that names the account leaves it to the caller's policies.
bool names_caller(const policy::Document& trust, const policy::Question& question) {
  for (const policy::Statement& statement : trust.statements) {
    if (statement.effect != policy::Effect::allow || !policy::applies(statement, trust, question)) continue;
    for (const policy::PrincipalPattern& pattern : statement.principals) {
      for (const std::string& value : pattern.values) {
        if (value == question.requester.arn ||
            (!question.requester.role_arn.empty() && value == question.requester.role_arn))
          return true;
      }
    }
  }
  return false;
}

// Tags that the calling session hands on to the next, which may not set them anew.
Result<Tags> inherited_tags(const aws::Principal& caller, const std::vector<std::string>& transitive_keys,
                            const Tags& asked) {
  Tags inherited;
  for (const std::string& key : transitive_keys) {
    const auto has_key = [&key](const auto& tag) { return equals_ignore_case(tag.first, key); };
    if (std::ranges::none_of(caller.tags, has_key)) continue;
    if (std::ranges::any_of(asked, has_key)) {
      return fail(Code::invalid_argument,
                  "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag "
                  "key from the calling session.",
                  "InvalidParameterValue");
    }
    std::ranges::copy_if(caller.tags, std::back_inserter(inherited), has_key);
  }
  return inherited;
}

// What policies may ask about a session that is to begin.
decltype(aws::Check::keys) session_condition_keys(const Value& input, const SessionRequest& request,
                                                  const std::string& source_identity, const Value& role_tags) {
  decltype(aws::Check::keys) keys{{"sts:RoleSessionName", {input["RoleSessionName"].string_or()}}};
  if (input["ExternalId"].is_string()) keys.push_back({"sts:ExternalId", {input["ExternalId"].as_string()}});
  if (!source_identity.empty()) keys.push_back({"sts:SourceIdentity", {source_identity}});
  std::vector<std::string> tag_keys;
  for (const auto& [key, value] : request.tags) {
    keys.push_back({"aws:RequestTag/" + key, {value}});
    tag_keys.push_back(key);
  }
  if (!tag_keys.empty()) keys.push_back({"aws:TagKeys", tag_keys});
  if (!request.transitive_keys.empty()) keys.push_back({"sts:TransitiveTagKeys", request.transitive_keys});
  for (const auto& [key, value] : role_tags.members()) {
    keys.push_back({"aws:ResourceTag/" + key, {value.string_or()}});
    keys.push_back({"iam:ResourceTag/" + key, {value.string_or()}});
  }
  return keys;
}

Status check_duration(std::int64_t seconds, bool chained, std::int64_t longest_of_role) {
  if (chained && seconds > kChainedLongest) {
    return fail(Code::invalid_argument,
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
                "ValidationError");
  }
  if (seconds > longest_of_role) {
    return fail(Code::invalid_argument,
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", "ValidationError");
  }
  return {};
}

}  // namespace

Status Sessions::check_reach(const aws::Principal& principal, std::string_view service, std::string_view operation) {
  if (!principal.access_key_id.starts_with("ASIA") || (principal.kind != Kind::user && principal.kind != Kind::root))
    return {};
  const bool federated = is_federated(principal);
  if (service == "iam" || (federated && service == "sts" && operation != "GetCallerIdentity")) {
    return fail(Code::unauthenticated, "The security token included in the request is invalid", "InvalidClientTokenId");
  }
  return {};
}

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
  principal.kind = Kind::assumed_role;
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
  const policy::Document trust = MR_TRY(policy::parse_document(MR_TRY(trust_of(context_, role)), policy::Kind::trust));
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

Result<SessionCredentials> Sessions::issue(const aws::Principal& principal, std::chrono::seconds duration,
                                           const SessionDetail& detail) {
  constexpr std::string_view kSecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  SessionCredentials session;
  session.credentials.access_key_id = new_access_key_id("ASIA", context_.account);
  session.credentials.secret_access_key = random_string(40, kSecretAlphabet);
  session.credentials.session_token = "IQoJb3JpZ2luX2Vj" + random_string(180, kSecretAlphabet);
  session.expires = context_.clock.now() + duration;
  // Whose session it is, by the id that a second entity of that name does not have.
  std::string entity_id;
  if (principal.kind == Kind::user || principal.kind == Kind::assumed_role) {
    const auto entity = MR_TRY(context_.store.find(principal.kind == Kind::user ? "user" : "role", principal.name));
    if (entity) entity_id = entity->id;
  }
  Value transitive = Value::array();
  for (const std::string& key : detail.transitive_keys) transitive.push(key);
  const std::string plain = to_json(Value::object({{"secret", session.credentials.secret_access_key},
                                                   {"token", session.credentials.session_token},
                                                   {"entity", entity_id},
                                                   {"transitive", std::move(transitive)},
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
  if (!equal_constant_time(value["token"].string_or(), session_token)) {
    if (session_token.empty()) return unknown();
    return fail(Code::unauthenticated, "The security token included in the request is invalid.", "InvalidToken");
  }
  if (now >= session->expires)
    return fail(Code::unauthenticated, "The security token included in the request is expired", "ExpiredToken");
  aws::Principal principal = principal_from_value(value["principal"]);
  if (const std::string entity = value["entity"].string_or(); !entity.empty()) {
    const auto there = MR_TRY(context_.store.find_by_id(entity));
    if (!there) return unknown();
    // It may have been renamed since.
    principal.name = there->name;
    if (principal.kind == Kind::user && !is_federated(principal)) principal.arn = there->arn;
  }
  return aws::Authenticator::Found{std::move(principal), value["secret"].string_or()};
}

Result<SessionDetail> Sessions::detail_of(const std::string& access_key_id) {
  SessionDetail detail;
  const auto session = MR_TRY(context_.store.find_session(access_key_id));
  std::string plain;
  if (!session || !unseal(context_.encryption_key, session->sealed, access_key_id, plain)) return detail;
  const Value value = MR_TRY(parse_json(plain));
  for (const Value& key : value["transitive"].items()) detail.transitive_keys.push_back(key.string_or());
  return detail;
}

Result<aws::Output> Sessions::assume_role(Authoriser& authoriser, aws::Call& call, const Value& input) {
  const std::string role_arn = input["RoleArn"].string_or();
  const aws::Principal& caller = call.principal;
  MR_TRY(check_reach(caller, "sts", "AssumeRole"));
  if (caller.kind == Kind::root)
    return fail(Code::permission_denied, "Roles may not be assumed by root accounts.", "AccessDenied");
  MR_TRY(refuse_unserved(input));
  const bool chained = caller.kind == Kind::assumed_role;
  SessionRequest request = MR_TRY(read_session_request(context_, input));

  SessionDetail detail;
  if (chained) detail = MR_TRY(detail_of(caller.access_key_id));
  const Tags inherited = MR_TRY(inherited_tags(caller, detail.transitive_keys, request.tags));
  const std::string asked_identity = input["SourceIdentity"].string_or();
  if (!caller.source_identity.empty() && !asked_identity.empty() && asked_identity != caller.source_identity)
    return denied(caller, "sts:SetSourceIdentity", role_arn);
  const std::string source_identity = asked_identity.empty() ? caller.source_identity : asked_identity;

  const auto role = role_by_arn(role_arn);
  if (!role && role.error().code != Code::not_found) return fail(role.error());
  if (!role) return denied(caller, "sts:AssumeRole", role_arn);
  const auto trust = MR_TRY(authoriser.parsed(MR_TRY(trust_of(context_, *role)), policy::Kind::trust));
  const auto keys = session_condition_keys(input, request, source_identity, role->data["tags"]);
  const auto may = [&](const char* action) -> Status {
    const aws::Check check{action, role_arn, keys};
    const policy::Question question = authoriser.question_of(call, check);
    if (!policy::evaluate_trust(*trust, question).allowed) return denied(caller, action, role_arn);
    return authoriser.authorise(call, check, names_caller(*trust, question) ? trust : nullptr);
  };
  MR_TRY(may("sts:AssumeRole"));
  if (!request.tags.empty() || !inherited.empty()) MR_TRY(may("sts:TagSession"));
  if (!source_identity.empty()) MR_TRY(may("sts:SetSourceIdentity"));

  const std::int64_t duration = input["DurationSeconds"].int_or(kDefaultDuration);
  MR_TRY(check_duration(duration, chained, role->data["max_session"].int_or(kDefaultDuration)));
  aws::Principal principal = session_principal(*role, input["RoleSessionName"].string_or());
  principal.source_identity = source_identity;
  merge_tags(principal.tags, inherited);
  merge_tags(principal.tags, request.tags);
  principal.session_policies = std::move(request.policies);
  for (const std::string& key : request.transitive_keys) detail.transitive_keys.push_back(key);
  const SessionCredentials session = MR_TRY(issue(principal, std::chrono::seconds(duration), detail));
  Value output =
      Value::object({{"Credentials", credentials_value(session)},
                     {"AssumedRoleUser", Value::object({{"AssumedRoleId", principal.id}, {"Arn", principal.arn}})}});
  output.set_if(request.packed_percent > 0, "PackedPolicySize", request.packed_percent);
  output.set_if(!source_identity.empty(), "SourceIdentity", source_identity);
  return output;
}

Result<aws::Output> Sessions::get_session_token(aws::Call& call, const Value& input) {
  if (call.principal.access_key_id.starts_with("ASIA"))
    return fail(Code::permission_denied, "Cannot call GetSessionToken with session credentials", "AccessDenied");
  MR_TRY(refuse_unserved(input));
  std::int64_t duration = input["DurationSeconds"].int_or(kTokenDefault);
  if (call.principal.kind == Kind::root) duration = std::min(duration, kRootLongest);
  aws::Principal principal = call.principal;
  principal.token_issued = call.now;
  return Value::object({{"Credentials", credentials_value(MR_TRY(issue(principal, std::chrono::seconds(duration))))}});
}

Result<aws::Output> Sessions::get_federation_token(aws::Call& call, const Value& input) {
  const aws::Principal& caller = call.principal;
  if (caller.access_key_id.starts_with("ASIA"))
    return fail(Code::permission_denied, "Cannot call GetFederationToken with session credentials", "AccessDenied");
  if (caller.kind != Kind::user) {
    return fail(Code::permission_denied,
                "GetFederationToken is served to users; a federated session of the account's root is not.",
                "AccessDenied");
  }
  MR_TRY(refuse_unserved(input));
  SessionRequest request = MR_TRY(read_session_request(context_, input));
  const std::string name = input["Name"].string_or();
  aws::Principal principal = caller;
  principal.arn = fmt::format("arn:aws:sts::{}:federated-user/{}", context_.account, name);
  principal.id = fmt::format("{}:{}", context_.account, name);
  principal.token_issued = call.now;
  principal.session_policies = std::move(request.policies);
  // Without a session policy such a session can do nothing that a resource's own policy does not let it do.
  if (!request.has_policies) {
    principal.session_policies.emplace_back(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"*","Resource":"*"}]})");
  }
  merge_tags(principal.tags, request.tags);
  const SessionCredentials session =
      MR_TRY(issue(principal, std::chrono::seconds(input["DurationSeconds"].int_or(kTokenDefault))));
  Value output =
      Value::object({{"Credentials", credentials_value(session)},
                     {"FederatedUser", Value::object({{"FederatedUserId", principal.id}, {"Arn", principal.arn}})}});
  output.set_if(request.packed_percent > 0, "PackedPolicySize", request.packed_percent);
  return output;
}

// A key that is gone, or of another account, tells its account as well; one whose id does not is looked up.
Result<aws::Output> Sessions::get_access_key_info(const Value& input) {
  const std::string id = input["AccessKeyId"].string_or();
  if (const std::string account = account_of_access_key(id); !account.empty())
    return Value::object({{"Account", account}});
  if (MR_TRY(context_.store.find_key(id)) || MR_TRY(context_.store.find_session(id)))
    return Value::object({{"Account", context_.account}});
  return fail(Code::invalid_argument, fmt::format("The access key id {} is not one of this account.", id),
              "ValidationError");
}

Operations Sessions::operations(Authoriser& authoriser) {
  const aws::Resources none = [](const aws::Call&, const Value&) { return std::vector<std::string>{}; };
  Operations operations;
  add_plain(operations, "GetCallerIdentity", "sts:GetCallerIdentity", aws::any_resource(),
            [](aws::Call& call, const Value&) -> Result<aws::Output> {
              const aws::Principal& principal = call.principal;
              return Value::object({{"UserId", principal.id}, {"Account", principal.account}, {"Arn", principal.arn}});
            });
  // Who may assume a role is decided by its trust policy first, so the check is the handler's own.
  add_plain(operations, "AssumeRole", "sts:AssumeRole", none,
            [this, &authoriser](aws::Call& call, const Value& input) { return assume_role(authoriser, call, input); });
  // A user needs no permission for a session of its own.
  add_plain(operations, "GetSessionToken", "sts:GetSessionToken", none,
            [this](aws::Call& call, const Value& input) { return get_session_token(call, input); });
  const aws::Resources federated_user = [this](const aws::Call&, const Value& input) {
    return std::vector<std::string>{
        fmt::format("arn:aws:sts::{}:federated-user/{}", context_.account, input["Name"].string_or())};
  };
  add_plain(
      operations, "GetFederationToken", "sts:GetFederationToken", federated_user,
      [this](aws::Call& call, const Value& input) { return get_federation_token(call, input); },
      [federated_user](const aws::Call& call, const Value& input) -> Result<std::vector<aws::Check>> {
        std::vector<aws::Check> checks;
        if (auto keys = request_tag_keys(input); !keys.empty())
          checks.push_back({"sts:TagSession", federated_user(call, input).front(), std::move(keys)});
        return checks;
      },
      [](const aws::Call&, const Value& input) { return request_tag_keys(input); });
  add_plain(operations, "GetAccessKeyInfo", "sts:GetAccessKeyInfo", aws::any_resource(),
            [this](aws::Call&, const Value& input) { return get_access_key_info(input); });
  // Encoded messages come from EC2 and a few others; none of the services here gives any, in AWS as little as here. So
  // there is no message that could be decoded.
  add_plain(operations, "DecodeAuthorizationMessage", "sts:DecodeAuthorizationMessage", aws::any_resource(),
            [](aws::Call&, const Value&) -> Result<aws::Output> {
              return fail(
                  Code::invalid_argument,
                  "The message is not one that was given here: none of the services served encodes its denials.",
                  "InvalidAuthorizationMessageException");
            });
  return operations;
}

aws::Service Sessions::service(Authoriser& authoriser) { return {"sts", sts_dialect(), operations(authoriser)}; }

}  // namespace millrace::iam
