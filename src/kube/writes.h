#pragma once
// Creating, replacing, patching and deleting the objects of a kind that is stored.

#include "kube/draft.h"
#include "kube/request.h"
#include "kube/resource.h"
#include "kube/selector.h"

namespace millrace::kube {

struct Target {
  Resource& resource;
  Store& store;
  const Clock& clock;
  std::string name_space, name;
  Part part = Part::main;
};

Result<net::Response> create(const Target& target, net::Request& request);
Result<net::Response> replace(const Target& target, net::Request& request);
Result<net::Response> patch(const Target& target, net::Request& request);
Result<net::Response> erase(const Target& target, net::Request& request);
Result<net::Response> erase_all(const Target& target, const Selector& selector, net::Request& request);

}  // namespace millrace::kube
