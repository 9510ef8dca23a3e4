#pragma once
// The operations that report on an account and its users: reports, and listings of what there is none of.

#include "iam/action_uses.h"
#include "iam/context.h"

namespace millrace::iam {

Operations credential_report_operations(Context& context);
struct LastAccessed {
  Context& context;
  ActionUses& uses;
};
Operations last_accessed_operations(LastAccessed& part);
Operations empty_list_operations(Context& context);

}  // namespace millrace::iam
