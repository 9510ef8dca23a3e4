#pragma once
// What can be said of a policy's text without deciding anything by it: its size as IAM counts it, where its statements
// stand, and which condition keys it reads. Pure.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "iam/policy/document.h"

namespace millrace::iam {

// Characters without white space (IAM User Guide, "IAM and AWS STS quotas").
std::size_t significant_size(std::string_view document);

// Lines and columns start at 1. A statement begins behind its opening brace and ends behind its closing one, as the
// policy simulator counts (documented example: '{"Version":"2012-10-17","Statement":{' begins at column 38).
struct Position {
  std::uint32_t line = 0, column = 0;
};
struct Span {
  Position start, end;
};
// One for each statement of a document that policy::parse_document takes, in order.
std::vector<Span> statement_spans(std::string_view document);

// The keys of its conditions and of the policy variables in its resources and condition values.
std::set<std::string> context_keys(const policy::Document& document);
std::set<std::string> context_keys(const policy::Statement& statement, const policy::Document& document);

}  // namespace millrace::iam
