// The credential report: a line for the account's root and each user, with the state of password and keys.

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "iam/context.h"
#include "iam/ops/passwords.h"
#include "iam/ops/reports.h"

namespace millrace::iam {
namespace {

constexpr auto kGoodFor = std::chrono::hours(4);  // AWS makes no newer report before
constexpr std::string_view kKind = "credential-report", kName = "latest";
constexpr std::string_view kHeader =
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";
// Nobody has a second factor or a certificate here.
constexpr std::string_view kNoMfa = "false", kNoCertificates = "false,N/A,false,N/A";

std::string date(Time at) {
  std::string text = format_rfc3339(at);
  text.pop_back();
  return text + "+00:00";
}

std::string or_none(const std::string& text) { return text.empty() ? "N/A" : text; }

std::string key_columns(const std::vector<Key>& keys) {
  std::string columns;
  for (std::size_t i = 0; i < kAccessKeysPerUserQuota; ++i) {
    if (i >= keys.size()) {
      columns += "false,N/A,N/A,N/A,N/A,";
      continue;
    }
    const Key& key = keys[i];
    columns += fmt::format("{},{},{},{},{},", key.status == "Active", date(key.created),
                           key.used ? date(*key.used) : "N/A", or_none(key.used_region), or_none(key.used_service));
  }
  return columns;
}

// Enabled, last used, last changed, next rotation.
std::string password_columns(const Value& login, const Value& policy) {
  if (login.is_null()) return "false,N/A,N/A,N/A";
  constexpr std::int64_t kDayMs = 86'400'000;
  const Time changed = from_epoch_ms(static_cast<std::int64_t>(login["changed"].as_double() * 1000));
  const std::int64_t days = policy["MaxPasswordAge"].int_or(0);
  // There is no page to sign in at, so no password was ever used.
  return fmt::format("true,no_information,{},{}", date(changed),
                     days > 0 ? date(changed + Millis(days * kDayMs)) : "N/A");
}

Result<std::string> report(Context& context) {
  const Value policy = MR_TRY(password_policy(context));
  std::string text(kHeader);
  const auto root_keys = MR_TRY(context.store.keys_of(""));
  text += fmt::format(
      "<root_account>,arn:aws:iam::{}:root,{},not_supported,no_information,not_supported,not_supported,"
      "{},{}{}\n",
      context.account, root_keys.empty() ? "N/A" : date(root_keys.front().created), kNoMfa, key_columns(root_keys),
      kNoCertificates);
  for (const Entity& user : MR_TRY(context.store.list("user", "/"))) {
    text += fmt::format("{},{},{},{},{},{}{}\n", user.name, user.arn, date(user.created),
                        password_columns(user.data["login"], policy), kNoMfa,
                        key_columns(MR_TRY(context.store.keys_of(user.name))), kNoCertificates);
  }
  return text;
}

Time made_at(const Entity& report) { return from_epoch_ms(report.data["at"].int_or(0)); }

// The report is made while it is asked for; "STARTED" is AWS's word for a first answer, and the next says "COMPLETE".
Result<aws::Output> generate(Context& context, aws::Call& call, const Value&) {
  const auto latest = MR_TRY(context.store.find(std::string(kKind), std::string(kName)));
  if (latest && call.now - made_at(*latest) < kGoodFor) return Value::object({{"State", "COMPLETE"}});
  Entity made;
  made.kind = kKind;
  made.name = kName;
  made.id = "credential-report";
  made.created = call.now;
  made.data.set("at", to_epoch_ms(call.now)).set("content", MR_TRY(report(context)));
  if (latest)
    MR_TRY(context.store.replace(made.name, made));
  else
    MR_TRY(context.store.insert(made));
  Value output = Value::object({{"State", "STARTED"}});
  output.set_if(!latest, "Description", "No report exists. Starting a new report generation task");
  return output;
}

Result<aws::Output> get(Context& context, aws::Call& call, const Value&) {
  const auto latest = MR_TRY(context.store.find(std::string(kKind), std::string(kName)));
  if (!latest)
    return fail(Code::not_found, "No report exists. Make one with GenerateCredentialReport.", "ReportNotPresent");
  if (call.now - made_at(*latest) >= kGoodFor) {
    return fail(Code::not_found, "The report is older than four hours. Make a new one with GenerateCredentialReport.",
                "ReportExpired");
  }
  return Value::object({{"Content", latest->data["content"]},
                        {"ReportFormat", "text/csv"},
                        {"GeneratedTime", to_epoch_seconds(made_at(*latest))}});
}

}  // namespace

Operations credential_report_operations(Context& context) {
  Operations operations;
  add_plain(operations, "GenerateCredentialReport", "iam:GenerateCredentialReport", aws::any_resource(),
            bound(context, generate));
  add_plain(operations, "GetCredentialReport", "iam:GetCredentialReport", aws::any_resource(), bound(context, get));
  return operations;
}

}  // namespace millrace::iam
