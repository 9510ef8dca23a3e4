#include "iam/iam.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "iam/access_key_id.h"
#include "iam/action_uses.h"
#include "iam/authoriser.h"
#include "iam/context.h"
#include "iam/dialect.h"
#include "iam/ops/passwords.h"
#include "iam/ops/reports.h"
#include "iam/sessions.h"
#include "iam/usage.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kKeysKnown = 1024;

bool reads_only(const std::string& operation) {
  return operation.starts_with("Get") || operation.starts_with("List") || operation.starts_with("Simulate");
}

// These compute for tens of milliseconds (password digests, a report over all users) and write once.
bool computes_long(const std::string& operation) {
  static const std::set<std::string, std::less<>> operations = {"ChangePassword", "CreateLoginProfile",
                                                                "UpdateLoginProfile", "GenerateCredentialReport"};
  return operations.contains(operation);
}

class IamImpl final : public Iam {
 public:
  IamImpl(db::Database& database, const Clock& clock, Options options)
      : store_(database),
        context_{store_, clock, options.account, options.encryption_key},
        sessions_(context_),
        authoriser_(context_),
        action_uses_(database),
        usage_(context_, action_uses_),
        run_calls_(database) {
    authoriser_.set_limit([this](const aws::Call& call) { return run_calls_.limit_of(call.origin, call.principal); });
    authoriser_.set_observer(
        [this](const aws::Call& call, const aws::Check& check, Considered considered, bool allowed) {
          if (allowed) {
            if (const Status noted = run_calls_.note(call, check); !noted)
              log::error("a call of the run {} is not on its list: {}", call.origin, noted.error().message);
          }
          decisions_.note(call, std::move(considered), allowed);
        });
  }

  Status open() {
    MR_TRY(store_.open());
    MR_TRY(action_uses_.open());
    return run_calls_.open();
  }

  aws::Service iam_service() override {
    aws::Service service{"iam", iam_dialect()};
    service.add(context_,
                {user_operations, key_operations, role_operations, service_linked_role_operations, group_operations,
                 policy_operations, policy_version_operations, attachment_operations, inline_policy_operations,
                 instance_profile_operations, tag_operations, boundary_operations, account_operations,
                 authorization_details_operation, simulation_operations, password_policy_operations,
                 login_profile_operations, credential_report_operations, empty_list_operations});
    LastAccessed last_accessed{context_, action_uses_};
    service.add(last_accessed, {last_accessed_operations});
    // Changes are serialised: each checks quotas and conflicts before it writes. It is made as a whole or not at all.
    for (aws::Operation& operation : service.operations) {
      if (reads_only(operation.name)) continue;
      operation.handle = [this, handle = std::move(operation.handle)](aws::Call& call,
                                                                      const Value& input) -> Result<aws::Output> {
        const MutexLock lock(change_mutex_);
        if (computes_long(call.operation)) return handle(call, input);  // not on the database's writer thread
        std::optional<Result<aws::Output>> output;
        MR_TRY(context_.store.together([&]() -> Status {
          output = handle(call, input);
          return *output ? Status() : fail(output->error());
        }));
        return std::move(*output);
      };
    }
    return service;
  }
  aws::Service sts_service() override {
    aws::Service service = sessions_.service(authoriser_);
    // Some of its operations are allowed without a policy check, so that authorise() does not see them.
    for (aws::Operation& operation : service.operations) {
      operation.handle = [this, handle = std::move(operation.handle)](aws::Call& call, const Value& input) {
        usage_.seen(call, call.operation);
        return handle(call, input);
      };
    }
    return service;
  }

  void set_resource_policy(std::string service, aws::ResourcePolicy policy) override {
    authoriser_.set_resource_policy(std::move(service), std::move(policy));
  }
  void set_resource_tags(std::string service, ResourceTags tags) override {
    authoriser_.set_resource_tags(std::move(service), std::move(tags));
  }

  Result<aws::Credentials> administrator() override {
    const MutexLock lock(administrator_mutex_);
    auto keys = MR_TRY(store_.keys_of(""));
    if (keys.empty()) {
      const std::string id = new_access_key_id("AKIA", context_.account);
      const std::string secret = random_string(40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
      MR_TRY(store_.insert_key(
          {id, "", seal(context_.encryption_key, secret, id), "Active", context_.clock.now(), std::nullopt, "", ""}));
      return aws::Credentials{id, secret, ""};
    }
    std::string secret;
    if (!unseal(context_.encryption_key, keys.front().sealed_secret, keys.front().id, secret)) {
      return fail(Code::data_loss, "the key file is not the one this data directory was made with");
    }
    return aws::Credentials{keys.front().id, secret, ""};
  }

  // aws::Authenticator
  Result<Found> find(std::string_view access_key_id, std::string_view session_token, Time now) override {
    if (access_key_id.starts_with("ASIA")) return sessions_.find(access_key_id, session_token, now);
    const auto unknown = [] {
      return fail(Code::unauthenticated, "The security token included in the request is invalid.",
                  "InvalidClientTokenId");
    };
    const auto known = MR_TRY(known_key(access_key_id));
    if (!known || known->key.status != "Active") return unknown();
    // A lasting key has no token; one that comes with it is of other credentials.
    if (!session_token.empty())
      return fail(Code::unauthenticated, "The security token included in the request is invalid.", "InvalidToken");
    Found found;
    if (!unseal(context_.encryption_key, known->key.sealed_secret, known->key.id, found.secret_access_key))
      return unknown();
    found.principal.account = context_.account;
    if (known->key.user.empty()) {
      found.principal.kind = aws::Principal::Kind::root;
      found.principal.arn = fmt::format("arn:aws:iam::{}:root", context_.account);
      found.principal.id = context_.account;
      return found;
    }
    if (!known->user) return unknown();
    found.principal.kind = aws::Principal::Kind::user;
    found.principal.arn = known->user->arn;
    found.principal.id = known->user->id;
    found.principal.name = known->user->name;
    for (const auto& [tag, value] : known->user->data["tags"].members())
      found.principal.tags.emplace_back(tag, value.string_or());
    return found;
  }

  // aws::Authoriser
  Status authorise(const aws::Call& call, const aws::Check& check) override {
    usage_.seen(call, check.action);
    MR_TRY(Sessions::check_reach(call.principal, call.service, call.operation));
    return authoriser_.authorise(call, check);
  }

  Result<aws::Principal> assume_for_service(std::string_view role_arn, std::string_view service,
                                            std::string_view session_name) override {
    return sessions_.assume_for_service(role_arn, service, session_name);
  }

  Result<SessionCredentials> issue_session(std::string_view role_arn, std::string_view service,
                                           std::string_view session_name, std::chrono::seconds duration,
                                           std::string_view origin) override {
    aws::Principal principal = MR_TRY(sessions_.assume_for_service(role_arn, service, session_name));
    principal.origin = origin;
    return sessions_.issue(principal, duration);
  }

  Result<policy::Trace> explain(const aws::Principal& principal, const aws::Check& check) override {
    aws::Call call;
    call.principal = principal;
    call.service = check.action.substr(0, check.action.find(':'));
    call.account = context_.account;
    call.now = context_.clock.now();
    return authoriser_.explain(call, check);
  }
  const Decisions& decisions() const override { return decisions_; }
  RunCalls& run_calls() override { return run_calls_; }

  Result<std::string> ensure_role(std::string_view name, std::string_view trust_policy) override {
    if (const auto role = MR_TRY(store_.find("role", std::string(name)))) return role->arn;
    Entity role;
    role.kind = "role";
    role.name = std::string(name);
    role.id = new_id("AROA");
    role.arn = context_.arn("role", "/", name);
    role.created = context_.clock.now();
    MR_TRY(set_trust(context_, role, std::string(trust_policy)));
    role.data.set("max_session", 3600);
    MR_TRY(store_.insert(role));
    return role.arn;
  }

 private:
  // A long-term key as it lies in the store, its secret still sealed, and whose it is.
  struct Known {
    Key key;
    std::optional<Entity> user;
  };
  // Kept until the next change of anything: the store's generation is read before the rows, and a change raises it
  // before it is acknowledged. Null: no such key (not kept, so that guesses fill nothing).
  Result<std::shared_ptr<const Known>> known_key(std::string_view id) {
    const std::uint64_t generation = store_.generation();
    {
      const MutexLock lock(known_mutex_);
      if (known_generation_ != generation) {
        known_.clear();
        known_generation_ = generation;
      }
      if (const auto found = known_.find(id); found != known_.end()) return found->second;
    }
    auto key = MR_TRY(store_.find_key(std::string(id)));
    if (!key) return std::shared_ptr<const Known>();
    auto known = std::make_shared<Known>(Known{std::move(*key), std::nullopt});
    if (!known->key.user.empty()) known->user = MR_TRY(store_.find("user", known->key.user));
    const MutexLock lock(known_mutex_);
    if (known_.size() >= kKeysKnown) known_.clear();
    if (known_generation_ == generation) known_.insert_or_assign(std::string(id), known);
    return std::shared_ptr<const Known>(known);
  }

  Store store_;
  Context context_;
  Sessions sessions_;
  iam::Authoriser authoriser_;  // aws::Authoriser is this class itself
  ActionUses action_uses_;
  Usage usage_;
  Decisions decisions_;
  RunCalls run_calls_;
  Mutex known_mutex_;
  std::uint64_t known_generation_ MR_GUARDED_BY(known_mutex_) = 0;
  std::map<std::string, std::shared_ptr<const Known>, std::less<>> known_ MR_GUARDED_BY(known_mutex_);
  Mutex administrator_mutex_;  // the keys are made once
  Mutex change_mutex_;         // one change at a time: held from its checks until it is durable
};

}  // namespace

Result<std::unique_ptr<Iam>> Iam::open(db::Database& database, const Clock& clock, Options options) {
  auto iam = std::make_unique<IamImpl>(database, clock, std::move(options));
  MR_TRY(iam->open());
  return iam;
}

}  // namespace millrace::iam
