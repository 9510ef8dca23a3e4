#pragma once
// The nodes of a run by their paths. Every event looks one up, in a run of very many tasks in memory that was long not
// touched: open addressing, so that a look at one slot nearly always leads to the node.

#include <cstddef>
#include <string_view>
#include <vector>

namespace millrace::pipelines::engine {

struct Node;

class NodeTable {
 public:
  Node* find(std::string_view path) const;  // null: none
  void add(Node& node);                     // its path is not there yet and does not change

 private:
  struct Slot {
    std::size_t hash = 0;
    Node* node = nullptr;
  };
  void place(const Slot& slot);
  std::vector<Slot> slots_;  // a power of two of them, at most half of them taken
  std::size_t taken_ = 0;
};

}  // namespace millrace::pipelines::engine
