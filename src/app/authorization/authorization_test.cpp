// What each operation of each service asks of the policies: testdata/authorization.txt says it for sample requests, and
// testdata/service_authorization.tsv what AWS's Service Authorization Reference says of the actions that occur there
// (tools/service_authorization.py writes it).

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "app/authorization/services_for_tests.h"
#include "iam/request_keys.h"

namespace millrace::app {
namespace {

// "  s3:GetObject arn:aws:s3:::b/k key=value,value …", the keys by name.
std::string line_of(const aws::Check& check) {
  std::map<std::string, std::string> keys;
  for (const auto& [key, values] : check.keys) keys[key] = join(values, ",");
  std::string line = fmt::format("  {} {}", check.action, check.resource);
  for (const auto& [key, value] : keys) line += fmt::format(" {}={}", key, value);
  return line + "\n";
}

TEST(Authorization, EveryOperationAsksWhatTheTableSays) {
  Services services;
  std::map<std::string, std::set<std::string>> seen;
  for (const Sample& sample : samples()) {
    seen[sample.service].insert(sample.operation);
    const auto checks = services.checks_of(sample.service, sample.operation, sample.request);
    ASSERT_TRUE(checks) << sample.head << ": " << checks.error().message;
    std::string found;
    for (const aws::Check& check : *checks) found += line_of(check);
    EXPECT_EQ(found, sample.expected) << sample.head;
  }
  EXPECT_EQ(seen, services.operations()) << "each operation that is served has a sample, and no other";
}

struct Reference {
  struct Action {
    std::vector<std::string> types;  // a required one ends in '*'
    std::set<std::string> keys;
    std::vector<std::string> dependent;  // actions that it needs as well
  };
  struct Type {
    std::string arn;
    std::set<std::string> keys;
  };
  std::map<std::string, Action> actions;
  std::map<std::string, Type> types;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) out.emplace_back(word);
  }
  return out;
}

Reference reference() {
  Reference all;
  const std::string text = testdata("service_authorization.tsv");
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() < 4) continue;
    const auto keys = words(fields[3]);
    const std::set<std::string> names(keys.begin(), keys.end());
    if (fields[0] == "action") all.actions[std::string(fields[1])] = {words(fields[2]), names, words(fields[4])};
    if (fields[0] == "resource") all.types[std::string(fields[1])] = {std::string(fields[2]), names};
  }
  return all;
}

// Does the ARN have the form "arn:aws:s3:::${BucketName}/${ObjectName}"? A name may hold slashes where the next literal
// part leaves it room; a bucket's may not.
bool has_form(std::string_view arn, std::string_view form) {
  const std::size_t variable = form.find("${");
  if (variable == std::string_view::npos) return arn == form;
  if (arn.substr(0, variable) != form.substr(0, variable)) return false;
  arn.remove_prefix(variable);
  const std::size_t end = form.find('}', variable);
  const bool bucket = form.substr(variable, end - variable) == "${BucketName";
  form.remove_prefix(end + 1);
  for (std::size_t length = 0; length <= arn.size(); ++length) {
    if (length > 0 && bucket && arn[length - 1] == '/') return false;
    if (has_form(arn.substr(length), form)) return true;
  }
  return false;
}

// Actions that the reference has no resource type for, and that AWS decides on one nevertheless: its own denials name
// these, and its policies for S3's users.
const std::set<std::string>& decided_on_more() {
  static const std::set<std::string> actions = {
      "iam:ListGroups",     "iam:ListInstanceProfiles",  "iam:ListOpenIDConnectProviders",
      "iam:ListRoles",      "iam:ListSAMLProviders",     "iam:ListServerCertificates",
      "iam:ListUsers",      "iam:ListVirtualMFADevices", "logs:DescribeLogGroups",
      "s3:ListAllMyBuckets"};
  return actions;
}

// "aws:RequestTag/team" → "aws:RequestTag/".
std::string key_of(const std::string& name) {
  const std::size_t slash = name.find('/');
  return slash == std::string::npos ? name : name.substr(0, slash + 1);
}

// A request that carries every header and is signed by one.
net::Request request_with_all(const Reference& reference) {
  net::Request request;
  request.tls = true;
  request.tls_version = "1.3";
  request.headers.set("authorization", "AWS4-HMAC-SHA256 Credential=…");
  request.headers.set("x-amz-date", "20260102T030405Z");
  for (const auto& [action, known] : reference.actions) {
    for (const std::string& key : known.keys) {
      if (key.starts_with("s3:x-amz-")) request.headers.set(key.substr(3), "v");
      if (key.starts_with("s3:object-lock-")) request.headers.set("x-amz-" + key.substr(3), "v");
    }
  }
  return request;
}

// Not given: the server refuses locks on objects.
const std::set<std::string>& not_given() {
  static const std::set<std::string> keys = {"s3:object-lock-remaining-retention-days"};
  return keys;
}

TEST(Authorization, KeysOfS3sHeadersAreTheReferences) {
  const Reference reference = app::reference();
  const net::Request request = request_with_all(reference);
  aws::Call call;
  call.account = kAccount;
  call.http = const_cast<net::Request*>(&request);
  for (const auto& [action, known] : reference.actions) {
    if (!action.starts_with("s3:")) continue;
    iam::policy::Context given;
    iam::add_s3_keys(given, call, action);
    for (const auto& [key, values] : given) {
      if (key != "s3:x-amz-content-sha256") EXPECT_TRUE(known.keys.contains(key)) << action << " has no key " << key;
    }
    for (const std::string& key : known.keys) {
      const bool of_headers = key.starts_with("s3:x-amz-") || key.starts_with("s3:object-lock-") ||
                              key.starts_with("s3:signature") || key == "s3:authType" || key == "s3:ResourceAccount" ||
                              key == "s3:TlsVersion";
      EXPECT_EQ(given.contains(key), of_headers && !not_given().contains(key)) << action << ", " << key;
    }
    EXPECT_EQ(iam::has_resource_tags(action), known.keys.contains("s3:ExistingObjectTag/")) << action;
  }
}

// What else the reference says an operation needs is asked in one of its samples: a role that is passed, tags.
TEST(Authorization, DependentActionsAreAsked) {
  std::map<std::string, std::string> asked;  // by action, all that is expected for the operation of that name
  for (const Sample& sample : samples()) asked[sample.service + ":" + sample.operation] += sample.expected;
  for (const auto& [action, known] : app::reference().actions) {
    const auto found = asked.find(action);
    if (found == asked.end()) continue;
    for (const std::string& other : known.dependent)
      EXPECT_NE(found->second.find("  " + other + " "), std::string::npos) << action << " needs " << other;
  }
}

TEST(Authorization, TheTableIsTheReferences) {
  const Reference reference = app::reference();
  for (const Sample& sample : samples()) {
    std::map<std::string, std::set<std::string>> types_of;  // by action
    for (const std::string_view line : split(sample.expected, '\n')) {
      const auto parts = words(line);
      if (parts.size() < 2) continue;
      const std::string &action = parts[0], &resource = parts[1];
      const std::string service = action.substr(0, action.find(':'));
      ASSERT_TRUE(reference.actions.contains(action)) << sample.head << ": " << action;
      const Reference::Action& known = reference.actions.at(action);
      std::set<std::string> keys = known.keys;
      if (resource == "*" || decided_on_more().contains(action)) {
        EXPECT_TRUE(known.types.empty()) << sample.head << ": " << action << " on " << resource;
      } else {
        bool found = false;
        for (std::string type : known.types) {
          if (type.ends_with('*')) type.pop_back();
          const Reference::Type& form = reference.types.at(service + ":" + type);
          std::string arn = replace_all(replace_all(form.arn, "${Account}", kAccount), "${Region}", kRegion);
          // A group is written with what is in it, but for its tags (User Guide, "CloudWatch Logs resources and
          // operations").
          const bool of_arn = action.ends_with("TagResource") || action.ends_with("UntagResource") ||
                              action.ends_with("ListTagsForResource");
          if (service == "logs" && type == "log-group" && !of_arn) arn += ":log-stream:";
          if (resource.starts_with("arn:aws:iam::aws:")) arn = replace_all(arn, kAccount, "aws");
          if (!has_form(resource, arn)) continue;
          found = true;
          types_of[action].insert(type);
          keys.insert(form.keys.begin(), form.keys.end());
        }
        // Tags of a federated session are decided on that user (IAM User Guide, "Pass session tags in AWS STS").
        if (sample.operation == "GetFederationToken" && action == "sts:TagSession") found = true;
        EXPECT_TRUE(found) << sample.head << ": " << action << " has no resource like " << resource;
      }
      for (std::size_t i = 2; i < parts.size(); ++i) {
        const std::string key = key_of(parts[i].substr(0, parts[i].find('=')));
        EXPECT_TRUE(keys.contains(key)) << sample.head << ": " << action << " has no key " << key;
      }
    }
    // Of an action on several resources each required one is asked for.
    for (const auto& [action, types] : types_of) {
      const auto& known = reference.actions.at(action).types;
      const bool any_kind = action.starts_with("iam:GenerateService") || action.starts_with("iam:ListPoliciesGranting");
      for (const std::string& type : known) {
        if (!type.ends_with('*') || any_kind) continue;  // there the ARN in the request says which kind it is
        EXPECT_TRUE(types.contains(type.substr(0, type.size() - 1))) << sample.head << ": " << action << ", " << type;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::app
