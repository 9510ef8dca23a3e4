#pragma once
// The operations that tell about an account and its users: reports, and listings of what there is none of.

#include "iam/action_uses.h"
#include "iam/context.h"

namespace millrace::iam {

void add_credential_report_operations(Operations& operations, Context& context);
void add_last_accessed_operations(Operations& operations, Context& context, ActionUses& uses);
void add_empty_list_operations(Operations& operations, Context& context);

}  // namespace millrace::iam
