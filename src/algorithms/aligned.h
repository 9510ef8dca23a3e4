#pragma once
// Arrays aligned for the widest vectors, left as the allocator gives them: large ones come from the kernel as untouched
// zero pages, which a std::vector would write once for nothing.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace millrace::algorithms {

template <class T>
class Aligned {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kAlignment = 64;

  Aligned() = default;
  static Aligned uninitialised(std::size_t count) {
    Aligned out;
    out.count_ = count;
    const std::size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes == 0) return out;
    void* memory = std::aligned_alloc(kAlignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    out.data_.reset(static_cast<T*>(memory));
    return out;
  }
  static Aligned zeros(std::size_t count) {
    Aligned out = uninitialised(count);
    if (count != 0) std::memset(static_cast<void*>(out.data()), 0, count * sizeof(T));
    return out;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t count_ = 0;
};

}  // namespace millrace::algorithms
