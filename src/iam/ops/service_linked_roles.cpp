// Roles that belong to a service: those that SageMaker and the scaling of its endpoints use. Only the service may take
// them on, and only these operations make and delete them.

#include <array>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/strings.h"
#include "iam/context.h"

namespace millrace::iam {
namespace {

struct LinkedService {
  std::string_view service, role, policy;
};
// Source: the SageMaker and Application Auto Scaling guides, "Service-linked roles".
constexpr std::array kServices = {
    LinkedService{"sagemaker.amazonaws.com", "AWSServiceRoleForAmazonSageMakerNotebooks",
                  "AmazonSageMakerNotebooksServiceRolePolicy"},
    LinkedService{"sagemaker.application-autoscaling.amazonaws.com",
                  "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
                  "AWSApplicationAutoscalingSageMakerEndpointPolicy"},
    LinkedService{"hyperpod.sagemaker.amazonaws.com", "AWSServiceRoleForSageMakerHyperPod",
                  "AmazonSageMakerHyperPodServiceRolePolicy"},
};

const LinkedService* linked_service(std::string_view name) {
  for (const LinkedService& service : kServices) {
    if (service.service == name) return &service;
  }
  return nullptr;
}

std::string linked_path(std::string_view service) { return fmt::format("{}{}/", kServiceLinkedPath, service); }

std::string trust_of(std::string_view service) {
  return fmt::format(
      R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}})",
      service);
}

Result<aws::Output> create(Context& context, aws::Call& call, const Value& input) {
  const std::string name = input["AWSServiceName"].string_or();
  const LinkedService* service = linked_service(name);
  if (service == nullptr) {
    std::vector<std::string> known;
    for (const LinkedService& linked : kServices) known.emplace_back(linked.service);
    return invalid_input(fmt::format("{} has no service-linked role here; {} have.", name, join(known, ", ")));
  }
  if (input["CustomSuffix"].is_string())
    return invalid_input(fmt::format("Custom suffix is not allowed for {}", service->service));
  Entity role;
  role.kind = "role";
  role.name = service->role;
  role.path = linked_path(service->service);
  role.id = new_id("AROA");
  role.arn = context.arn("role", role.path, role.name);
  role.created = call.now;
  role.data.set("trust", trust_of(service->service)).set("max_session", 3600);
  if (input["Description"].is_string()) role.data.set("description", input["Description"]);
  const Status status = context.store.insert(role);
  if (!status && status.error().code == Code::already_exists) {
    return invalid_input(
        fmt::format("Service role name {} has been taken in this account, please try a different suffix.", role.name));
  }
  MR_TRY(Status(status));
  MR_TRY(context.store.link(
      "attached-role",
      {role.name, fmt::format("arn:aws:iam::aws:policy{}{}", kServiceLinkedPath, service->policy), "", call.now}));
  Value value = MR_TRY(role_value(context, role));
  value.erase("RoleLastUsed");
  value.erase("MaxSessionDuration");
  return Value::object({{"Role", std::move(value)}});
}

// Nothing here holds such a role while it works (the services act without it), so the
// deletion is done when the answer is given; its task is kept to be asked about.
Result<aws::Output> erase(Context& context, aws::Call& call, const Value& input) {
  const Entity role = MR_TRY(context.find_or_fail("role", input["RoleName"].string_or()));
  if (!role.path.starts_with(kServiceLinkedPath))
    return no_such_entity(fmt::format("There is no service-linked role with name {}.", role.name));
  for (const Link& link : MR_TRY(context.store.links_of("attached-role", role.name))) {
    bool was_there = false;
    MR_TRY(context.store.unlink("attached-role", role.name, link.target, was_there));
  }
  Entity task;
  task.kind = "slr-deletion";
  task.id = uuid4();
  task.name = fmt::format("task{}{}/{}", role.path, role.name, task.id);
  task.arn = role.arn;
  task.created = call.now;
  task.data.set("status", "SUCCEEDED");
  MR_TRY(context.store.erase("role", role.name));
  MR_TRY(context.store.insert(task));
  return Value::object({{"DeletionTaskId", task.name}});
}

Result<aws::Output> deletion_status(Context& context, aws::Call&, const Value& input) {
  const std::string id = input["DeletionTaskId"].string_or();
  const auto task = MR_TRY(context.store.find("slr-deletion", id));
  if (!task) return no_such_entity(fmt::format("The deletion task with id {} cannot be found.", id));
  return Value::object({{"Status", task->data["status"]}});
}

}  // namespace

Operations service_linked_role_operations(Context& context) {
  Operations operations;
  add_plain(
      operations, "CreateServiceLinkedRole", "iam:CreateServiceLinkedRole",
      [&context](const aws::Call&, const Value& input) {
        const std::string name = input["AWSServiceName"].string_or();
        const LinkedService* service = linked_service(name);
        return std::vector<std::string>{
            context.arn("role", linked_path(name), service == nullptr ? std::string_view("*") : service->role)};
      },
      bound(context, create), aws::MoreChecks{},
      [](const aws::Call&, const Value& input) {
        return decltype(aws::Check::keys){{"iam:AWSServiceName", {input["AWSServiceName"].string_or()}}};
      });
  add_on(operations, context, "DeleteServiceLinkedRole", "iam:DeleteServiceLinkedRole", "role", "RoleName",
         bound(context, erase));
  add_plain(
      operations, "GetServiceLinkedRoleDeletionStatus", "iam:GetServiceLinkedRoleDeletionStatus",
      [&context](const aws::Call&, const Value& input) {
        const auto task = context.store.find("slr-deletion", input["DeletionTaskId"].string_or());
        return std::vector<std::string>{task && *task ? (*task)->arn : "*"};
      },
      bound(context, deletion_status));
  return operations;
}

}  // namespace millrace::iam
