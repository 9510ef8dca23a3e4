#include "sagemaker/resource.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::sagemaker {

std::string arn_of(const AccountRegion& account_region, Kind kind, std::string_view name) {
  return fmt::format("arn:aws:sagemaker:{}:{}:{}/{}", account_region.region, account_region.account,
                     info_of(kind).arn_segment, to_lower(name));
}

double seconds(Time time) { return to_epoch_seconds(time); }

Value summary_of(const Resource& resource) {
  const KindInfo& info = info_of(resource.kind);
  if (!info.wrapper.empty()) return resource.body;
  Value summary = Value::object();
  // A version of a model package has its group's name there.
  const Value& name = resource.body[info.name_member];
  summary.set(info.list_name_member.empty() ? info.name_member : info.list_name_member,
              name.is_null() ? Value(resource.name) : name);
  summary.set(info.list_arn_member.empty() ? info.arn_member : info.list_arn_member, resource.arn);
  summary.set("CreationTime", seconds(resource.created));
  if (info.modified) summary.set("LastModifiedTime", seconds(resource.modified));
  if (!info.status_member.empty()) summary.set(info.status_member, resource.status);
  if (!info.end_member.empty() && resource.body.has(info.end_member)) {
    summary.set(info.end_member, resource.body.at(info.end_member));
  }
  for (const std::string_view path : info.summary_paths) {
    const Value* here = &resource.body;
    std::string_view last;
    for (const auto part : split(path, '.')) {
      last = part;
      here = here == nullptr ? nullptr : here->find(part);
    }
    if (here != nullptr) summary.set(last, *here);
  }
  return summary;
}

}  // namespace millrace::sagemaker
