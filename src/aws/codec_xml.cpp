#include <pugixml.hpp>

#include <fmt/core.h>

#include "aws/codec.h"
#include "base/strings.h"

namespace millrace::aws {
namespace {

constexpr std::size_t kDepthLimit = 64;

std::string_view wire_name(const Member& member) {
  return member.location_name.empty() ? std::string_view(member.name) : std::string_view(member.location_name);
}

// "ns:Name" → "Name": prefixes carry nothing that the models ask for.
std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool is_flat(const Shape& shape, const Member* member) {
  return shape.flattened || (member != nullptr && member->flattened);
}

Value read_node(const Shape& shape, const pugi::xml_node& node, std::size_t depth);

Value read_list(const Shape& shape, const std::vector<pugi::xml_node>& nodes, bool flat, std::size_t depth) {
  Value list = Value::array();
  if (flat) {
    for (const auto& node : nodes) list.push(read_node(*shape.element.shape, node, depth + 1));
  } else if (!nodes.empty()) {
    for (const auto& item : nodes.front().children()) {
      if (item.type() == pugi::node_element) list.push(read_node(*shape.element.shape, item, depth + 1));
    }
  }
  return list;
}

Value read_map(const Shape& shape, const std::vector<pugi::xml_node>& nodes, bool flat, std::size_t depth) {
  Value map = Value::object();
  const auto add = [&](const pugi::xml_node& entry) {
    const std::string key_name(shape.key.location_name.empty() ? "key" : shape.key.location_name);
    const std::string value_name(shape.element.location_name.empty() ? "value" : shape.element.location_name);
    map.set(entry.child_value(key_name.c_str()),
            read_node(*shape.element.shape, entry.child(value_name.c_str()), depth + 1));
  };
  if (flat) {
    for (const auto& node : nodes) add(node);
  } else if (!nodes.empty()) {
    for (const auto& entry : nodes.front().children()) add(entry);
  }
  return map;
}

Value read_node(const Shape& shape, const pugi::xml_node& node, std::size_t depth) {
  if (depth > kDepthLimit) return Value();
  switch (shape.type) {
    case Shape::Type::structure: {
      Value value = Value::object();
      for (const Member& member : shape.members) {
        if (!member.location.empty()) continue;
        if (member.xml_attribute) {
          const std::string name(wire_name(member));
          if (const auto attribute = node.attribute(name.c_str()))
            value.set(member.name, scalar_from_text(*member.shape, attribute.value()));
          continue;
        }
        const bool is_list = member.shape->type == Shape::Type::list, is_map = member.shape->type == Shape::Type::map;
        const bool flat = is_flat(*member.shape, &member);
        std::string_view name = wire_name(member);
        if (is_list && flat && member.location_name.empty() && !member.shape->element.location_name.empty()) {
          name = member.shape->element.location_name;
        }
        std::vector<pugi::xml_node> found;
        for (const auto& child : node.children()) {
          if (child.type() == pugi::node_element && local_name(child) == name) found.push_back(child);
        }
        if (found.empty()) continue;
        if (is_list)
          value.set(member.name, read_list(*member.shape, found, flat, depth));
        else if (is_map)
          value.set(member.name, read_map(*member.shape, found, flat, depth));
        else
          value.set(member.name, read_node(*member.shape, found.front(), depth + 1));
      }
      return value;
    }
    case Shape::Type::list:
      return read_list(shape, {node}, false, depth);
    case Shape::Type::map:
      return read_map(shape, {node}, false, depth);
    default:
      return scalar_from_text(shape, node.text().get());
  }
}

Result<pugi::xml_node> parse(pugi::xml_document& document, std::string_view text) {
  const auto result =
      document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
  if (!result || !document.document_element()) {
    return fail(Code::invalid_argument,
                "The XML you provided was not well-formed or did not validate against our published schema",
                "MalformedXML");
  }
  return document.document_element();
}

pugi::xml_node find_element(const pugi::xml_node& node, std::string_view name, std::size_t depth) {
  if (depth > kDepthLimit) return {};
  for (const auto& child : node.children()) {
    if (local_name(child) == name) return child;
    if (const auto found = find_element(child, name, depth + 1)) return found;
  }
  return {};
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#xD;";
        break;
      default:
        // Other control characters cannot stand in XML 1.0 at all.
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
          out += fmt::format("&#x{:X};", static_cast<unsigned>(c));
        else
          out += c;
    }
  }
  return out;
}

void write_xml_members(std::string& out, const Shape& structure, const Value& value) {
  for (const Member& member : structure.members) {
    const Value& item = value[member.name];
    if (item.is_null() || !member.location.empty() || member.xml_attribute) continue;
    std::string_view name = wire_name(member);
    if (member.shape->type == Shape::Type::list && is_flat(*member.shape, &member) && member.location_name.empty() &&
        !member.shape->element.location_name.empty()) {
      name = member.shape->element.location_name;
    }
    write_xml(out, name, *member.shape, item, &member);
  }
}

void write_xml(std::string& out, std::string_view name, const Shape& shape, const Value& value, const Member* member) {
  const auto open = [&](std::string_view attributes = {}) {
    out += '<';
    out += name;
    out += attributes;
    out += '>';
  };
  const auto close = [&] {
    out += "</";
    out += name;
    out += '>';
  };
  const bool flat = is_flat(shape, member);
  switch (shape.type) {
    case Shape::Type::structure: {
      std::string attributes;
      for (const Member& inner : shape.members) {
        if (inner.xml_attribute && value[inner.name].is_string()) {
          attributes += fmt::format(" {}=\"{}\"", wire_name(inner), escape_xml(value[inner.name].as_string()));
          // S3's grantee types: the prefix has to be declared where it stands.
          if (wire_name(inner).starts_with("xsi:"))
            attributes += " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
        }
      }
      open(attributes);
      write_xml_members(out, shape, value);
      close();
      return;
    }
    case Shape::Type::list: {
      if (flat) {
        for (const Value& item : value.items()) write_xml(out, name, *shape.element.shape, item, nullptr);
        return;
      }
      open();
      const std::string_view item_name = shape.element.location_name.empty()
                                             ? std::string_view("member")
                                             : std::string_view(shape.element.location_name);
      for (const Value& item : value.items()) write_xml(out, item_name, *shape.element.shape, item, nullptr);
      close();
      return;
    }
    case Shape::Type::map: {
      const std::string_view key_name =
          shape.key.location_name.empty() ? std::string_view("key") : std::string_view(shape.key.location_name);
      const std::string_view value_name = shape.element.location_name.empty()
                                              ? std::string_view("value")
                                              : std::string_view(shape.element.location_name);
      if (!flat) open();
      for (const auto& [key, item] : value.members()) {
        out += flat ? fmt::format("<{}>", name) : "<entry>";
        out += fmt::format("<{0}>{1}</{0}>", key_name, escape_xml(key));
        write_xml(out, value_name, *shape.element.shape, item, nullptr);
        out += flat ? fmt::format("</{}>", name) : "</entry>";
      }
      if (!flat) close();
      return;
    }
    default:
      open();
      out += escape_xml(scalar_text(
          shape, value, member != nullptr && !member->timestamp_format.empty() ? member->timestamp_format : "iso8601"));
      close();
  }
}

Result<Value> read_xml(const Shape& shape, std::string_view text) { return read_xml_result(shape, text, ""); }

Result<Value> read_xml_result(const Shape& shape, std::string_view text, std::string_view wrapper) {
  pugi::xml_document document;
  const pugi::xml_node root = MR_TRY(parse(document, text));
  if (wrapper.empty()) return read_node(shape, root, 0);
  const pugi::xml_node inner = find_element(root, wrapper, 0);
  return inner ? read_node(shape, inner, 0) : Value::object();
}

std::pair<std::string, std::string> read_xml_error(std::string_view text) {
  pugi::xml_document document;
  const auto root = parse(document, text);
  if (!root) return {};
  const pugi::xml_node error = local_name(*root) == "Error" ? *root : find_element(*root, "Error", 0);
  return {error.child_value("Code"), error.child_value("Message")};
}

}  // namespace millrace::aws
