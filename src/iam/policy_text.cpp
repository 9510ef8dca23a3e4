#include "iam/policy_text.h"

#include <algorithm>

#include "base/strings.h"

namespace millrace::iam {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// "${aws:username}", "${aws:PrincipalTag/team, 'none'}"; "${*}", "${?}" and "${$}" are no keys.
void variables_of(std::string_view text, std::set<std::string>& keys) {
  for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos) return;
    std::string_view name = text.substr(at + 2, close - at - 2);
    name = trim(name.substr(0, name.find(',')));
    if (name.find(':') != std::string_view::npos) keys.emplace(name);
  }
}

}  // namespace

std::size_t significant_size(std::string_view document) {
  return document.size() - static_cast<std::size_t>(std::count_if(document.begin(), document.end(), is_space));
}

std::vector<Span> statement_spans(std::string_view document) {
  std::vector<Span> spans;
  Position here{1, 1};
  int depth = 0;
  bool in_text = false, in_statement = false, key_is_statement = false;
  std::string text;  // the last string read: a key of the document, at depth 1
  int statement_depth = 0;
  Position start;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    if (c == '\n') {
      ++here.line;
      here.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++here.column;
    }
    if (in_text) {
      if (c == '\\') {
        ++i;
        ++here.column;
      } else if (c == '"') {
        in_text = false;
      } else {
        text += c;
      }
      continue;
    }
    switch (c) {
      case '"':
        in_text = true;
        text.clear();
        break;
      case ':':
        if (depth == 1) key_is_statement = text == "Statement";
        break;
      case '{':
      case '[':
        ++depth;
        // The value of "Statement" is one statement or a list of them.
        if (c == '{' && key_is_statement && !in_statement && (depth == 2 || depth == 3)) {
          in_statement = true;
          statement_depth = depth;
          start = here;
        }
        break;
      case '}':
      case ']':
        if (c == '}' && in_statement && depth == statement_depth) {
          spans.push_back({start, here});
          in_statement = false;
        }
        --depth;
        break;
      default:
        break;
    }
  }
  return spans;
}

std::set<std::string> context_keys(const policy::Statement& statement, const policy::Document& document) {
  std::set<std::string> keys;
  const bool variables = document.version == "2012-10-17";
  for (const policy::Condition& condition : statement.conditions) {
    keys.insert(condition.key);
    if (!variables) continue;
    for (const std::string& value : condition.values) variables_of(value, keys);
  }
  if (variables) {
    for (const std::string& resource : statement.resources) variables_of(resource, keys);
  }
  return keys;
}

std::set<std::string> context_keys(const policy::Document& document) {
  std::set<std::string> keys;
  for (const policy::Statement& statement : document.statements) keys.merge(context_keys(statement, document));
  return keys;
}

}  // namespace millrace::iam
