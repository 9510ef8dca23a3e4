#include "kube/aws_resources/reconcile.h"

#include <algorithm>

#include <fmt/core.h>

#include "aws/model.h"
#include "base/log.h"
#include "kube/aws_resources/conditions.h"
#include "kube/aws_resources/field_names.h"
#include "kube/aws_resources/resource_schema.h"
#include "kube/managed_fields.h"
#include "kube/resource.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kService = "sagemaker";
constexpr const char* kManager = "controller";  // of the fields that are written here
constexpr const char* kRegionAnnotation = "services.k8s.aws/region";
constexpr const char* kDeletionPolicy = "services.k8s.aws/deletion-policy";
constexpr const char* kLastUpdate = "sagemaker.services.k8s.aws/last-endpoint-config-for-update";
constexpr const char* kAdoptionPolicy = "services.k8s.aws/adoption-policy";
constexpr std::string_view kNotManaged =
    "This resource already exists but is not managed by ACK. To bring the resource under ACK management, set the "
    "annotation services.k8s.aws/adoption-policy to adopt-or-create.";

const Kind& row_of(const AwsKind& kind) {
  const auto& rows = aws_resource_kinds();
  return *std::ranges::find(rows, std::string(kind.kind), &Kind::kind);
}

// Everything of `wanted` is so in `present`, which may have more: what the service fills in.
bool covers(const Value& present, const Value& wanted) {
  if (wanted.is_object()) {
    return std::ranges::all_of(
        wanted.members(), [&](const Value::Member& member) { return covers(present.at(member.first), member.second); });
  }
  if (wanted.is_array()) {
    if (present.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!covers(present.items()[i], wanted.items()[i])) return false;
    }
    return true;
  }
  if (wanted.is_number() && present.is_number()) return wanted.as_double() == present.as_double();
  return present == wanted;
}

class Reconciliation {
 public:
  Reconciliation(const AwsSurroundings& around, const AwsKind& kind, const ObjectName& name, Value object)
      : around_(around),
        kind_(kind),
        name_(name),
        object_(std::move(object)),
        model_(aws::service_model(kService)),
        status_(object_.at("status").is_object() ? object_.at("status") : Value::object()) {}

  const std::vector<std::string>& written() const { return written_; }

  Result<Next> run() {
    const bool deleting = object_.at("metadata").has("deletionTimestamp");
    if (deleting && !is_managed()) return Next::nothing;
    if (deleting && annotation(kDeletionPolicy) == "retain") return release();
    if (!deleting && !kind_.is_served()) return Next::nothing;
    const std::string region = annotation(kRegionAnnotation);
    if (!region.empty() && region != around_.api.region()) {
      return terminal(fmt::format("this service is that of the region {}, not of {}", around_.api.region(), region));
    }
    auto found = call("Describe", identity());
    if (!found && !is_absent(found.error())) return refused(found.error());
    if (deleting) return found ? end(*found) : release();
    return found ? follow(std::move(*found)) : make();
  }

 private:
  std::string annotation(std::string_view key) const {
    return object_.at("metadata").at("annotations").at(key).string_or();
  }
  bool is_managed() const {
    const auto& all = object_.at("metadata").at("finalizers").items();
    return std::ranges::find(all, Value(kind_.finalizer())) != all.end();
  }

  Result<Value> call(std::string_view verb, const Value& input) {
    return around_.api.call(kService, kind_.operation(verb), input);
  }
  Value identity() const {
    return Value::object({{std::string(kind_.name_member), object_.at("spec").at(resource_field(kind_.name_member))}});
  }
  bool is_absent(const Error& error) const {
    return error.reason == kind_.absent_code && error.message.starts_with(kind_.absent_message);
  }
  std::string word_of(const Value& described) const { return described.at(kind_.status_member).string_or(); }
  bool is_busy(const Value& described) const {
    return std::ranges::find(kind_.busy, word_of(described)) != kind_.busy.end();
  }

  // --- the object ---

  Status set_managed(bool managed) {
    if (managed == is_managed()) return {};
    const auto change = [&](const Value& present) -> Result<Value> {
      Value changed = present;
      Value& all = changed.child("metadata").child("finalizers");
      if (!all.is_array()) all = Value::array();
      std::erase(all.as_array(), Value(kind_.finalizer()));
      if (managed) all.push(kind_.finalizer());
      if (all.empty()) changed.child("metadata").erase("finalizers");
      note_update(row_of(kind_), &present, changed, {kManager, around_.clock.now()});
      return changed;
    };
    object_ = MR_TRY(update(change));
    return {};
  }

  Result<Value> update(const Store::Change& change) {
    std::string before;
    const auto noted = [&](const Value& present) -> Result<Value> {
      before = present.at("metadata").at("resourceVersion").string_or();
      return change(present);
    };
    Value stored = MR_TRY(around_.store.update(name_, noted, false));
    const std::string version = stored.at("metadata").at("resourceVersion").string_or();
    if (version != before) written_.push_back(version);
    return stored;
  }

  Status set_annotation(const std::string& key, const Value& value) {
    const auto change = [&](const Value& present) -> Result<Value> {
      Value changed = present;
      changed.child("metadata").child("annotations").set(key, value);
      note_update(row_of(kind_), &present, changed, {kManager, around_.clock.now()});
      return changed;
    };
    object_ = MR_TRY(update(change));
    return {};
  }

  Status put_status() {
    const auto change = [&](const Value& present) -> Result<Value> {
      Value changed = present;
      return changed.set("status", status_);
    };
    MR_TRY(update(change));
    return {};
  }

  Result<Next> refused(const Error& error) {
    const Remedy remedy = set_refused(error, status_, around_.clock.now());
    MR_TRY(put_status());
    return remedy == Remedy::try_again ? Next::retry : Next::nothing;
  }
  Result<Next> terminal(std::string_view message, std::string_view reason = {}) {
    set_terminal(message, reason, status_, around_.clock.now());
    MR_TRY(put_status());
    return Next::nothing;
  }
  Result<Next> release() {
    MR_TRY(set_managed(false));
    return Next::nothing;
  }

  // --- what is wanted ---

  Value input_of(std::string_view verb) const {
    return from_resource(*model_.operation(kind_.operation(verb))->input, object_.at("spec"));
  }

  Result<Next> make() {
    MR_TRY(set_managed(true));  // before: a server that is killed after the call knows that it was its own
    if (const auto made = call("Create", input_of("Create")); !made) {
      const Error error = made.error();
      // What the service refuses does not exist. One that did not answer may have made it.
      if (error.code != Code::unavailable) MR_TRY(set_managed(false));
      return refused(error);
    }
    auto found = call("Describe", identity());
    return found ? observe(*found) : refused(found.error());
  }

  Result<Next> follow(Value described) {
    if (!is_managed()) {
      if (annotation(kAdoptionPolicy) != "adopt-or-create") return terminal("Resource already exists", kNotManaged);
      MR_TRY(set_managed(true));
    }
    const Value present = to_resource(*model_.operation(kind_.operation("Describe"))->output, described);
    Value wanted = object_.at("spec");
    if (!wanted.is_object()) wanted = Value::object();
    // What it does not describe cannot be compared.
    std::erase_if(wanted.as_object(), [&](const Value::Member& member) { return !present.has(member.first); });
    if (covers(present, wanted)) return observe(described);
    if (!kind_.can_change) {
      return terminal(fmt::format(
          "not implemented: what a {} was made with cannot be changed; delete it, or undo the change", kind_.kind));
    }
    return change(described);
  }

  Result<Next> change(const Value& described) {
    if (is_busy(described)) return observe(described);
    if (!kind_.failed.empty() && word_of(described) == kind_.failed) return observe(described);
    const Value mark = object_.at("spec").at(resource_field(kind_.update_mark));
    const bool failed = !described.at("FailureReason").string_or().empty();
    if (!kind_.update_mark.empty() && failed && annotation(kLastUpdate) == mark.string_or()) {
      return refused(Error(Code::failed_precondition,
                           fmt::format("unable to update endpoint. check FailureReason. latest {} is {}",
                                       kind_.update_mark, described.at(kind_.update_mark).string_or()),
                           "EndpointUpdateError"));
    }
    if (const auto made = call("Update", input_of("Update")); !made) return refused(made.error());
    if (!kind_.update_mark.empty()) MR_TRY(set_annotation(kLastUpdate, mark));
    auto found = call("Describe", identity());
    return found ? observe(*found) : refused(found.error());
  }

  Result<Next> observe(const Value& described) {
    Value metadata = Value::object({{"arn", described.at(kind_.arn_member)},
                                    {"ownerAccountID", around_.api.account()},
                                    {"partition", "aws"},
                                    {"region", around_.api.region()}});
    status_.set("ackResourceMetadata", std::move(metadata));
    const aws::Shape& shape = *model_.operation(kind_.operation("Describe"))->output;
    set_observed(kind_, to_resource(shape, described), status_, around_.clock.now());
    MR_TRY(put_status());
    return is_busy(described) ? Next::look : Next::nothing;
  }

  // --- what is not wanted any more ---

  Result<Next> end(const Value& described) {
    if (kind_.on_delete == OnDelete::stop) return stop(described);
    if (is_busy(described)) return observe(described);
    if (const auto gone = call("Delete", identity()); !gone && !is_absent(gone.error())) return refused(gone.error());
    const auto found = call("Describe", identity());
    if (found) return observe(*found);
    return is_absent(found.error()) ? release() : refused(found.error());
  }

  Result<Next> stop(const Value& described) {
    if (!is_busy(described)) return release();
    if (word_of(described) == "Stopping") return observe(described);
    if (const auto stopped = call("Stop", identity()); !stopped) return refused(stopped.error());
    const auto found = call("Describe", identity());
    if (found) return observe(*found);
    return is_absent(found.error()) ? release() : refused(found.error());
  }

  const AwsSurroundings& around_;
  const AwsKind& kind_;
  const ObjectName& name_;
  Value object_;
  const aws::ServiceModel& model_;
  Value status_;
  std::vector<std::string> written_;
};

}  // namespace

Outcome reconcile(const AwsSurroundings& around, const AwsKind& kind, const ObjectName& name) {
  const auto failed = [&](const Error& error, std::vector<std::string> written) -> Outcome {
    if (error.code == Code::not_found) return {Next::nothing, {}};  // it went while it was looked at
    log::error("{} {}/{}: {}", name.resource, name.name_space, name.name, error.message);
    return {Next::retry, std::move(written)};
  };
  auto object = around.store.get(name);
  if (!object) return failed(object.error(), {});
  Reconciliation reconciliation(around, kind, name, std::move(*object));
  const auto next = reconciliation.run();
  if (!next) return failed(next.error(), reconciliation.written());
  return {*next, reconciliation.written()};
}

}  // namespace millrace::kube
