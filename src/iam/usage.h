#pragma once
// When keys and roles were last used, as GetAccessKeyLastUsed and RoleLastUsed tell. Once a minute and service is as
// fine as anybody looks; nobody waits for the note to be written.

#include <map>
#include <mutex>
#include <string>

#include "iam/context.h"

namespace millrace::iam {

class Usage {
 public:
  explicit Usage(Context& context) : context_(context) {}
  void seen(const aws::Call& call);

 private:
  struct Last {
    Time at{};
    std::string service;
  };
  Context& context_;
  std::mutex mutex_;
  std::map<std::string, Last, std::less<>> last_;  // by key id or role id; bounded
};

}  // namespace millrace::iam
