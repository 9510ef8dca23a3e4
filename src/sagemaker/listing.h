#pragma once
// The List operations' common request members, defaults and page tokens.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker {

// Reads NameContains, StatusEquals, the time bounds, SortBy, SortOrder, MaxResults (10 by default) and NextToken.
// Error: ValidationException for a token that is not ours or belongs to another query.
Result<ListQuery> parse_list_query(const Value& input, const ListDefaults& defaults);

// Where a page that ends with this resource ends: ListQuery::after of the next one.
std::pair<std::string, std::string> place_of(const ListQuery& query, const Resource& last);
// The token of the page after `last`, for the same query.
std::string next_token(const Value& input, const ListQuery& query, const Resource& last);

// A timestamp member: seconds since the epoch, or RFC 3339 text.
Result<Time> parse_timestamp(const Value& value);

}  // namespace millrace::sagemaker
