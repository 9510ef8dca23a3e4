#pragma once
// Errors are values. A function that can fail returns Result<T>; exceptions stop at a library's edge.

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

namespace millrace {

// The kinds of failure a caller can react to. APIs map them to their own vocabulary (google.rpc.Status,
// Kubernetes Status, HTTP); AWS APIs use Error::reason, which carries AWS's own code.
enum class Code {
  invalid_argument,
  not_found,
  already_exists,
  permission_denied,
  unauthenticated,
  failed_precondition,
  resource_exhausted,
  aborted,
  cancelled,
  deadline_exceeded,
  unavailable,
  unimplemented,
  internal,
  data_loss,
};

std::string_view code_name(Code code);  // "INVALID_ARGUMENT", as google.rpc.Code spells it

struct Error {
  Code code = Code::internal;
  std::string message;  // one sentence for a person: what is wrong and, where known, what to do next
  std::string reason;   // the API's own code where one exists ("NoSuchBucket", "ValidationException"), else empty

  Error() = default;
  Error(Code c, std::string m, std::string r = {}) : code(c), message(std::move(m)), reason(std::move(r)) {}
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(Code code, std::string message, std::string reason = {}) {
  return tl::unexpected<Error>(Error(code, std::move(message), std::move(reason)));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

namespace detail {
template <class T>
T take_value(Result<T>&& result) {
  if constexpr (std::is_void_v<T>) {
    return;
  } else {
    return std::move(*result);
  }
}
}  // namespace detail

}  // namespace millrace

// MR_TRY(expression): the value of a Result, or return its error from the enclosing function.
//   auto bytes = MR_TRY(read_file(path));
//   MR_TRY(db.write(...));            // Status: nothing is yielded
#define MR_TRY(expression) MR_TRY_NAMED(expression, __COUNTER__)
#define MR_TRY_NAMED(expression, number) MR_TRY_PASTED(expression, number)
#define MR_TRY_PASTED(expression, number) MR_TRY_AS(expression, mr_try_result_##number)
#define MR_TRY_AS(expression, name)                              \
  __extension__({                                                \
    auto name = (expression);                                    \
    if (!name) return ::tl::unexpected(std::move(name).error()); \
    ::millrace::detail::take_value(std::move(name));             \
  })
