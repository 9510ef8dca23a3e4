#pragma once
// Which run of a pipeline a call belongs to: for people who ask what a run needed. It grants and refuses nothing.
//
// Steps tell it with the application id that AWS's SDKs put into their User-Agent ("app/<id>", from the variable
// AWS_SDK_UA_APP_ID; AWS SDKs and Tools Reference Guide, "Application ID"); sessions that the server makes itself carry
// it (Principal::origin). An SDK without application ids, with a long-term key, tells nothing.

#include <string>
#include <string_view>

#include "aws/principal.h"
#include "net/http.h"

namespace millrace::aws {

inline constexpr const char* kApplicationIdVariable = "AWS_SDK_UA_APP_ID";
std::string application_id(std::string_view run_id);                             // "millrace-<run id>"
std::string origin_of_user_agent(std::string_view user_agent);                   // "" where it names no run
std::string origin_of(const Principal& principal, const net::Request& request);  // the session's, else the User-Agent's

}  // namespace millrace::aws
