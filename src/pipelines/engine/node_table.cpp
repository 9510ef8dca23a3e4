#include "pipelines/engine/node_table.h"

#include <functional>
#include <utility>

#include "pipelines/engine/engine.h"

namespace millrace::pipelines::engine {
namespace {

constexpr std::size_t kFirstSlots = 64;

}  // namespace

Node* NodeTable::find(std::string_view path) const {
  if (slots_.empty()) return nullptr;
  const std::size_t hash = std::hash<std::string_view>()(path), mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].node != nullptr; at = (at + 1) & mask) {
    if (slots_[at].hash == hash && slots_[at].node->path == path) return slots_[at].node;
  }
  return nullptr;
}

void NodeTable::add(Node& node) {
  if (2 * ++taken_ > slots_.size()) {
    const auto before = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? kFirstSlots : 2 * slots_.size()));
    for (const Slot& slot : before) {
      if (slot.node != nullptr) place(slot);
    }
  }
  place({std::hash<std::string_view>()(node.path), &node});
}

void NodeTable::place(const Slot& slot) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = slot.hash & mask;
  while (slots_[at].node != nullptr) at = (at + 1) & mask;
  slots_[at] = slot;
}

}  // namespace millrace::pipelines::engine
