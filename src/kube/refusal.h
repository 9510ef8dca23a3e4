#pragma once
// Refusals as Kubernetes words them (k8s.io/apimachinery, pkg/api/errors and pkg/util/validation/field). The details of
// the Status object travel in Error::reason, behind Kubernetes' own reason and a blank, as JSON.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

Error refusal(Code code, std::string_view reason, std::string message, const Value& details);

// `resource`: the plural, with its group where it has one ("secrets", "leases.coordination.k8s.io").
Value resource_details(const std::string& resource, const std::string& name);
Error not_found(const std::string& resource, const std::string& name);
Error already_exists(const std::string& resource, const std::string& name);
Error conflict(const std::string& resource, const std::string& name, std::string_view why);
Error forbidden(const std::string& resource, const std::string& name, std::string_view why);
Error method_not_allowed();
Error unknown_path();
Error bad_request(std::string message);
Error too_old(std::int64_t version, std::int64_t oldest);  // 410 Expired

// What is wrong with the fields of one object, gathered so that a client learns all of it at once.
class FieldErrors {
 public:
  void required(std::string field, std::string_view detail = {});
  void invalid(std::string field, const Value& value, std::string_view detail);
  void unsupported(std::string field, const Value& value, const std::vector<std::string>& supported);
  void forbidden(std::string field, std::string_view detail);
  void duplicate(std::string field, const Value& value);
  void too_long(std::string field, std::size_t max_bytes);
  bool empty() const { return causes_.empty(); }
  // Nothing when empty, otherwise Invalid (422). `kind`: with its group where it has one.
  Status status(const std::string& kind, const std::string& name) const;

 private:
  struct Cause {
    std::string_view reason;
    std::string field, message;
  };
  std::vector<Cause> causes_;
};

}  // namespace millrace::kube
