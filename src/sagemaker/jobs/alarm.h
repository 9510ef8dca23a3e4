#pragma once
// Calls made later: deadlines, retries, polls. One thread; the calls must be short (they poke, they do not work).

#include <chrono>
#include <functional>
#include <memory>

namespace millrace::sagemaker {

class Alarm {
 public:
  Alarm();
  ~Alarm();  // stop()
  void after(std::chrono::milliseconds delay, std::function<void()> call);
  void stop();  // what is still waiting is dropped; joins

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sagemaker
