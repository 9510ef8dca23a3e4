#pragma once
// When keys, roles and actions were last used, as GetAccessKeyLastUsed, RoleLastUsed and access advisor tell. Once a
// minute is as fine as anybody looks; nobody waits for the note to be written.

#include <map>
#include <string>

#include "base/mutex.h"
#include "iam/action_uses.h"
#include "iam/context.h"

namespace millrace::iam {

class Usage {
 public:
  Usage(Context& context, ActionUses& uses) : context_(context), uses_(uses) {}
  // `action`: "s3:GetObject".
  void seen(const aws::Call& call, std::string_view action);

 private:
  // Was it noted less than a minute ago? If not, it counts as noted now.
  bool noted(const std::string& what, Time now);

  Context& context_;
  ActionUses& uses_;
  Mutex mutex_;
  std::map<std::string, Time, std::less<>> last_ MR_GUARDED_BY(mutex_);  // by what was noted; bounded
};

}  // namespace millrace::iam
