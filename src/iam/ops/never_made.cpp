// Listings of what nobody can make here: multi-factor devices, certificates, SSH keys, credentials of single services,
// identity providers. There are none, and whoever cleans up after a user or looks through an account asks for them.

#include "iam/ops/reports.h"

namespace millrace::iam {
namespace {

// Of a user, who must be there.
aws::Handle none_of_user(Context& context, std::string list) {
  return [&context, list](aws::Call& call, const Value& input) -> Result<aws::Output> {
    std::string name = input["UserName"].string_or();
    if (name.empty() && call.principal.kind == aws::Principal::Kind::user) name = call.principal.name;
    if (!name.empty()) MR_TRY(context.need("user", name));
    return page(input, list, {});
  };
}

aws::Handle none(std::string list, bool paged) {
  return [list, paged](aws::Call&, const Value& input) -> Result<aws::Output> {
    if (paged) return page(input, list, {});
    return Value::object({{list, Value::array()}});
  };
}

}  // namespace

void add_never_made_operations(Operations& operations, Context& context) {
  const auto of_user = [&](std::string_view name, aws::IamAction action, const char* list) {
    add_on(operations, context, name, action, "user", "UserName", none_of_user(context, list));
  };
  of_user("ListMFADevices", "iam:ListMFADevices", "MFADevices");
  of_user("ListSSHPublicKeys", "iam:ListSSHPublicKeys", "SSHPublicKeys");
  of_user("ListSigningCertificates", "iam:ListSigningCertificates", "Certificates");
  of_user("ListServiceSpecificCredentials", "iam:ListServiceSpecificCredentials", "ServiceSpecificCredentials");
  const auto of_account = [&](std::string_view name, aws::IamAction action, const char* list, bool paged) {
    add_plain(operations, name, action, aws::any_resource(), none(list, paged));
  };
  of_account("ListVirtualMFADevices", "iam:ListVirtualMFADevices", "VirtualMFADevices", true);
  of_account("ListServerCertificates", "iam:ListServerCertificates", "ServerCertificateMetadataList", true);
  of_account("ListOpenIDConnectProviders", "iam:ListOpenIDConnectProviders", "OpenIDConnectProviderList", false);
  of_account("ListSAMLProviders", "iam:ListSAMLProviders", "SAMLProviderList", false);
}

}  // namespace millrace::iam
