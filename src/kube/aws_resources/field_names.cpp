#include "kube/aws_resources/field_names.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace millrace::kube {
namespace {

struct Initialism {
  std::string_view word, written;
};
constexpr Initialism kInitialisms[] = {{"ami", "AMI"}, {"arn", "ARN"}, {"gb", "GB"},   {"iam", "IAM"}, {"id", "ID"},
                                       {"ids", "IDs"}, {"kms", "KMS"}, {"uri", "URI"}, {"url", "URL"}, {"vpc", "VPC"}};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// The length of the word that `text` begins with: "KMSKey" begins with "KMS", "S3Uri" with "S3", "GB" with all of it.
std::size_t word_length(std::string_view text) {
  std::size_t upper = 0;
  while (upper < text.size() && is_upper(text[upper])) ++upper;
  if (upper > 1 && upper < text.size() && is_lower(text[upper])) return upper - 1;
  std::size_t end = upper;
  const bool capitals = upper > 1;
  while (end < text.size() && (is_digit(text[end]) || (!capitals && is_lower(text[end])))) ++end;
  return std::max<std::size_t>(end, 1);
}

const Initialism* initialism(const std::string& lower_case) {
  const auto found = std::ranges::find(kInitialisms, lower_case, &Initialism::word);
  return found == std::end(kInitialisms) ? nullptr : found;
}

}  // namespace

std::string resource_field(std::string_view aws_member) {
  if (aws_member == "Type") return "type_";  // a word of Go's
  std::string field;
  while (!aws_member.empty()) {
    const std::string word(aws_member.substr(0, word_length(aws_member)));
    aws_member.remove_prefix(word.size());
    const std::string lower = to_lower(word);
    const Initialism* known = initialism(lower);
    const bool capitals = std::ranges::none_of(word, is_lower);
    if (!field.empty()) {
      field += known != nullptr ? std::string(known->written) : word;
    } else if (known != nullptr || capitals) {
      field = lower;
    } else {
      field = word;
      field.front() = lower.front();
    }
  }
  return field;
}

}  // namespace millrace::kube
