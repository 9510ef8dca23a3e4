#include "aws/rest.h"

#include <algorithm>

#include <fmt/core.h>

#include "aws/codec.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::aws {
namespace {

struct UriTemplate {
  std::string_view path;
  std::vector<std::pair<std::string, std::string>> constants;
};

UriTemplate parse_template(std::string_view uri) {
  UriTemplate parsed;
  const std::size_t question = uri.find('?');
  parsed.path = uri.substr(0, question);
  if (question != std::string_view::npos) {
    for (auto& [name, value] : net::parse_query(uri.substr(question + 1))) {
      if (name != "x-id") parsed.constants.emplace_back(name, value);
    }
  }
  return parsed;
}

std::string decoded(std::string_view text) {
  auto result = percent_decode(text);
  return result ? std::move(*result) : std::string(text);
}

// "/{Bucket}/{Key+}" against "/b/a/c%20d": a greedy label takes the rest and may hold slashes.
bool match_path(std::string_view pattern, std::string_view path, Value& labels) {
  labels = Value::object();
  while (true) {
    if (pattern.empty() || pattern == "/") return path.empty() || path == "/";
    if (path.empty() || path[0] != '/' || pattern[0] != '/') return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::size_t pattern_end = pattern.find('/');
    const std::string_view part = pattern.substr(0, pattern_end);
    const bool label = part.size() > 2 && part.front() == '{';
    if (label && part.ends_with("+}")) {
      if (path.empty()) return false;
      labels.set(part.substr(1, part.size() - 3), decoded(path));
      return true;
    }
    const std::size_t path_end = path.find('/');
    const std::string_view segment = path.substr(0, path_end);
    if (label) {
      if (segment.empty()) return false;
      labels.set(part.substr(1, part.size() - 2), decoded(segment));
    } else if (part != segment) {
      return false;
    }
    pattern = pattern_end == std::string_view::npos ? std::string_view() : pattern.substr(pattern_end);
    path = path_end == std::string_view::npos ? std::string_view() : path.substr(path_end);
  }
}

std::string_view wire_name(const Member& member) {
  return member.location_name.empty() ? std::string_view(member.name) : std::string_view(member.location_name);
}

bool has_body_members(const Shape& shape) {
  return std::any_of(shape.members.begin(), shape.members.end(),
                     [](const Member& member) { return member.location.empty(); });
}

void read_header_members(const Shape& shape, const net::Headers& headers, Value& value) {
  for (const Member& member : shape.members) {
    if (member.location == "header") {
      if (const std::string* text = headers.find(wire_name(member))) {
        if (member.shape->type == Shape::Type::list) {
          Value list = Value::array();
          for (const std::string_view part : split(*text, ','))
            list.push(scalar_from_text(*member.shape->element.shape, trim(part)));
          value.set(member.name, std::move(list));
        } else if (member.shape->type == Shape::Type::string) {
          value.set(member.name, *text);
        } else {
          value.set(member.name, scalar_from_text(*member.shape, *text));
        }
      }
    } else if (member.location == "headers") {
      Value map = Value::object();
      for (const auto& [name, text] : headers.fields()) {
        const std::string lower = to_lower(name);
        const std::string prefix = to_lower(wire_name(member));
        if (lower.starts_with(prefix)) map.set(lower.substr(prefix.size()), text);
      }
      if (!map.empty()) value.set(member.name, std::move(map));
    }
  }
}

std::string header_text(const Member& member, const Value& value) {
  if (member.shape->type == Shape::Type::list) {
    std::vector<std::string> parts;
    for (const Value& item : value.items()) parts.push_back(scalar_text(*member.shape->element.shape, item, "rfc822"));
    return join(parts, ",");
  }
  return scalar_text(*member.shape, value, "rfc822");
}

void write_header_members(const Shape& shape, const Value& value, net::Headers& headers) {
  for (const Member& member : shape.members) {
    const Value& item = value[member.name];
    if (item.is_null()) continue;
    if (member.location == "header") headers.set(wire_name(member), header_text(member, item));
    if (member.location == "headers") {
      for (const auto& [key, text] : item.members())
        headers.set(std::string(wire_name(member)) + key, text.string_or());
    }
  }
}

std::string xml_document(std::string_view root, const Shape& shape, const Value& value,
                         std::string_view xml_namespace) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += xml_namespace.empty() ? fmt::format("<{}>", root) : fmt::format("<{} xmlns=\"{}\">", root, xml_namespace);
  write_xml_members(out, shape, value);
  out += fmt::format("</{}>", root);
  return out;
}

}  // namespace

std::optional<RestMatch> match_rest(const ServiceModel& model, const net::Request& request, std::string_view path,
                                    std::string& refused) {
  const auto query = net::parse_query(request.raw_query);
  const auto in_query = [&](std::string_view name) -> const std::string* {
    for (const auto& [key, value] : query) {
      if (key == name) return &value;
    }
    return nullptr;
  };
  // A trailing slash after the bucket alone is the bucket itself.
  if (path.size() > 1 && path.ends_with('/') && std::count(path.begin(), path.end(), '/') == 2) path.remove_suffix(1);
  std::optional<RestMatch> best;
  std::size_t best_score = 0;
  const OperationModel* chosen = nullptr;
  for (const auto& [name, operation] : model.operations) {
    if (operation.method != request.method) continue;
    const UriTemplate uri = parse_template(operation.request_uri);
    Value labels;
    if (!match_path(uri.path, path, labels)) continue;
    std::size_t score = 1;
    bool fits = true;
    for (const auto& [key, constant] : uri.constants) {
      const std::string* value = in_query(key);
      fits = fits && value != nullptr && (constant.empty() || *value == constant);
      score += 2;
    }
    if (operation.input != nullptr) {
      for (const std::string& required : operation.input->required) {
        const Member* member = operation.input->member(required);
        if (member == nullptr) continue;
        if (member->location == "querystring") {
          fits = fits && in_query(wire_name(*member)) != nullptr;
          ++score;
        } else if (member->location == "header") {
          fits = fits && request.headers.has(wire_name(*member));
          ++score;
        }
      }
    }
    if (fits && score > best_score) {
      best_score = score;
      best = RestMatch{&operation, std::move(labels)};
      chosen = &operation;
    }
  }
  // A feature that is named by a bare query parameter: asking for one that is not served must not become another
  // operation.
  for (const std::string& name : model.sub_resources) {
    if (in_query(name) == nullptr) continue;
    bool served = false;
    if (chosen != nullptr) {
      for (const auto& constant : parse_template(chosen->request_uri).constants)
        served = served || constant.first == name;
    }
    if (!served) {
      refused = fmt::format("{} of ?{} is not served here", request.method, name);
      return std::nullopt;
    }
  }
  if (!best) refused = fmt::format("{} {} is not an operation that is served here", request.method, path);
  return best;
}

const Member* streaming_input(const OperationModel& operation) {
  if (operation.input == nullptr || operation.input->payload.empty()) return nullptr;
  const Member* member = operation.input->member(operation.input->payload);
  return member != nullptr && (member->streaming || member->shape->streaming) ? member : nullptr;
}

Result<Value> read_rest_input(const ServiceModel& model, const OperationModel& operation, const Value& labels,
                              const net::Request& request, std::string body) {
  Value value = Value::object();
  if (operation.input == nullptr) return value;
  const Shape& shape = *operation.input;
  const auto query = net::parse_query(request.raw_query);
  for (const Member& member : shape.members) {
    if (member.location == "uri") {
      if (const Value* label = labels.find(wire_name(member)))
        value.set(member.name, scalar_from_text(*member.shape, label->string_or()));
    } else if (member.location == "querystring") {
      for (const auto& [key, text] : query) {
        if (key != wire_name(member)) continue;
        if (member.shape->type == Shape::Type::list)
          value.child(member.name).push(scalar_from_text(*member.shape->element.shape, text));
        else
          value.set(member.name, scalar_from_text(*member.shape, text));
      }
    }
  }
  read_header_members(shape, request.headers, value);
  if (streaming_input(operation) != nullptr) return value;
  if (!shape.payload.empty()) {
    const Member& payload = *shape.member(shape.payload);
    if (payload.shape->type == Shape::Type::structure) {
      if (!body.empty()) {
        if (model.protocol == Protocol::rest_xml)
          value.set(payload.name, MR_TRY(read_xml(*payload.shape, body)));
        else
          value.set(payload.name, MR_TRY(from_wire_json(*payload.shape, MR_TRY(parse_json(body)))));
      }
    } else {
      value.set(payload.name, std::move(body));
    }
  } else if (!body.empty() && has_body_members(shape)) {
    const Value members = model.protocol == Protocol::rest_xml
                              ? MR_TRY(read_xml(shape, body))
                              : MR_TRY(from_wire_json(shape, MR_TRY(parse_json(body))));
    for (const auto& [name, item] : members.members()) value.set(name, item);
  }
  return value;
}

void write_rest_output(const ServiceModel& model, const OperationModel& operation, const Value& members,
                       net::Response& response) {
  if (response.status == 0) response.status = operation.response_code;
  if (operation.output == nullptr) return;
  const Shape& shape = *operation.output;
  write_header_members(shape, members, response.headers);
  if (!response.body.empty() || response.file || response.stream || !response.static_body.empty()) return;
  const bool xml = model.protocol == Protocol::rest_xml;
  const std::string_view content_type = xml ? "application/xml" : "application/json";
  if (!operation.text_output.empty()) {
    response.body =
        fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{0} xmlns=\"{1}\">{2}</{0}>", operation.text_output,
                    model.xml_namespace, escape_xml(members[operation.text_output].string_or()));
    response.headers.set("Content-Type", content_type);
  } else if (!shape.payload.empty()) {
    const Member& payload = *shape.member(shape.payload);
    const Value& value = members[payload.name];
    if (payload.shape->type == Shape::Type::structure) {
      response.body = xml ? xml_document(wire_name(payload), *payload.shape, value, model.xml_namespace)
                          : to_json(to_wire_json(*payload.shape, value));
      response.headers.set("Content-Type", content_type);
    } else {
      response.body = value.string_or();
      if (payload.shape->type == Shape::Type::string && !response.headers.has("content-type"))
        response.headers.set("Content-Type", "application/json");
    }
  } else if (has_body_members(shape)) {
    response.body = xml ? xml_document(operation.output_root.empty() ? "Result" : operation.output_root, shape, members,
                                       model.xml_namespace)
                        : to_json(to_wire_json(shape, members));
    response.headers.set("Content-Type", content_type);
  }
}

RestRequest build_rest_request(const ServiceModel& model, const OperationModel& operation, const Value& input) {
  RestRequest request;
  const UriTemplate uri = parse_template(operation.request_uri);
  request.path = std::string(uri.path);
  const auto add_query = [&](std::string_view name, std::string_view value) {
    request.query +=
        fmt::format("{}{}={}", request.query.empty() ? "" : "&", percent_encode(name), percent_encode(value));
  };
  for (const auto& [name, value] : uri.constants) add_query(name, value);
  if (operation.input == nullptr) return request;
  const Shape& shape = *operation.input;
  for (const Member& member : shape.members) {
    const Value& item = input[member.name];
    if (item.is_null()) continue;
    if (member.location == "uri") {
      const std::string name(wire_name(member));
      const std::string text = scalar_text(*member.shape, item, "iso8601");
      request.path = replace_all(request.path, "{" + name + "+}", percent_encode(text, true));
      request.path = replace_all(request.path, "{" + name + "}", percent_encode(text));
    } else if (member.location == "querystring") {
      add_query(wire_name(member), scalar_text(*member.shape, item, "iso8601"));
    }
  }
  write_header_members(shape, input, request.headers);
  if (!shape.payload.empty()) {
    const Member& payload = *shape.member(shape.payload);
    const Value& item = input[payload.name];
    if (payload.shape->type != Shape::Type::structure) {
      request.body = item.string_or();
    } else if (!item.is_null()) {
      request.body = model.protocol == Protocol::rest_xml
                         ? xml_document(wire_name(payload), *payload.shape, item, model.xml_namespace)
                         : to_json(to_wire_json(*payload.shape, item));
    }
  } else if (has_body_members(shape)) {
    request.body = model.protocol == Protocol::rest_xml
                       ? xml_document(operation.input_root, shape, input, model.xml_namespace)
                       : to_json(to_wire_json(shape, input));
  }
  if (!request.body.empty() && !request.headers.has("content-type")) {
    request.headers.set("Content-Type", model.protocol == Protocol::rest_xml ? "application/xml" : "application/json");
  }
  return request;
}

Result<Value> read_rest_output(const ServiceModel& model, const OperationModel& operation, const net::Headers& headers,
                               std::string body) {
  Value value = Value::object();
  if (operation.output == nullptr) return value;
  const Shape& shape = *operation.output;
  read_header_members(shape, headers, value);
  if (!operation.text_output.empty()) {
    const std::size_t start = body.rfind("\">"), end = body.rfind("</");
    if (start != std::string::npos && end != std::string::npos && end > start + 2)
      value.set(operation.text_output, body.substr(start + 2, end - start - 2));
    return value;
  }
  if (!shape.payload.empty()) {
    const Member& payload = *shape.member(shape.payload);
    if (payload.shape->type != Shape::Type::structure) {
      value.set(payload.name, std::move(body));
    } else if (!body.empty()) {
      value.set(payload.name, model.protocol == Protocol::rest_xml
                                  ? MR_TRY(read_xml(*payload.shape, body))
                                  : MR_TRY(from_wire_json(*payload.shape, MR_TRY(parse_json(body)))));
    }
  } else if (!body.empty() && has_body_members(shape)) {
    const Value members = model.protocol == Protocol::rest_xml
                              ? MR_TRY(read_xml(shape, body))
                              : MR_TRY(from_wire_json(shape, MR_TRY(parse_json(body))));
    for (const auto& [name, item] : members.members()) value.set(name, item);
  }
  return value;
}

}  // namespace millrace::aws
