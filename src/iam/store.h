#pragma once
// What IAM keeps: entities by kind and name, links between them, keys and sessions. Secrets are sealed before they come
// here. Names are unique without regard to case, as IAM's are.

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "db/database.h"

namespace millrace::iam {

// Kinds: "user", "group", "role", "policy" (the account's own; its name is the ARN), "profile"; one each per account:
// "alias", "password-policy", "credential-report", "setting"; "slr-deletion" and "access-job", tasks by their id.
struct Entity {
  std::string kind, name, id, path = "/", arn;
  Time created{};
  Value data = Value::object();  // what only some kinds have: trust, description, boundary, tags…
};

// Kinds: "attached-user" (user → policy ARN), "attached-role", "attached-group", "inline-user" (user → policy name,
// data the document), "inline-role", "inline-group", "member" (group → user), "profile-role" (profile → role),
// "version" (policy ARN → version id, data the document).
struct Link {
  std::string owner, target, data;
  Time at{};
};

struct Key {
  std::string id, user, sealed_secret, status = "Active";  // user empty: the account's root
  Time created{};
  std::optional<Time> used;
  std::string used_region, used_service;
};

struct RoleUse {
  Time at{};
  std::string region;
};

struct Session {
  std::string id, sealed;  // sealed JSON: secret, token, principal
  Time expires{};
};

class Store {
 public:
  explicit Store(db::Database& database) : database_(database) {}
  Status open();

  // A number that changes with every write: what is cached for a lower one is stale.
  std::uint64_t generation() const { return generation_.load(); }

  // What this calls of the store on its thread is one durable transaction, of which nothing stays if it returns an
  // error. It runs on the database's writer thread: nobody else writes meanwhile.
  Status together(const std::function<Status()>& changes);

  // Every change is one durable transaction, or part of the one of together().
  Status insert(const Entity& entity);                                // already_exists
  Status replace(const std::string& old_name, const Entity& entity);  // renames keep links
  Status erase(const std::string& kind, const std::string& name);
  Result<std::optional<Entity>> find(const std::string& kind, const std::string& name);
  Result<std::optional<Entity>> find_by_id(const std::string& id);
  Result<std::vector<Entity>> list(const std::string& kind, const std::string& path_prefix);  // by name

  Result<std::size_t> count(const std::string& kind);

  Status link(const std::string& kind, const Link& link);  // replaces
  Status unlink(const std::string& kind, const std::string& owner, const std::string& target, bool& was_there);
  Result<std::optional<Link>> find_link(const std::string& kind, const std::string& owner, const std::string& target);
  Result<std::vector<Link>> links_of(const std::string& kind, const std::string& owner);   // by target
  Result<std::vector<Link>> links_to(const std::string& kind, const std::string& target);  // by owner

  // How many links of these kinds lead to each target; targets in lower case.
  Result<std::map<std::string, std::size_t>> count_by_target(const std::vector<std::string>& kinds);
  Result<std::size_t> count_links(const std::string& kind);

  Status insert_key(const Key& key);
  Status update_key(const Key& key);
  Status erase_key(const std::string& id);
  Result<std::optional<Key>> find_key(const std::string& id);
  Result<std::vector<Key>> keys_of(const std::string& user);
  void note_use(const std::string& id, Time at, const std::string& region, const std::string& service);  // not awaited

  void note_role_use(const std::string& role_id, Time at, const std::string& region);  // not awaited
  Result<std::optional<RoleUse>> find_role_use(const std::string& role_id);

  Status insert_session(const Session& session, Time now);  // drops expired ones
  Result<std::optional<Session>> find_session(const std::string& id);

 private:
  struct Transaction;
  db::Connection* connection_of_transaction() const;
  Status write(const db::Database::Work& work);
  Status read(const db::Database::Work& work);

  static thread_local Transaction* transaction_;
  db::Database& database_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace millrace::iam
