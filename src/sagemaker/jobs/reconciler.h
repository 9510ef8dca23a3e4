#pragma once
// Work by name: poke(name) makes sure that drive(name) runs once more after the poke, on a pool thread, never twice at
// once for one name. Events can so be lost or doubled without harm: drive looks at how things are, not at the event.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace millrace::sagemaker {

class Reconciler {
 public:
  Reconciler(std::size_t threads, std::function<void(const std::string& name)> drive);
  ~Reconciler();                       // stop()
  void poke(const std::string& name);  // never blocks
  void stop();                         // lets what runs end, drops what waits; joins

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sagemaker
