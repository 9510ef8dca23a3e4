#include "iam/managed_policies.h"

#include <map>

#include "base/strings.h"

// The hash of the text stands in the object, so that a compiler cache, which does not see what .incbin reads, takes a
// changed file for a changed source.
extern const char millrace_managed_policies_hash[];
const char millrace_managed_policies_hash[] = MILLRACE_MANAGED_POLICIES_HASH;

__asm__(".section .rodata\n.balign 16\nmillrace_managed_policies:\n.incbin \"" MILLRACE_MANAGED_POLICIES
        "\"\nmillrace_managed_policies_end:\n.byte 0\n.previous\n");
extern "C" const char millrace_managed_policies[] __attribute__((visibility("hidden")));
extern "C" const char millrace_managed_policies_end[] __attribute__((visibility("hidden")));

namespace millrace::iam {
namespace {

// "=== Name /path/ ANPA… v2 created updated", then the document until the next such line.
std::vector<ManagedPolicy> read() {
  std::vector<ManagedPolicy> policies;
  std::string_view rest(millrace_managed_policies,
                        static_cast<std::size_t>(millrace_managed_policies_end - millrace_managed_policies));
  while (rest.starts_with("=== ")) {
    const std::size_t line = rest.find('\n');
    std::size_t end = rest.find("\n=== ", line);
    if (end == std::string_view::npos) end = rest.size() - 1;
    const auto fields = split(rest.substr(0, line), ' ');
    ManagedPolicy policy;
    if (fields.size() == 7) {
      policy.name = fields[1];
      policy.path = fields[2];
      policy.id = fields[3];
      policy.version = fields[4];
      policy.created = parse_rfc3339(fields[5]).value_or(Time{});
      policy.updated = parse_rfc3339(fields[6]).value_or(Time{});
      policy.document = rest.substr(line + 1, end - line - 1);
      policy.arn = "arn:aws:iam::aws:policy" + std::string(policy.path) + std::string(policy.name);
      policies.push_back(std::move(policy));
    }
    rest.remove_prefix(end + 1);
  }
  return policies;
}

}  // namespace

const std::vector<ManagedPolicy>& managed_policies() {
  static const std::vector<ManagedPolicy> policies = read();
  return policies;
}

const ManagedPolicy* managed_policy(std::string_view arn) {
  static const auto index = [] {
    std::map<std::string_view, const ManagedPolicy*> by_arn;
    for (const ManagedPolicy& policy : managed_policies()) by_arn.emplace(policy.arn, &policy);
    return by_arn;
  }();
  const auto found = index.find(arn);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace millrace::iam
