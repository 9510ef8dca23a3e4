#pragma once
// How many tasks run at once over all runs. Who finds no slot waits; runs that wait take turns, so that a large one
// does not keep the others out.
//
// A slot, and a place in the line, is owned by a lease: whatever becomes of the attempt that took it, the slot is free
// again when the lease is gone.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace millrace::pipelines::runner {

class Slots {
  class State;

 public:
  explicit Slots(std::size_t limit);

  class Lease {
   public:
    Lease() = default;  // of nothing
    Lease(Lease&& other) noexcept : state_(std::move(other.state_)), id_(std::exchange(other.id_, 0)) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }
    // false: of nothing, or still in the line.
    bool has_slot() const;
    explicit operator bool() const { return state_ != nullptr; }  // has a slot, or waits for one
    // Gives the slot back, or leaves the line. Whoever has a slot for that is called on this thread.
    void release();

   private:
    friend class Slots;
    Lease(std::shared_ptr<State> state, std::uint64_t id) : state_(std::move(state)), id_(id) {}
    std::shared_ptr<State> state_;
    std::uint64_t id_ = 0;
  };

  // A slot, where one is free. Otherwise the lease waits in its run's line, and `when_free` is called once it has one,
  // outside of all locks, on the thread that gave a slot back. `of_run`: how many the run itself may have at once, the
  // same at each call; 0: no limit of its own.
  [[nodiscard]] Lease take(const std::string& run_id, std::function<void()> when_free, std::size_t of_run = 0);
  // For what runs already, whatever the limits say.
  [[nodiscard]] Lease occupy(const std::string& run_id);
  // Nobody is called from here on.
  void close();
  std::size_t taken() const;
  std::size_t waiting() const;

 private:
  std::shared_ptr<State> state_;  // shared with the leases, which may outlive this
};

}  // namespace millrace::pipelines::runner
