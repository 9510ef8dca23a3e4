// List operations of resource types that are not supported: multi-factor devices, certificates, SSH keys, credentials
// of single services, identity providers. Their lists are empty. Tools that delete a user or audit an account call
// them.

#include "iam/ops/reports.h"

namespace millrace::iam {
namespace {

// Of a user, who must be there.
aws::Handle none_of_user(Context& context, std::string list) {
  return [&context, list](aws::Call& call, const Value& input) -> Result<aws::Output> {
    std::string name = input["UserName"].string_or();
    if (name.empty() && call.principal.kind == aws::Principal::Kind::user) name = call.principal.name;
    if (!name.empty()) MR_TRY(context.find_or_fail("user", name));
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

Operations empty_list_operations(Context& context) {
  Operations operations;
  const auto of_user = [&](std::string_view name, aws::IamAction action, const char* list) {
    add_on(operations, context, name, action, "user", "UserName", none_of_user(context, list));
  };
  of_user("ListMFADevices", "iam:ListMFADevices", "MFADevices");
  of_user("ListSSHPublicKeys", "iam:ListSSHPublicKeys", "SSHPublicKeys");
  of_user("ListSigningCertificates", "iam:ListSigningCertificates", "Certificates");
  of_user("ListServiceSpecificCredentials", "iam:ListServiceSpecificCredentials", "ServiceSpecificCredentials");
  // Decided on all that could be listed, as AWS's denials name it.
  const auto of_account = [&](std::string_view name, aws::IamAction action, const char* all, const char* list,
                              bool paged) {
    const aws::Resources on = [&context, all](const aws::Call&, const Value&) {
      return std::vector<std::string>{"arn:aws:iam::" + context.account + ":" + all};
    };
    add_plain(operations, name, action, on, none(list, paged));
  };
  of_account("ListVirtualMFADevices", "iam:ListVirtualMFADevices", "mfa/", "VirtualMFADevices", true);
  of_account("ListServerCertificates", "iam:ListServerCertificates", "server-certificate/",
             "ServerCertificateMetadataList", true);
  of_account("ListOpenIDConnectProviders", "iam:ListOpenIDConnectProviders", "oidc-provider/*",
             "OpenIDConnectProviderList", false);
  of_account("ListSAMLProviders", "iam:ListSAMLProviders", "saml-provider/*", "SAMLProviderList", false);
  return operations;
}

}  // namespace millrace::iam
