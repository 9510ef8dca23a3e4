#pragma once
// What a client asks about itself: may I, who am I (authorization.k8s.io, authentication.k8s.io).

#include <string_view>
#include <vector>

#include "kube/resource.h"
#include "net/http.h"

namespace millrace::kube {

inline constexpr const char* kUser = "millrace:admin";  // whom the token names

struct ReviewKind {
  std::string_view group, plural, singular, kind;
};
const std::vector<ReviewKind>& review_kinds();

// `review`: one of the above. The token's bearer may do all that is served, and nothing else.
Result<net::Response> review(const ReviewKind& review, const std::vector<Resource*>& resources, net::Request& request);

// A request that asks to be made as someone else (`--as`): nobody may. Forbidden, BadRequest.
Status check_impersonation(const net::Request& request);

}  // namespace millrace::kube
