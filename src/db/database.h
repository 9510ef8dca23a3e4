#pragma once
// SQL storage behind an interface; sqlite/ implements it: one writer thread with group commit, a pool of readers. What
// any backend promises is what database_suite_for_tests.h tests.
//
// write(): the work of many threads is gathered into one transaction and made durable by one fsync; write() returns
// after that fsync. Each work runs in its own savepoint: when it returns an error, only its own changes are undone.
// Works run one after another on the writer thread, in the order of the calls, so a work sees all earlier ones.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

namespace millrace::db {

// One prepared statement, bound and stepped. Obtained from Connection::prepare (cached there by its text). A bind after
// a step begins a new execution at position 1, so one statement may run in a loop:
//
//   auto insert = MR_TRY(connection.prepare("INSERT INTO item (name, size) VALUES (?, ?)"));
//   for (const Item& item : items) MR_TRY(insert.bind_all(item.name, item.size).run());
//
//   auto select = MR_TRY(connection.prepare("SELECT name, size FROM item"));
//   while (MR_TRY(select.step())) {
//     auto [name, size] = select.columns<std::string, std::int64_t>();
class Statement {
 public:
  // What a backend implements. Positions of parameters and columns are its own business: 1, 2, 3… and from 0.
  class Impl {
   public:
    virtual ~Impl() = default;
    // The next parameter. What goes wrong is reported by step().
    virtual void bind(std::int64_t value) = 0;
    virtual void bind(double value) = 0;
    virtual void bind_text(std::string_view value) = 0;
    virtual void bind_blob(std::string_view value) = 0;
    virtual void bind_null() = 0;
    virtual Result<bool> step() = 0;
    virtual std::int64_t integer(int column) const = 0;
    virtual double real(int column) const = 0;
    virtual std::string text(int column) const = 0;
    virtual bool is_null(int column) const = 0;
    virtual void release() noexcept = 0;  // nobody has it any more; it may delete itself
  };

  explicit Statement(Impl* impl) : impl_(impl) {}
  Statement(Statement&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement() {
    if (impl_ != nullptr) impl_->release();
  }

  // Positions 1, 2, 3… in the order of the calls. Text by its bytes.
  template <std::integral T>
  Statement& bind(T value) {
    impl_->bind(static_cast<std::int64_t>(value));
    return *this;
  }
  Statement& bind(double value) {
    impl_->bind(value);
    return *this;
  }
  Statement& bind(std::string_view value) {
    impl_->bind_text(value);
    return *this;
  }
  Statement& bind(const std::string& value) { return bind(std::string_view(value)); }
  Statement& bind(const char* value) { return bind(std::string_view(value)); }
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind_null();
  }
  Statement& bind_blob(std::string_view value) {
    impl_->bind_blob(value);
    return *this;
  }
  Statement& bind_null() {
    impl_->bind_null();
    return *this;
  }
  template <class... Values>
  Statement& bind_all(const Values&... values) {
    (bind(values), ...);
    return *this;
  }

  Result<bool> step() { return impl_->step(); }  // true: a row is there
  Status run();                                  // steps to the end; for statements without rows

  // Of the row that is there; columns from 0; NULL reads as 0 / empty.
  std::int64_t integer(int column) const { return impl_->integer(column); }
  double real(int column) const { return impl_->real(column); }
  std::string text(int column) const { return impl_->text(column); }  // also blobs
  bool is_null(int column) const { return impl_->is_null(column); }
  // An integer type, bool, double, std::string, or std::optional of one, which is empty for NULL.
  template <class T>
  T column(int column) const;
  // The first columns of the row by their types.
  template <class... T>
  std::tuple<T...> columns() const {
    return columns_of<T...>(std::index_sequence_for<T...>());
  }

 private:
  template <class... T, std::size_t... Index>
  std::tuple<T...> columns_of(std::index_sequence<Index...>) const {
    return {column<T>(static_cast<int>(Index))...};
  }

  Impl* impl_;
};

template <class T>
struct OptionalColumn : std::false_type {};
template <class T>
struct OptionalColumn<std::optional<T>> : std::true_type {
  using Value = T;
};

template <class T>
T Statement::column(int column) const {
  if constexpr (OptionalColumn<T>::value) {
    return is_null(column) ? T() : T(this->column<typename OptionalColumn<T>::Value>(column));
  } else if constexpr (std::is_same_v<T, bool>) {
    return integer(column) != 0;
  } else if constexpr (std::integral<T>) {
    return static_cast<T>(integer(column));
  } else if constexpr (std::is_same_v<T, double>) {
    return real(column);
  } else {
    static_assert(std::is_same_v<T, std::string>, "no type of a column");
    return text(column);
  }
}

class Connection {
 public:
  virtual ~Connection() = default;
  // A unique-constraint failure in step()/run() is Code::already_exists; a full disk resource_exhausted; a read-only
  // file failed_precondition; anything else internal.
  virtual Result<Statement> prepare(std::string_view sql) = 0;
  virtual Status execute(std::string_view sql) = 0;  // one or more statements without parameters
  virtual std::int64_t changes() const = 0;          // rows of the last INSERT/UPDATE/DELETE
  virtual std::int64_t last_insert_id() const = 0;
};

struct Migration {
  int version;  // 1, 2, 3… per component
  std::string_view sql;
};

struct Options {
  std::size_t readers = 4;
  std::size_t queue_limit = 65'536;  // works waiting for the writer; beyond it write() answers resource_exhausted
  std::size_t batch_limit = 1'000;   // works in one transaction
};

class Database {
 public:
  // Errors name the path: read-only directory, full disk, not a database.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const Options& options = {});
  virtual ~Database() = default;

  // Each version once, in its own transaction, recorded in schema_version(component, version). A database that is at a
  // higher version than the last one given is refused (failed_precondition).
  virtual Status migrate(std::string_view component, std::span<const Migration> migrations) = 0;

  using Work = std::function<Status(Connection&)>;
  // From within a work (on the writer thread) write() answers internal: it would wait for itself.
  virtual Status write(const Work& work) = 0;                                 // blocks until durable
  virtual void write_async(Work work, std::function<void(Status)> done) = 0;  // done on the writer thread
  virtual Status read(const Work& work) = 0;                                  // a consistent snapshot
};

}  // namespace millrace::db
