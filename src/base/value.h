#pragma once
// The one tree that every reader (JSON, YAML, XML, AWS query forms) fills and every writer prints.
// Objects keep insertion order and may be looked up by key; integers and doubles are kept apart.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace millrace {

class Value {
 public:
  using Member = std::pair<std::string, Value>;
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;  // insertion order; keys are unique once built through set()

  enum class Kind { null, boolean, integer, real, string, array, object };

  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool b) : data_(b) {}
  Value(int i) : data_(static_cast<std::int64_t>(i)) {}
  Value(long i) : data_(static_cast<std::int64_t>(i)) {}
  Value(long long i) : data_(static_cast<std::int64_t>(i)) {}
  Value(unsigned i) : data_(static_cast<std::int64_t>(i)) {}
  Value(unsigned long i) : data_(static_cast<std::int64_t>(i)) {}  // values above int64's range: use real
  Value(unsigned long long i) : data_(static_cast<std::int64_t>(i)) {}
  Value(double d) : data_(d) {}
  Value(const char* s) : data_(std::string(s)) {}
  Value(std::string_view s) : data_(std::string(s)) {}
  Value(std::string s) : data_(std::move(s)) {}
  Value(Array a) : data_(std::move(a)) {}

  static Value object() { return Value(ObjectTag{}, {}); }
  static Value object(std::initializer_list<Member> members) { return Value(ObjectTag{}, Object(members)); }
  static Value object(Object members) { return Value(ObjectTag{}, std::move(members)); }
  static Value array() { return Value(Array{}); }
  static Value array(std::initializer_list<Value> items) { return Value(Array(items)); }
  static Value texts(const std::vector<std::string>& texts) { return Value(Array(texts.begin(), texts.end())); }

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  std::string_view kind_name() const;          // "null", "boolean", "integer", "number", "string", "array", "object"
  std::string_view kind_with_article() const;  // "null", "a boolean", "an integer", …
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_integer() const { return kind() == Kind::integer; }
  bool is_number() const { return kind() == Kind::integer || kind() == Kind::real; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_array() const { return kind() == Kind::array; }
  bool is_object() const { return kind() == Kind::object; }

  // Unchecked accessors: the caller has looked at kind() first; a wrong kind ends the process (broken invariant).
  bool as_bool() const { return std::get<bool>(data_); }
  std::int64_t as_int() const;  // integer, or a real with an integral value
  double as_double() const;     // integer or real
  const std::string& as_string() const { return std::get<std::string>(data_); }
  std::string& as_string() { return std::get<std::string>(data_); }
  const Array& as_array() const { return std::get<Array>(data_); }
  Array& as_array() { return std::get<Array>(data_); }
  const Object& as_object() const { return std::get<Object>(data_); }
  Object& as_object() { return std::get<Object>(data_); }

  // Lenient accessors: the fallback when the value has another kind.
  bool bool_or(bool fallback) const { return is_bool() ? as_bool() : fallback; }
  std::int64_t int_or(std::int64_t fallback) const;
  double double_or(double fallback) const { return is_number() ? as_double() : fallback; }
  std::string string_or(std::string_view fallback = {}) const {
    return is_string() ? as_string() : std::string(fallback);
  }

  // Object look-up. find: nullptr when absent or when this is not an object. at(): a shared null instead.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  const Value& at(std::string_view key) const;
  const Value& operator[](std::string_view key) const { return at(key); }
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Object building. A null Value becomes an object (set) or an array (push) first.
  Value& set(std::string_view key, Value value);  // replaces an existing member; returns *this
  Value& set_if(bool condition, std::string_view key, Value value) {
    return condition ? set(key, std::move(value)) : *this;
  }
  Value& child(std::string_view key);  // the member, created null when absent
  bool erase(std::string_view key);
  Value& push(Value value);  // returns *this

  std::size_t size() const;  // members or items; 0 for scalars
  bool empty() const { return size() == 0; }

  // Items of an array, members of an object; empty for anything else. For range loops over optional input.
  const Array& items() const;
  const Object& members() const;

  // Where the value stood in its source; 0 when unknown. Lines and columns start at 1.
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  // Structural equality: objects regardless of member order, 2 == 2.0, positions ignored.
  friend bool operator==(const Value& a, const Value& b);

 private:
  struct ObjectTag {};
  Value(ObjectTag, Object o) : data_(std::move(o)) {}
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

}  // namespace millrace
