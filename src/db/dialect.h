#pragma once
// SQL that backends spell differently, by what it says: sqlite/dialect.cpp has SQLite's words for it. All other
// statements are SQL that is portable, but for the tables: they are made by migrations (STRICT, WITHOUT ROWID).

#include <string>
#include <string_view>

// After a term: compared, and sorted, whatever the case of its ASCII letters. A macro, so that it can stand in a
// literal of SQL.
#define MR_SQL_ANY_CASE " COLLATE NOCASE"

namespace millrace::db {

// Terms over columns; whoever makes a statement of them does it from its own names, never from a client's.
// The value of a member of a JSON object; NULL where it has none.
std::string json_member(std::string_view column, std::string_view member);
// Has a JSON object this member with this text? Two parameters: the member, its text.
std::string json_has(std::string_view column);
// Does a text contain another, whatever the case of ASCII letters? One parameter.
std::string contains_text(std::string_view column);

}  // namespace millrace::db
