#include <algorithm>
#include <map>
#include <random>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/json.h"
#include "iam/policy/arn.h"
#include "iam/policy/evaluate.h"
#include "iam/policy/identity_rules.h"

namespace millrace::iam::policy {
namespace {

TEST(Trust, AsksForThePrincipal) {
  const Document trust = *parse_document(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["sagemaker.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]})",
      Kind::trust);
  Question question;
  question.action = "sts:AssumeRole";
  question.resource = "arn:aws:iam::123456789012:role/r";
  for (const auto& [service, allowed] : std::map<std::string, bool>{
           {"sagemaker.amazonaws.com", true}, {"ec2.amazonaws.com", true}, {"glue.amazonaws.com", false}}) {
    question.requester = {Requester::Kind::service, "", service, ""};
    EXPECT_EQ(evaluate_trust(trust, question).allowed, allowed) << service;
  }
  question.requester = {Requester::Kind::user, "123456789012", "sagemaker.amazonaws.com", ""};
  EXPECT_FALSE(evaluate_trust(trust, question).allowed) << "a user is no service, whatever its name";
}

// operator, wanted values, actual values (null: the key is absent), holds?
TEST(Conditions, AreTheirOperators) {
  struct Case {
    const char* name;
    std::vector<std::string> wanted;
    std::optional<std::vector<std::string>> actual;
    bool holds;
  };
  const std::vector<Case> cases = {
      {"StringEquals", {"a", "b"}, {{"b"}}, true},
      {"StringEquals", {"a"}, {{"A"}}, false},
      {"StringEquals", {"a*"}, {{"ab"}}, false},
      {"StringEquals", {"a"}, std::nullopt, false},
      {"StringNotEquals", {"a", "b"}, {{"c"}}, true},
      {"StringNotEquals", {"a", "b"}, {{"b"}}, false},
      {"StringNotEquals", {"a"}, std::nullopt, true},
      {"StringEqualsIgnoreCase", {"aB"}, {{"Ab"}}, true},
      {"StringNotEqualsIgnoreCase", {"aB"}, {{"Ab"}}, false},
      {"StringLike", {"a*z", "?"}, {{"abcz"}}, true},
      {"StringLike", {"a*z", "?"}, {{"x"}}, true},
      {"StringLike", {"a*z"}, {{"Abz"}}, false},
      {"StringNotLike", {"a*"}, {{"abc"}}, false},
      {"NumericEquals", {"10"}, {{"10.0"}}, true},
      {"NumericNotEquals", {"10"}, {{"11"}}, true},
      {"NumericLessThan", {"10"}, {{"9"}}, true},
      {"NumericLessThan", {"10"}, {{"10"}}, false},
      {"NumericLessThanEquals", {"10"}, {{"10"}}, true},
      {"NumericGreaterThan", {"10"}, {{"10"}}, false},
      {"NumericGreaterThanEquals", {"10"}, {{"10"}}, true},
      {"NumericEquals", {"ten"}, {{"10"}}, false},
      {"DateLessThan", {"2026-01-01T00:00:00Z"}, {{"2025-12-31T23:59:59Z"}}, true},
      {"DateGreaterThan", {"2026-01-01"}, {{"2026-01-01T00:00:01Z"}}, true},
      {"DateGreaterThanEquals", {"1767225600"}, {{"2026-01-01T00:00:00Z"}}, true},
      {"DateEquals", {"2026-01-01T00:00:00Z"}, {{"2026-01-01T01:00:00+01:00"}}, true},
      {"DateLessThan", {"soon"}, {{"2026-01-01T00:00:00Z"}}, false},
      {"Bool", {"true"}, {{"True"}}, true},
      {"Bool", {"true"}, {{"false"}}, false},
      {"Bool", {"true"}, std::nullopt, false},
      {"BinaryEquals", {"QUJD"}, {{"QUJD"}}, true},
      {"IpAddress", {"10.0.0.0/8"}, {{"10.255.1.2"}}, true},
      {"IpAddress", {"10.0.0.0/8"}, {{"11.0.0.1"}}, false},
      {"IpAddress", {"10.1.2.3"}, {{"10.1.2.3"}}, true},
      {"IpAddress", {"::1/128"}, {{"::1"}}, true},
      {"IpAddress", {"2001:db8::/33"}, {{"2001:db8:8000::1"}}, false},
      {"IpAddress", {"0.0.0.0/0"}, {{"::1"}}, false},
      {"IpAddress", {"10.0.0.0/33"}, {{"10.0.0.1"}}, false},
      {"NotIpAddress", {"10.0.0.0/8"}, {{"11.0.0.1"}}, true},
      {"ArnLike", {"arn:aws:s3:::b*"}, {{"arn:aws:s3:::bucket"}}, true},
      {"ArnEquals", {"arn:aws:s3:::b*"}, {{"arn:aws:s3:::bucket"}}, true},
      {"ArnNotLike", {"arn:aws:s3:::b*"}, {{"arn:aws:s3:::bucket"}}, false},
      {"Null", {"true"}, std::nullopt, true},
      {"Null", {"true"}, {{"x"}}, false},
      {"Null", {"false"}, {{"x"}}, true},
      {"StringEqualsIfExists", {"a"}, std::nullopt, true},
      {"StringEqualsIfExists", {"a"}, {{"b"}}, false},
      {"NumericLessThanIfExists", {"5"}, std::nullopt, true},
      {"ForAllValues:StringEquals", {"a", "b"}, {{"a", "b"}}, true},
      {"ForAllValues:StringEquals", {"a", "b"}, {{"a", "c"}}, false},
      {"ForAllValues:StringEquals", {"a"}, std::nullopt, true},
      {"ForAnyValue:StringEquals", {"a", "b"}, {{"c", "b"}}, true},
      {"ForAnyValue:StringEquals", {"a"}, {{"c"}}, false},
      {"ForAnyValue:StringEquals", {"a"}, std::nullopt, false},
      {"ForAllValues:StringNotEquals", {"a"}, {{"b", "c"}}, true},
      {"ForAllValues:StringNotEquals", {"a"}, {{"a", "c"}}, false},
      {"ForAnyValue:StringLike", {"dev-*"}, {{"x", "dev-1"}}, true},
  };
  for (const Case& c : cases) {
    Value values = Value::array();
    for (const auto& value : c.wanted) values.push(value);
    const Value statement =
        Value::object({{"Effect", "Allow"},
                       {"Action", "*"},
                       {"Resource", "*"},
                       {"Condition", Value::object({{c.name, Value::object({{"aws:Key", values}})}})}});
    const auto document =
        parse_document(to_json(Value::object({{"Version", "2012-10-17"}, {"Statement", statement}})), Kind::identity);
    ASSERT_TRUE(document) << c.name << ": " << document.error().message;
    Context context;
    if (c.actual) context["AWS:key"] = *c.actual;
    EXPECT_EQ(conditions_hold(document->statements[0].conditions, context, true), c.holds)
        << c.name << " " << to_json(values) << " against "
        << (c.actual ? fmt::format("{}", c.actual->front()) : "nothing");
  }
}

TEST(Conditions, AllHaveToHold) {
  const Document document = *parse_document(
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a:x":"1","a:y":"2"},"Bool":{"a:z":true}}}})",
      Kind::identity);
  Context context = {{"a:x", {"1"}}, {"a:y", {"2"}}, {"a:z", {"true"}}};
  EXPECT_TRUE(conditions_hold(document.statements[0].conditions, context, true));
  for (const char* key : {"a:x", "a:y", "a:z"}) {
    Context other = context;
    other[key] = {"other"};
    EXPECT_FALSE(conditions_hold(document.statements[0].conditions, other, true)) << key;
  }
}

TEST(Arns, MatchPartByPart) {
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"*", "anything", true},
      {"arn:aws:s3:::b/*", "arn:aws:s3:::b/k/l", true},
      {"arn:aws:s3:::b/?", "arn:aws:s3:::b/kl", false},
      {"arn:*:s3:::b", "arn:aws:s3:::b", true},
      {"arn:aws:*", "arn:aws:s3:::b", true},
      {"arn:aws:iam::*:role/x", "arn:aws:iam::123456789012:role/x", true},
      {"arn:aws:iam::1*:x", "arn:aws:iam::1:y:x", false},
      {"arn:aws:sagemaker:us-east-1:*:training-job/*", "arn:aws:sagemaker:eu-west-1:1:training-job/a", false},
      {"arn:aws:logs:*:*:log-group:/aws/*", "arn:aws:logs:us-east-1:1:log-group:/aws/sagemaker:log-stream:x", true},
  };
  for (const auto& [pattern, arn, matches] : cases)
    EXPECT_EQ(arn_match(pattern, arn), matches) << pattern << " " << arn;
}

TEST(Wildcards, TakeLinearTime) {
  EXPECT_FALSE(
      wildcard_match(std::string(60, '*') + "b" + std::string(60, '*') + "c", std::string(20'000, 'a'), false));
  EXPECT_FALSE(wildcard_match("a*a*a*a*a*a*a*a*a*a*b", std::string(5'000, 'a'), false));
}

TEST(Variables, AreExpanded) {
  const Context context = {{"aws:username", {"ann"}}, {"a:many", {"1", "2"}}};
  const std::pair<const char*, std::optional<std::string>> cases[] = {
      {"plain", "plain"},
      {"x/${aws:username}/y", "x/ann/y"},
      {"${AWS:UserName}", "ann"},
      {"${$}{*}", "${*}"},
      {"${a:none, 'default'}", "default"},
      {"${a:none}", std::nullopt},
      {"${a:many}", std::nullopt},
      {"open ${", "open ${"},
  };
  for (const auto& [text, expanded] : cases) {
    std::string out;
    const bool good = expand_variables(text, context, false, out);
    EXPECT_EQ(good, expanded.has_value()) << text;
    if (good && expanded) {
      EXPECT_EQ(out, *expanded) << text;
    }
  }
}

TEST(Grammar, RefusesWhatAwsRefuses) {
  struct Case {
    Kind kind;
    const char* text;
    const char* says;
  };
  const Case cases[] = {
      {Kind::identity, "", "invalid Json"},
      {Kind::identity, "[]", "Syntax errors"},
      {Kind::identity, R"({"Version":"2012-10-17"})", "at least one statement"},
      {Kind::identity, R"({"Version":"2020-01-01","Statement":[]})", "valid version"},
      {Kind::identity, R"({"Version":"2012-10-17","Version":"2012-10-17","Statement":[]})", "invalid Json"},
      {Kind::identity, R"({"Statement":{"Action":"s3:*","Resource":"*"}})", "Effect"},
      {Kind::identity, R"({"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}})", "Effect"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Resource":"*"}})", "must contain actions"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}})", "must contain actions"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","NotAction":"iam:*","Resource":"*"}})",
       "Syntax errors in policy. A statement has Action or NotAction, not both."},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","NotResource":"*","Resource":"*"}})",
       "Syntax errors"},
      {Kind::identity, R"({"Statement":{"Effect":"denY","Action":"s3:*","Resource":"*"}})", "failed legacy parsing"},
      {Kind::identity, R"({"Statement":{"Effect":"denied","Action":"s3:*","Resource":"*"}})", "Syntax errors"},
      {Kind::identity, R"({"Version":"2013-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})",
       "Syntax errors in policy. The policy must contain a valid version string"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws"}})",
       "Resource vendor must be fully qualified and cannot contain regexes."},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws::::b"}})",
       "failed legacy parsing"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3::*"}})",
       "failed legacy parsing"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}})",
       "prefaced by a vendor"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s 3:Get","Resource":"*"}})",
       "Vendor s 3 is not valid"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":5,"Resource":"*"}})", "string or a list"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*"}})", "must contain resources"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}})",
       "must be in ARN format"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3"}})",
       "not a whole ARN"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}})",
       "should not specify a principal"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Colour":"red"}})",
       "no element Colour"},
      {Kind::identity,
       R"({"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]})",
       "must be unique"},
      {Kind::identity,
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringSame":{"a:b":"c"}}}})",
       "Invalid Condition type : StringSame"},
      {Kind::resource,
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*","Condition":{"StringEquals":{"ab":"c"}}}})",
       "prefaced by a vendor"},
      {Kind::identity,
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":{}}}}})",
       "neither text nor number"},
      {Kind::resource, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", "Principal"},
      {Kind::resource, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"ann"}})",
       "Invalid principal"},
      {Kind::resource, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":{"Aws":"*"}}})",
       "Invalid principal"},
      {Kind::trust, R"({"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}})",
       "prohibited field Resource"},
      {Kind::trust, R"({"Statement":{"Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"*"}}})",
       "prohibited field NotPrincipal"},
      {Kind::resource, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","NotPrincipal":{"AWS":"*"}}})",
       "Allow with NotPrincipal"},
      {Kind::resource,
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":{"AWS":"arn:aws:iam::123456789012:user/*"}}})",
       "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:user/*\""},
      {Kind::resource,
       R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":{"AWS":"arn:aws:iam::123456789012:group/g"}}})",
       "Invalid principal"},
      {Kind::resource, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":{"AWS":"1234"}}})",
       "Invalid principal"},
      {Kind::identity, R"({"Statement":{"Sid":"no spaces","Effect":"Allow","Action":"s3:*","Resource":"*"}})",
       "must be alpha-numeric"},
      {Kind::identity, R"({"Version":20121017,"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})",
       "Version must be text"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aw:s3:::b"}})",
       "Partition \"aw\" is not valid"},
      {Kind::identity,
       R"({"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam:us-east-1:123456789012:user/x"}})",
       "cannot contain region information"},
      {Kind::identity, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/\u0001*"}})",
       "Syntax errors"},
  };
  for (const Case& c : cases) {
    const auto document = parse_document(c.text, c.kind);
    ASSERT_FALSE(document) << c.text;
    EXPECT_EQ(document.error().reason, "MalformedPolicyDocument");
    EXPECT_NE(document.error().message.find(c.says), std::string::npos) << c.text << ": " << document.error().message;
  }
  EXPECT_FALSE(parse_document(std::string(kMaxDocumentBytes + 1, ' '), Kind::identity));
  EXPECT_FALSE(
      parse_document(R"({"Statement":)" + std::string(500, '[') + std::string(500, ']') + "}", Kind::identity));
}

// IAM takes these (seen at the service itself by the authors of a well-known imitation of it).
TEST(Grammar, TakesWhatAwsTakes) {
  for (const char* text : {
           R"({"Statement":{"Effect":"Allow","Action":"s3.s:List","Resource":"*"}})",
           R"({"Statement":{"Effect":"Allow","Action":"iam: any thing ","Resource":"*"}})",
           R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:logs:*"}})",
           R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{}}})",
           R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateGreaterThan":{}}}})",
           R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NoOperator":{}}}})",
           R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"ab":"c"}}}})",
           R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":true}}}})",
       }) {
    const auto document = parse_document(text, Kind::identity);
    EXPECT_TRUE(document) << text << ": " << (document ? "" : document.error().message);
  }
}

TEST(IdentityRules, AreThoseOfIam) {
  const auto checked = [](const std::string& statement, Held held = Held::managed) {
    const auto document =
        parse_document(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow",)" + statement + "}}", Kind::identity);
    if (!document) return document.error().message;
    const Status status = check_identity_rules(*document, held);
    return status ? std::string("taken") : status.error().message;
  };
  const auto date = [&](const std::string& value) {
    return checked(R"("Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":")" + value +
                   R"("}})");
  };
  const auto resource = [&](const std::string& arn) { return checked(R"("Action":"s3:*","Resource":")" + arn + "\""); };
  EXPECT_EQ(checked(R"("Action":"s3:List:Bucket","Resource":"*")"), "Actions/Condition can contain only one colon.");
  EXPECT_EQ(checked(R"("NotAction":["s3:*","a:b:c"],"Resource":"*")"), "Actions/Condition can contain only one colon.");
  EXPECT_TRUE(
      resource("arn:aws:iam:::bucket").starts_with("IAM resource path must either be \"*\" or start with user/, "));
  EXPECT_EQ(resource("arn:aws:s3:us-east-1::b"),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.");
  for (const char* arn :
       {"arn:aws:iam::123456789012:*", "arn:aws:iam::*:role/x", "arn:aws:iam::aws:policy/y",
        "arn:aws:s3:us-west-2:123456789012:accesspoint/a", "arn:aws:s3:::b/*", "arn:aws:s3:*:*:job/*"})
    EXPECT_EQ(resource(arn), "taken") << arn;
  for (const char* value : {"2017-07-01T00:00:00Z", "2019", "2019-07", "2019-07-01", "2026-01-02T", "01T", "-292275054",
                            "2016-12-13T21:20:37.593194+00:00", "2016-12-13t2:00:00.593194+23", "1700000000",
                            "9223372036854775807", "2016-12-13T21:20Z", "${aws:PrincipalTag/until}"})
    EXPECT_EQ(date(value), "taken") << value;
  for (const char* value : {"tomorrow", "234-13", "2016-12-13t2:00:00.593194+1", "2016-12-13t2:00:00.1999999999+10:59",
                            "9223372036854775808", "2016-12-32", "2016-12-13T24:00:00Z", "-292275055", "", "1.5"})
    EXPECT_EQ(date(value), std::string("The policy failed legacy parsing: ") + value + " is not a date.");
  const auto old = parse_document(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", Kind::identity);
  ASSERT_TRUE(old);
  EXPECT_EQ(check_identity_rules(*old, Held::managed).error().message,
            "Policy document must be version 2012-10-17 or greater.");
  EXPECT_TRUE(check_identity_rules(*old, Held::inlined));
}

// Any change of a document's bytes is read or refused, and never evaluated to more than a document allows: without an
// Allow there is no allowance.
TEST(Grammar, SurvivesAnyBytes) {
  const auto seed = static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string good =
      R"({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]})";
  const std::string alphabet = R"({}[]",:*?$\AllowDeny0123456789)";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (auto n = 1 + random() % 4; n > 0; --n) text[random() % text.size()] = alphabet[random() % alphabet.size()];
    if (random() % 4 == 0) text.resize(random() % text.size());
    const auto document = parse_document(text, Kind::identity);
    if (!document) continue;
    Question question;
    question.requester.kind = Requester::Kind::user;
    question.action = "s3:GetObject";
    question.resource = "arn:aws:s3:::b/k";
    Policies policies;
    policies.identity.push_back({"p", &*document});
    const bool has_allow =
        std::ranges::any_of(document->statements, [](const Statement& s) { return s.effect == Effect::allow; });
    if (evaluate(policies, question).allowed) {
      EXPECT_TRUE(has_allow) << text;
    }
  }
}

}  // namespace
}  // namespace millrace::iam::policy
