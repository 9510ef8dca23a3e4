#include "iam/policy/document.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "iam/policy/conditions.h"

namespace millrace::iam::policy {
namespace {

tl::unexpected<Error> malformed(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "MalformedPolicyDocument");
}

constexpr std::string_view kSyntax = "Syntax errors in policy.";

// One string or a list of strings.
Result<std::vector<std::string>> strings(const Value& value, std::string_view element) {
  std::vector<std::string> out;
  if (value.is_string()) {
    out.push_back(value.as_string());
  } else if (value.is_array()) {
    for (const Value& item : value.items()) {
      if (!item.is_string())
        return malformed(fmt::format("{} The element {} holds something that is not a string.", kSyntax, element));
      out.push_back(item.as_string());
    }
  } else {
    return malformed(fmt::format("{} The element {} must be a string or a list of strings.", kSyntax, element));
  }
  return out;
}

Status refuse_unknown(const Value& object, std::initializer_list<std::string_view> known, std::string_view where) {
  for (const auto& [name, member] : object.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return malformed(fmt::format("{} {} has no element {}.", kSyntax, where, name));
    }
  }
  return {};
}

Status check_action(const std::string& action) {
  if (action == "*") return {};
  const std::size_t colon = action.find(':');
  if (colon == std::string::npos || colon == 0) {
    return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  }
  const std::string_view vendor = std::string_view(action).substr(0, colon);
  for (const char c : vendor) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    if (!good) return malformed(fmt::format("Vendor {} is not valid", vendor));
  }
  return {};
}

// Parts may be left out behind a last '*', which then represents them too ("arn:aws:logs:*"), but not once an empty one
// came before ("arn:aws:s3::*").
Status check_resource(const std::string& resource) {
  if (resource == "*") return {};
  if (!resource.starts_with("arn:"))
    return malformed(fmt::format("Resource {} must be in ARN format or \"*\".", resource));
  const auto parts = split(resource, ':');
  if (parts[1] != "*" && parts[1].find_first_of("*?$") == std::string_view::npos &&
      (parts[1] != "aws" && !parts[1].starts_with("aws-")))
    return malformed(fmt::format("Partition \"{}\" is not valid for resource \"{}\".", parts[1], resource));
  if (parts.size() == 2) return malformed("Resource vendor must be fully qualified and cannot contain regexes.");
  if (parts[2].empty() ||
      (parts.size() < 6 && (!resource.ends_with('*') || resource.find("::") != std::string::npos))) {
    return malformed(fmt::format("The policy failed legacy parsing: the resource {} is not a whole ARN.", resource));
  }
  if (parts[2] == "iam" && parts.size() > 3 && !parts[3].empty() && parts[3] != "*")
    return malformed(fmt::format("IAM resource {} cannot contain region information.", resource));
  return {};
}

// What AWS takes for a principal of an account: everyone, an account, or one whole ARN of it; no patterns.
bool is_account_principal(std::string_view text) {
  const auto digits = [](std::string_view account) {
    return account.size() == 12 && account.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (text == "*" || digits(text)) return true;
  // The id that AWS leaves behind where the principal was deleted.
  if (text.starts_with("AIDA") || text.starts_with("AROA")) return text.find_first_of("*?:") == std::string_view::npos;
  const auto parts = split(text, ':');
  if (parts.size() < 6 || parts[0] != "arn" || !parts[1].starts_with("aws") || !parts[3].empty() || !digits(parts[4]) ||
      text.find_first_of("*?") != std::string_view::npos)
    return false;
  const std::string_view who = text.substr(static_cast<std::size_t>(parts[5].data() - text.data()));
  if (parts[2] == "iam") return who == "root" || who.starts_with("user/") || who.starts_with("role/");
  return parts[2] == "sts" && (who.starts_with("assumed-role/") || who.starts_with("federated-user/"));
}

Result<std::vector<PrincipalPattern>> parse_principals(const Value& value, std::string_view element) {
  if (value.is_string()) {
    if (value.as_string() != "*")
      return malformed(fmt::format("Invalid principal in policy: \"{}\"", value.as_string()));
    return std::vector<PrincipalPattern>{{"*", {"*"}}};
  }
  if (!value.is_object() || value.empty())
    return malformed(fmt::format("{} {} must be \"*\" or an object.", kSyntax, element));
  std::vector<PrincipalPattern> out;
  for (const auto& [type, values] : value.members()) {
    if (type != "AWS" && type != "Service" && type != "Federated" && type != "CanonicalUser") {
      return malformed(fmt::format("Invalid principal in policy: \"{}\"", type));
    }
    out.push_back({type, MR_TRY(strings(values, element))});
    for (const std::string& who : out.back().values) {
      if (who.empty() || (type == "AWS" && !is_account_principal(who)))
        return malformed(fmt::format("Invalid principal in policy: \"{}\":\"{}\"", type, who));
    }
  }
  return out;
}

Result<std::vector<Condition>> parse_conditions(const Value& value, Kind kind) {
  std::vector<Condition> out;
  if (value.is_null()) return out;
  if (!value.is_object()) return malformed(fmt::format("{} Condition must be an object.", kSyntax));
  for (const auto& [full_name, keys] : value.members()) {
    std::string_view name = full_name;
    Condition base;
    if (name.starts_with("ForAnyValue:")) {
      base.qualifier = Condition::Qualifier::for_any_value;
      name.remove_prefix(12);
    } else if (name.starts_with("ForAllValues:")) {
      base.qualifier = Condition::Qualifier::for_all_values;
      name.remove_prefix(13);
    }
    if (name.ends_with("IfExists") && name != "IfExists") {
      base.if_exists = true;
      name.remove_suffix(8);
    }
    base.operator_name = std::string(name);
    base.op = condition_operator(name);
    // An operator without a key says nothing, whatever its name.
    if (keys.is_object() && keys.empty() && kind != Kind::resource) continue;
    if (base.op < 0 || (name == "Null" && base.if_exists)) {
      return malformed(fmt::format("{}Invalid Condition type : {}.",
                                   kind == Kind::resource ? "" : "Syntax errors in policy. ", full_name));
    }
    if (!keys.is_object() || keys.empty())
      return malformed(fmt::format("{} The condition {} must be an object of keys.", kSyntax, full_name));
    for (const auto& [key, values] : keys.members()) {
      Condition condition = base;
      condition.key = key;
      // IAM takes any name for a key; a bucket's policy has only those that S3 knows.
      if (kind == Kind::resource && key.find(':') == std::string::npos)
        return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
      // AWS takes booleans and numbers for their text.
      const auto add = [&](const Value& item) -> Status {
        if (item.is_string())
          condition.values.push_back(item.as_string());
        else if (item.is_bool() || item.is_number())
          condition.values.push_back(to_json(item));
        else
          return malformed(
              fmt::format("{} A value of the condition {} is neither text nor number.", kSyntax, full_name));
        return {};
      };
      if (values.is_array()) {
        for (const Value& item : values.items()) MR_TRY(add(item));
      } else {
        MR_TRY(add(values));
      }
      out.push_back(std::move(condition));
    }
  }
  return out;
}

bool names_resource_tag(std::string_view text) {
  const std::string lower = to_lower(text);
  return lower.find("resourcetag/") != std::string::npos || lower.find("existingobjecttag/") != std::string::npos;
}

bool reads_resource_tags(const Statement& statement) {
  for (const std::string& resource : statement.resources) {
    if (names_resource_tag(resource)) return true;
  }
  for (const Condition& condition : statement.conditions) {
    if (names_resource_tag(condition.key)) return true;
    for (const std::string& value : condition.values) {
      if (value.find("${") != std::string::npos && names_resource_tag(value)) return true;
    }
  }
  return false;
}

Result<Statement> parse_statement(const Value& value, Kind kind) {
  if (!value.is_object()) return malformed(fmt::format("{} A statement must be an object.", kSyntax));
  MR_TRY(refuse_unknown(
      value,
      {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"},
      "A statement"));
  Statement statement;
  if (value.has("Sid") && !value["Sid"].is_string()) return malformed(fmt::format("{} Sid must be text.", kSyntax));
  statement.sid = value["Sid"].string_or();
  // IAM's own rule; a bucket's policy may hold spaces there.
  if (kind != Kind::resource && !std::ranges::all_of(statement.sid, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      })) {
    return malformed(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
        "[0-9A-Za-z]*");
  }
  const std::string effect = value["Effect"].string_or();
  if (effect != "Allow" && effect != "Deny") {
    const bool case_alone = equals_ignore_case(effect, "Allow") || equals_ignore_case(effect, "Deny");
    return malformed(
        fmt::format("{} Effect must be Allow or Deny.", case_alone ? "The policy failed legacy parsing:" : kSyntax));
  }
  statement.effect = effect == "Allow" ? Effect::allow : Effect::deny;

  for (const auto& [one, other] : {std::pair("Action", "NotAction"), std::pair("Resource", "NotResource")}) {
    if (value.has(one) && value.has(other))
      return malformed(fmt::format("{} A statement has {} or {}, not both.", kSyntax, one, other));
  }
  if (!value.has("Action") && !value.has("NotAction")) return malformed("Policy statement must contain actions.");
  statement.not_action = value.has("NotAction");
  statement.actions = MR_TRY(strings(value[statement.not_action ? "NotAction" : "Action"], "Action"));
  if (statement.actions.empty()) return malformed("Policy statement must contain actions.");
  for (const std::string& action : statement.actions) MR_TRY(check_action(action));

  const bool has_resource = value.has("Resource") || value.has("NotResource");
  if (kind == Kind::trust) {
    if (has_resource) return malformed("Has prohibited field Resource");
  } else {
    if (!has_resource) return malformed("Policy statement must contain resources.");
    statement.not_resource = value.has("NotResource");
    statement.resources = MR_TRY(strings(value[statement.not_resource ? "NotResource" : "Resource"], "Resource"));
    if (statement.resources.empty()) return malformed("Policy statement must contain resources.");
    for (const std::string& resource : statement.resources) MR_TRY(check_resource(resource));
  }

  statement.has_principal = value.has("Principal") || value.has("NotPrincipal");
  if (kind == Kind::identity) {
    if (statement.has_principal) return malformed("Policy document should not specify a principal.");
  } else {
    if (!statement.has_principal || (value.has("Principal") && value.has("NotPrincipal"))) {
      return malformed("Missing required field Principal");
    }
    statement.not_principal = value.has("NotPrincipal");
    if (statement.not_principal && kind == Kind::trust) return malformed("Has prohibited field NotPrincipal");
    if (statement.not_principal && statement.effect == Effect::allow)
      return malformed("Allow with NotPrincipal is not allowed.");
    statement.principals =
        MR_TRY(parse_principals(value[statement.not_principal ? "NotPrincipal" : "Principal"], "Principal"));
  }
  statement.conditions = MR_TRY(parse_conditions(value["Condition"], kind));
  return statement;
}

}  // namespace

Result<Document> parse_document(std::string_view json, Kind kind) {
  if (json.size() > kMaxDocumentBytes)
    return malformed(fmt::format("The policy is longer than {} bytes.", kMaxDocumentBytes));
  JsonLimits limits;
  limits.max_depth = 20;
  limits.refuse_duplicate_keys = true;
  auto parsed = parse_json(json, limits);
  if (!parsed || !parsed->is_object()) {
    return malformed(parsed ? std::string(kSyntax) : "This policy contains invalid Json");
  }
  MR_TRY(refuse_unknown(*parsed, {"Version", "Id", "Statement"}, "A policy"));
  // No text of AWS's grammar holds control characters; the matchers use one of them as their own sign.
  if (json.find("\\u0001") != std::string_view::npos) return malformed(std::string(kSyntax));
  Document document;
  for (const char* text : {"Version", "Id"}) {
    if (parsed->has(text) && !(*parsed)[text].is_string())
      return malformed(fmt::format("{} {} must be text.", kSyntax, text));
  }
  document.version = (*parsed)["Version"].string_or("2008-10-17");
  if (document.version != "2012-10-17" && document.version != "2008-10-17") {
    return malformed(fmt::format("{}The policy must contain a valid version string",
                                 kind == Kind::resource ? "" : "Syntax errors in policy. "));
  }
  document.id = (*parsed)["Id"].string_or();
  const Value& statements = (*parsed)["Statement"];
  if (statements.is_array()) {
    for (const Value& statement : statements.items())
      document.statements.push_back(MR_TRY(parse_statement(statement, kind)));
  } else if (statements.is_object()) {
    document.statements.push_back(MR_TRY(parse_statement(statements, kind)));
  }
  if (document.statements.empty()) return malformed(fmt::format("{} A policy needs at least one statement.", kSyntax));
  for (const Statement& statement : document.statements)
    document.reads_resource_tags = document.reads_resource_tags || reads_resource_tags(statement);
  std::vector<std::string_view> sids;
  for (const Statement& statement : document.statements) {
    if (statement.sid.empty()) continue;
    if (std::find(sids.begin(), sids.end(), statement.sid) != sids.end())
      return malformed("Statement IDs (SID) in a single policy must be unique.");
    sids.push_back(statement.sid);
  }
  return document;
}

}  // namespace millrace::iam::policy
