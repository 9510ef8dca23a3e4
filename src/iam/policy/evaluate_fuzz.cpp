// The evaluator against the naïve one, on policies and requests chosen by the fuzzer's bytes.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "iam/policy/generated_case.h"
#include "iam/policy/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::iam::policy;
  std::size_t at = 0;
  CaseMaker maker([&](std::size_t n) { return at < size ? data[at++] % n : 0; });
  const naive::Request request = maker.request();
  const naive::PolicySet set{maker.documents(Kind::identity, 3, 1), maker.documents(Kind::resource, 2, 2),
                             maker.documents(Kind::identity, 2, 3), maker.documents(Kind::identity, 2, 3)};
  const Parsed parsed = parse_all(set);
  const Question question = question_of(request);
  const std::string ours = said(evaluate(parsed.policies, question)), theirs = naive::decide(set, request);
  (void)trace(parsed.policies, question);
  if (!parsed.refused.empty() || ours != theirs) {
    std::fprintf(stderr, "%s; ours: %s, the naive one's: %s\n", parsed.refused.c_str(), ours.c_str(), theirs.c_str());
    for (const auto* list : {&set.identity, &set.resource, &set.boundary, &set.session}) {
      for (const auto& document : *list) std::fprintf(stderr, "%s\n", millrace::to_json(document).c_str());
    }
    std::abort();
  }
  return 0;
}
