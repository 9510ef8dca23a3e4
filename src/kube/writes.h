#pragma once
// Creating, replacing, patching and deleting the objects of a kind that is stored.

#include "kube/resource.h"
#include "net/http.h"

namespace millrace::kube {

inline constexpr std::size_t kMaxObjectBytes = 3u << 20;  // as the API server's limit on a request body

struct Target {
  Resource& resource;
  Store& store;
  const Clock& clock;
  std::string name_space, name;
};

Result<net::Response> create(const Target& target, net::Request& request);
Result<net::Response> replace(const Target& target, net::Request& request);
Result<net::Response> patch(const Target& target, net::Request& request);
Result<net::Response> erase(const Target& target, net::Request& request);

}  // namespace millrace::kube
