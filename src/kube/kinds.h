#pragma once
// The kinds that need no file of their own.

#include "kube/resource.h"

namespace millrace::kube {

const Kind& service_accounts_kind();
const Kind& claims_kind();  // PersistentVolumeClaim
const Kind& leases_kind();
const Kind& services_kind();  // none: nothing here serves a cluster's network

// The account that each namespace has from its beginning.
Value default_service_account(const std::string& name_space, Time now);

}  // namespace millrace::kube
