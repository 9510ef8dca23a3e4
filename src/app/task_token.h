#pragma once
// The token that a step has in its environment. It says which attempt at which task it is, for steps that the server
// cannot recognise by their process: those in containers. Derived from the server's key, so that it outlives a restart
// and is stored nowhere. It is presented as "Authorization: Bearer <token>", and is good for as long as the attempt
// runs (callers.h).

#include <optional>
#include <string>
#include <string_view>

namespace millrace::app {

inline constexpr std::string_view kTaskTokenVariable = "MILLRACE_TASK_TOKEN";

std::string task_token(std::string_view encryption_key, std::string_view launch_key);
// Does it look like one? Other bearer tokens are other programs' business.
bool is_task_token(std::string_view token);
// The launch key that a token was made for; nullopt: it was not made with this key.
std::optional<std::string> read_task_token(std::string_view encryption_key, std::string_view token);

}  // namespace millrace::app
