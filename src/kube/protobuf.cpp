#include "kube/protobuf.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <fmt/core.h>

#include "base/encode.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kMagic("k8s\0", 4);

tl::unexpected<Error> malformed() {
  return fail(Code::invalid_argument, "the request's body is not well-formed Kubernetes protobuf");
}

// One field of a message: a number, or bytes. Groups are not used by Kubernetes.
struct Field {
  std::uint32_t number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;
  bool has_bytes = false;
};

class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  bool at_end() const { return data_.empty(); }

  Result<Field> next() {
    const auto tag = MR_TRY(varint());
    Field field;
    field.number = static_cast<std::uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0:
        field.integer = MR_TRY(varint());
        return field;
      case 1:
        MR_TRY(take(8));
        return field;
      case 2:
        field.bytes = MR_TRY(take(MR_TRY(varint())));
        field.has_bytes = true;
        return field;
      case 5:
        MR_TRY(take(4));
        return field;
      default:
        return malformed();
    }
  }

 private:
  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !data_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(data_.front());
      data_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return malformed();
  }
  Result<std::string_view> take(std::uint64_t size) {
    if (size > data_.size()) return malformed();
    const auto taken = data_.substr(0, static_cast<std::size_t>(size));
    data_.remove_prefix(static_cast<std::size_t>(size));
    return taken;
  }
  std::string_view data_;
};

enum class FieldKind { text, base64, integer, boolean, texts, text_map, base64_map, message, messages };
struct Member {
  std::uint32_t number;
  std::string_view name;
  FieldKind kind;
  std::span<const Member> members = {};
};

constexpr Member kOwnerReference[] = {
    {1, "kind", FieldKind::text},          {3, "name", FieldKind::text},
    {4, "uid", FieldKind::text},           {5, "apiVersion", FieldKind::text},
    {6, "controller", FieldKind::boolean}, {7, "blockOwnerDeletion", FieldKind::boolean}};
constexpr Member kObjectMeta[] = {{1, "name", FieldKind::text},
                                  {2, "generateName", FieldKind::text},
                                  {4, "namespace", FieldKind::text},
                                  {5, "uid", FieldKind::text},
                                  {6, "resourceVersion", FieldKind::text},
                                  {11, "labels", FieldKind::text_map},
                                  {12, "annotations", FieldKind::text_map},
                                  {13, "ownerReferences", FieldKind::messages, kOwnerReference},
                                  {14, "finalizers", FieldKind::texts}};
constexpr Member kSecret[] = {{1, "metadata", FieldKind::message, kObjectMeta},
                              {2, "data", FieldKind::base64_map},
                              {3, "type", FieldKind::text},
                              {4, "stringData", FieldKind::text_map},
                              {5, "immutable", FieldKind::boolean}};
constexpr Member kConfigMap[] = {{1, "metadata", FieldKind::message, kObjectMeta},
                                 {2, "data", FieldKind::text_map},
                                 {3, "binaryData", FieldKind::base64_map},
                                 {4, "immutable", FieldKind::boolean}};
constexpr Member kObjectReference[] = {{1, "kind", FieldKind::text},       {2, "namespace", FieldKind::text},
                                       {3, "name", FieldKind::text},       {4, "uid", FieldKind::text},
                                       {5, "apiVersion", FieldKind::text}, {6, "resourceVersion", FieldKind::text}};
constexpr Member kServiceAccount[] = {{1, "metadata", FieldKind::message, kObjectMeta},
                                      {2, "secrets", FieldKind::messages, kObjectReference},
                                      {4, "automountServiceAccountToken", FieldKind::boolean}};
constexpr Member kResourceAttributes[] = {{1, "namespace", FieldKind::text}, {2, "verb", FieldKind::text},
                                          {3, "group", FieldKind::text},     {4, "version", FieldKind::text},
                                          {5, "resource", FieldKind::text},  {6, "subresource", FieldKind::text},
                                          {7, "name", FieldKind::text}};
constexpr Member kNonResourceAttributes[] = {{1, "path", FieldKind::text}, {2, "verb", FieldKind::text}};
constexpr Member kAccessReviewSpec[] = {{1, "resourceAttributes", FieldKind::message, kResourceAttributes},
                                        {2, "nonResourceAttributes", FieldKind::message, kNonResourceAttributes}};
constexpr Member kAccessReview[] = {{2, "spec", FieldKind::message, kAccessReviewSpec}};
constexpr Member kRulesReviewSpec[] = {{1, "namespace", FieldKind::text}};
constexpr Member kRulesReview[] = {{2, "spec", FieldKind::message, kRulesReviewSpec}};
constexpr Member kSubjectReview[] = {{1, "metadata", FieldKind::message, kObjectMeta}};
constexpr Member kNamespace[] = {{1, "metadata", FieldKind::message, kObjectMeta}};
constexpr Member kPreconditions[] = {{1, "uid", FieldKind::text}, {2, "resourceVersion", FieldKind::text}};
constexpr Member kDeleteOptions[] = {{1, "gracePeriodSeconds", FieldKind::integer},
                                     {2, "preconditions", FieldKind::message, kPreconditions},
                                     {4, "propagationPolicy", FieldKind::text},
                                     {5, "dryRun", FieldKind::texts}};

Result<Value> read_message(std::string_view bytes, std::span<const Member> members);

Status add(Value& object, const Member& member, const Field& field) {
  const bool scalar = member.kind == FieldKind::integer || member.kind == FieldKind::boolean;
  if (field.has_bytes == scalar) return malformed();
  switch (member.kind) {
    case FieldKind::text:
      // The typed clients send every string of a message, empty ones too, which their JSON leaves out.
      if (!field.bytes.empty()) object.set(member.name, field.bytes);
      return {};
    case FieldKind::base64:
      object.set(member.name, to_base64(field.bytes));
      return {};
    case FieldKind::integer:
      object.set(member.name, static_cast<std::int64_t>(field.integer));
      return {};
    case FieldKind::boolean:
      object.set(member.name, field.integer != 0);
      return {};
    case FieldKind::texts:
      object.child(member.name).push(field.bytes);
      return {};
    case FieldKind::message:
      object.set(member.name, MR_TRY(read_message(field.bytes, member.members)));
      return {};
    case FieldKind::messages:
      object.child(member.name).push(MR_TRY(read_message(field.bytes, member.members)));
      return {};
    case FieldKind::text_map:
    case FieldKind::base64_map: {
      const FieldKind value_kind = member.kind == FieldKind::text_map ? FieldKind::text : FieldKind::base64;
      const Member entry[] = {{1, "key", FieldKind::text}, {2, "value", value_kind}};
      const Value pair = MR_TRY(read_message(field.bytes, entry));
      object.child(member.name).set(pair.at("key").string_or(), pair.at("value").string_or());
      return {};
    }
  }
  return malformed();
}

// The depth of recursion is that of the tables above.
Result<Value> read_message(std::string_view bytes, std::span<const Member> members) {
  Value object = Value::object();
  Reader reader(bytes);
  while (!reader.at_end()) {
    const Field field = MR_TRY(reader.next());
    for (const Member& member : members) {
      if (member.number == field.number) MR_TRY(add(object, member, field));
    }
  }
  return object;
}

}  // namespace

Result<Value> from_protobuf(std::string_view bytes) {
  static constexpr Member kTypeMeta[] = {{1, "apiVersion", FieldKind::text}, {2, "kind", FieldKind::text}};
  if (!bytes.starts_with(kMagic)) return malformed();
  Reader envelope(bytes.substr(kMagic.size()));
  Value type = Value::object();
  std::string_view raw;
  while (!envelope.at_end()) {
    const Field field = MR_TRY(envelope.next());
    if (field.number == 1) type = MR_TRY(read_message(field.bytes, kTypeMeta));
    if (field.number == 2) raw = field.bytes;
  }
  const std::string kind = type.at("kind").string_or();
  struct Known {
    std::string_view kind;
    std::span<const Member> members;
  };
  static constexpr Known kKinds[] = {{"Secret", kSecret},
                                     {"ConfigMap", kConfigMap},
                                     {"Namespace", kNamespace},
                                     {"ServiceAccount", kServiceAccount},
                                     {"DeleteOptions", kDeleteOptions},
                                     {"SelfSubjectAccessReview", kAccessReview},
                                     {"SelfSubjectRulesReview", kRulesReview},
                                     {"SelfSubjectReview", kSubjectReview}};
  std::span<const Member> members;
  for (const Known& known : kKinds) {
    if (known.kind == kind) members = known.members;
  }
  if (members.empty()) return fail(Code::invalid_argument, fmt::format("the kind \"{}\" is not served here", kind));
  Value object = MR_TRY(read_message(raw, members));
  for (const char* name : {"apiVersion", "kind"}) object.set(name, type.at(name));
  return object;
}

}  // namespace millrace::kube
