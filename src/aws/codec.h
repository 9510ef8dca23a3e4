#pragma once
// Values to and from the wire, led by their shapes. In a Value a timestamp is a number of seconds since 1970 and a blob
// is raw bytes, whatever the wire makes of them.
// Source: AWS SDK protocol definitions "AWS JSON 1.1", "AWS Query", "REST XML", "REST JSON".

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/model.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::aws {

// JSON. Members without a value are left out; unknown members are dropped when writing, kept when reading.
Result<Value> from_wire_json(const Shape& shape, const Value& wire);
Value to_wire_json(const Shape& shape, const Value& value);

// XML. write: one element `name` for the value (a flattened list: one for each item).
void write_xml(std::string& out, std::string_view name, const Shape& shape, const Value& value, const Member* member);
void write_xml_members(std::string& out, const Shape& structure, const Value& value);  // body members only
std::string escape_xml(std::string_view text);
// Reads a document's root element as `shape`. Errors: invalid_argument, reason MalformedXML.
Result<Value> read_xml(const Shape& shape, std::string_view text);
// The same for the element named `wrapper` beneath the root (query results); empty: the root itself.
Result<Value> read_xml_result(const Shape& shape, std::string_view text, std::string_view wrapper);
// <Error><Code/><Message/></Error>, wherever it stands.
std::pair<std::string, std::string> read_xml_error(std::string_view text);

// AWS Query forms.
using Form = std::vector<std::pair<std::string, std::string>>;
Value read_query(const Shape& shape, const Form& form);
void write_query(Form& form, const Shape& shape, const Value& value, const std::string& prefix);

// One scalar as text (headers, labels, query parameters, XML, forms).
std::string scalar_text(const Shape& shape, const Value& value, std::string_view timestamp_format);
Value scalar_from_text(const Shape& shape, std::string_view text);  // text that does not fit stays a string

}  // namespace millrace::aws
