#pragma once
// A watch: the list is read again on each wake and what differs from the last time is told. Levels, not edges: changes
// that undo each other between two looks are not seen, which the watch protocol allows no client to rely on.

#include <memory>
#include <optional>

#include "kube/resource.h"
#include "kube/selector.h"
#include "kube/sleepers.h"
#include "net/http.h"

namespace millrace::kube {

struct WatchOptions {
  std::string name_space;
  Selector selector;
  // Objects up to this version are known to the client already; nullopt: all are told first, as ADDED.
  std::optional<std::int64_t> since;
  std::optional<Time> until;
  bool as_table = false;
};

std::unique_ptr<net::StreamBody> watch(Resource& resource, const Clock& clock, std::shared_ptr<Sleeper> sleeper,
                                       WatchOptions options);

}  // namespace millrace::kube
