#include <cstddef>
#include <cstdint>
#include <string_view>

#include "iam/policy/evaluate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  using namespace millrace::iam::policy;
  for (const Kind kind : {Kind::identity, Kind::resource, Kind::trust}) {
    const auto document = parse_document(text, kind);
    if (!document) continue;
    Question question;
    question.action = "s3:GetObject";
    question.resource = "arn:aws:s3:::bucket/key";
    question.context["aws:username"] = {"ann"};
    Policies policies;
    policies.identity.push_back({"p", &*document});
    (void)evaluate(policies, question);
  }
  return 0;
}
