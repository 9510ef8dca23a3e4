#pragma once
// Who calls, once the signature is proven.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace millrace::aws {

struct Principal {
  enum class Kind { anonymous, root, user, assumed_role, service };
  Kind kind = Kind::anonymous;
  std::string account;   // "123456789012"
  std::string arn;       // arn:aws:iam::…:user/x, arn:aws:sts::…:assumed-role/role/session, …:root
  std::string id;        // AIDA…, AROA…:session, account id for root
  std::string name;      // user name or role name
  std::string role_arn;  // assumed_role: arn:aws:iam::…:role/path/name
  std::string access_key_id;
  std::vector<std::string> session_policies;              // documents, assumed_role only
  std::vector<std::pair<std::string, std::string>> tags;  // aws:PrincipalTag/…
  std::string source_identity;
  std::optional<Time> token_issued;
  std::string origin;  // the run that this session works for, where the server itself made it; empty: nobody knows
};

}  // namespace millrace::aws
