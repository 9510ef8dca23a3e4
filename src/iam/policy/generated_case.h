#pragma once
// Random policies and requests for tests: small vocabularies, so that statements often match, and every element and
// operator of the language among them. What is chosen comes from outside: a random generator, or a fuzzer's bytes.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "iam/policy/evaluate.h"
#include "iam/policy/naive_evaluator.h"

namespace millrace::iam::policy {

using Choose = std::function<std::size_t(std::size_t)>;  // below its argument

class CaseMaker {
 public:
  explicit CaseMaker(Choose choose) : choose_(std::move(choose)) {}

  naive::Request request() {
    naive::Request out;
    out.caller = callers()[choose_(callers().size())];
    out.action = pick({"s3:GetObject", "s3:PutObject", "S3:getobject", "iam:PassRole", "sagemaker:CreateModel"});
    out.resource = pick({"*", "arn:aws:s3:::data", "arn:aws:s3:::data/ann/x", "arn:aws:s3:::data/*/x",
                         "arn:aws:sagemaker:us-east-1:123456789012:model/m", "arn:aws:iam::123456789012:role/r:x"});
    out.resource_account = pick({"", "123456789012", "123456789012", "999999999999"});
    for (const char* key : kKeys) {
      const std::size_t count = choose_(4);
      if (count == 3) continue;  // absent
      for (std::size_t i = 0; i < std::max<std::size_t>(1, count); ++i) out.context[key].push_back(value());
    }
    return out;
  }

  Value document(Kind kind) {
    Value statements = Value::array();
    for (std::size_t i = 0, n = 1 + choose_(3); i < n; ++i) statements.push(statement(kind));
    Value out = Value::object();
    const std::size_t version = choose_(6);
    if (version > 0) out.set("Version", version == 1 ? "2008-10-17" : "2012-10-17");
    return out.set("Statement", statements.size() == 1 && choose_(2) == 0 ? statements.items()[0] : statements);
  }

  std::vector<Value> documents(Kind kind, std::size_t most, std::size_t none_in) {
    std::vector<Value> out;
    if (choose_(none_in) != 0) return out;
    for (std::size_t i = 0, n = 1 + choose_(most); i < n; ++i) out.push_back(document(kind));
    return out;
  }

 private:
  static constexpr const char* kKeys[] = {"aws:username", "aws:PrincipalTag/t", "x:a", "x:b"};

  static const std::vector<naive::Caller>& callers() {
    static const std::vector<naive::Caller> all = {
        {"user", "123456789012", "arn:aws:iam::123456789012:user/ann", ""},
        {"user", "999999999999", "arn:aws:iam::999999999999:user/ann", ""},
        {"assumed_role", "123456789012", "arn:aws:sts::123456789012:assumed-role/w/s",
         "arn:aws:iam::123456789012:role/w"},
        {"assumed_role", "999999999999", "arn:aws:sts::999999999999:assumed-role/w/s",
         "arn:aws:iam::999999999999:role/w"},
        {"federated_user", "123456789012", "arn:aws:sts::123456789012:federated-user/g",
         "arn:aws:iam::123456789012:user/ann"},
        {"root", "123456789012", "arn:aws:iam::123456789012:root", ""},
        {"service", "", "sagemaker.amazonaws.com", ""},
        {"anonymous", "", "", ""}};
    return all;
  }

  std::string pick(std::initializer_list<const char*> from) { return *(from.begin() + choose_(from.size())); }

  std::string value() {
    return pick({"ann",
                 "Ann",
                 "a*",
                 "*",
                 "",
                 "?",
                 "5",
                 "10",
                 "5.0",
                 "-1",
                 "true",
                 "false",
                 "2026-01-01",
                 "2026-01-01T00:00:00Z",
                 "2025-12-31T23:59:59Z",
                 "1767225600",
                 "10.0.0.1",
                 "10.1.2.3",
                 "2001:db8::1",
                 "QUJD",
                 "arn:aws:s3:::data",
                 "arn:aws:iam::123456789012:user/ann",
                 "\x01*"});
  }

  std::string wanted() {
    switch (choose_(4)) {
      case 0:
        return pick({"10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "10.0.0.1/33", "a?n", "a*", "*n", "arn:aws:s3:::*",
                     "arn:aws:iam::*:user/*", "arn:*", "${aws:username}", "${x:a}", "${x:none, 'ann'}", "${*}", "a${?}",
                     "${$}", "${AWS:UserName}*", "arn:aws:iam::123456789012:user/${aws:username}", "${open"});
      default: {
        std::string text = value();
        return text.starts_with('\x01') ? "x" : text;  // a policy holds no control characters
      }
    }
  }

  std::string action() {
    return pick({"*", "s3:*", "s3:Get*", "s3:GetObject", "S3:PUTOBJECT", "s3:?etObject", "iam:*", "iam:PassRole",
                 "sagemaker:*"});
  }

  std::string resource() {
    return pick({"*", "*", "arn:aws:s3:::data", "arn:aws:s3:::data/*", "arn:aws:s3:::data/${aws:username}/*",
                 "arn:aws:s3:::data/${aws:PrincipalTag/t, 'ann'}/?", "arn:aws:s3:::data/${*}/x", "arn:aws:*:*:*:*",
                 "arn:aws:sagemaker:*:123456789012:model/?", "arn:aws:iam::*:role/*", "arn:aws:iam::1*:x"});
  }

  Value list_of(const std::function<std::string()>& make) {
    if (choose_(2) == 0) return make();
    Value out = Value::array();
    for (std::size_t i = 0, n = 1 + choose_(3); i < n; ++i) out.push(make());
    return out;
  }

  Value principal(bool anyone) {
    if (anyone && choose_(5) == 0) return "*";
    if (choose_(6) == 0)
      return Value::object(
          {{"Service", list_of([&] { return pick({"sagemaker.amazonaws.com", "ec2.amazonaws.com"}); })}});
    return Value::object({{"AWS", list_of([&] {
                             return pick({"123456789012", "999999999999", "arn:aws:iam::123456789012:root",
                                          "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::999999999999:user/ann",
                                          "arn:aws:iam::123456789012:role/w", "arn:aws:iam::999999999999:role/w",
                                          "arn:aws:sts::123456789012:assumed-role/w/s",
                                          "arn:aws:sts::123456789012:federated-user/g", "*"});
                           })}});
  }

  Value condition() {
    Value out = Value::object();
    for (std::size_t i = 0, n = 1 + choose_(2); i < n; ++i) {
      std::string name = pick({"", "", "", "ForAnyValue:", "ForAllValues:"});
      const std::string op = pick({"StringEquals",
                                   "StringNotEquals",
                                   "StringEqualsIgnoreCase",
                                   "StringNotEqualsIgnoreCase",
                                   "StringLike",
                                   "StringNotLike",
                                   "NumericEquals",
                                   "NumericNotEquals",
                                   "NumericLessThan",
                                   "NumericLessThanEquals",
                                   "NumericGreaterThan",
                                   "NumericGreaterThanEquals",
                                   "DateEquals",
                                   "DateNotEquals",
                                   "DateLessThan",
                                   "DateLessThanEquals",
                                   "DateGreaterThan",
                                   "DateGreaterThanEquals",
                                   "Bool",
                                   "BinaryEquals",
                                   "IpAddress",
                                   "NotIpAddress",
                                   "ArnEquals",
                                   "ArnLike",
                                   "ArnNotEquals",
                                   "ArnNotLike",
                                   "Null"});
      name += op;
      if (op != "Null" && choose_(4) == 0) name += "IfExists";
      Value keys = Value::object();
      for (std::size_t k = 0, m = 1 + choose_(2); k < m; ++k)
        keys.set(pick({"aws:username", "AWS:PRINCIPALTAG/T", "x:a", "x:b", "x:none"}),
                 list_of([&] { return op == "Null" ? pick({"true", "false"}) : wanted(); }));
      out.set(name, std::move(keys));
    }
    return out;
  }

  Value statement(Kind kind) {
    Value out = Value::object();
    const bool allow = choose_(3) != 0;
    out.set("Effect", allow ? "Allow" : "Deny");
    if (kind == Kind::resource) {
      const bool negated = !allow && choose_(3) == 0;
      out.set(negated ? "NotPrincipal" : "Principal", principal(!negated));
    }
    out.set(choose_(5) == 0 ? "NotAction" : "Action", list_of([&] { return action(); }));
    out.set(choose_(5) == 0 ? "NotResource" : "Resource", list_of([&] { return resource(); }));
    if (choose_(2) == 0) out.set("Condition", condition());
    return out;
  }

  Choose choose_;
};

inline Requester::Kind requester_kind(const std::string& name) {
  using K = Requester::Kind;
  if (name == "user") return K::user;
  if (name == "root") return K::root;
  if (name == "assumed_role") return K::assumed_role;
  if (name == "federated_user") return K::federated_user;
  return name == "service" ? K::service : K::anonymous;
}

inline Question question_of(const naive::Request& request) {
  Question out;
  out.requester = {requester_kind(request.caller.kind), request.caller.account, request.caller.arn,
                   request.caller.behind};
  out.action = request.action;
  out.resource = request.resource;
  out.resource_account = request.resource_account;
  for (const auto& [key, values] : request.context) out.context[key] = values;
  return out;
}

// The same documents for the evaluator; `refused` says what the grammar refused, if anything.
struct Parsed {
  std::vector<std::unique_ptr<Document>> kept;
  Policies policies;
  std::string refused;
};

inline Parsed parse_all(const naive::PolicySet& set, Kind resource_kind = Kind::resource) {
  Parsed out;
  const auto add = [&](const std::vector<Value>& documents, Kind kind, std::vector<NamedPolicy>& list) {
    for (const Value& document : documents) {
      auto parsed = parse_document(to_json(document), kind);
      if (!parsed) {
        out.refused = parsed.error().message + " " + to_json(document);
        continue;
      }
      out.kept.push_back(std::make_unique<Document>(std::move(*parsed)));
      list.push_back({"policy " + std::to_string(out.kept.size()), out.kept.back().get()});
    }
  };
  add(set.identity, Kind::identity, out.policies.identity);
  add(set.resource, resource_kind, out.policies.resource);
  add(set.boundary, Kind::identity, out.policies.boundary);
  add(set.session, Kind::identity, out.policies.session);
  return out;
}

inline std::string said(const Decision& decision) {
  return decision.allowed ? "allow" : decision.explicitly_denied ? "explicit deny" : "implicit deny";
}

}  // namespace millrace::iam::policy
