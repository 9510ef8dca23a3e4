#include "iam/dialect.h"

#include "iam/arn_members.h"

namespace millrace::iam {
namespace {

// The region of the partition's one endpoint: requests to it are signed for it, wherever they come from. Source: AWS
// General Reference, "AWS Identity and Access Management endpoints and quotas" and "AWS Security Token Service".
constexpr const char* kGlobalRegion = "us-east-1";

// What a name, a path and a document are made of, where other services show a pattern.
struct Sentence {
  std::string_view pattern, made_of;
};
constexpr Sentence kSentences[] = {
    {R"([\w+=,.@-]+)", "It must contain only alphanumeric characters and/or the following: +=,.@_-"},
    {R"((\x{002F})|(\x{002F}[\x{0021}-\x{007E}]+\x{002F}))",
     "It must begin and end with / and contain only alphanumeric characters and/or / characters."},
    {R"(((/[A-Za-z0-9\.,\+@=_-]+)*)/)",
     "It must begin and end with / and contain only alphanumeric characters and/or / characters."},
    {R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+)", "It must contain only printable ASCII characters."},
};

std::string_view made_of(std::string_view pattern) {
  for (const Sentence& sentence : kSentences) {
    if (sentence.pattern == pattern) return sentence.made_of;
  }
  return "";
}

}  // namespace

aws::Dialect iam_dialect() {
  aws::Dialect dialect;
  dialect.regions = {kGlobalRegion};
  dialect.validation.made_of = made_of;
  dialect.prepare = check_policy_arns;
  return dialect;
}

aws::Dialect sts_dialect() {
  aws::Dialect dialect;
  dialect.regions = {kGlobalRegion};
  dialect.unsigned_requests = aws::Dialect::Unsigned::forms;
  dialect.prepare = check_role_arn;
  return dialect;
}

}  // namespace millrace::iam
