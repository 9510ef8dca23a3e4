#pragma once
// /apis/v1beta1, for the SDK 1.8 and its command line: the same experiments, pipelines and runs as v2beta1 shows, in
// the messages of the older API. Most operations put a call into v2beta1's words and its answer back into v1beta1's.
// Source: kubeflow/pipelines backend/api/v1beta1/*.proto, and the generated client kfp-server-api 1.8.5.

#include <span>
#include <string_view>

#include "net/http.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api::v1beta1 {

// `path` begins behind the prefix: "/runs/…".
net::Response answer(Context& context, Call& call, std::string_view path);

// Tables of its own, component "pipelines.v1beta1": what only the older API knows.
std::span<const db::Migration> migrations();

}  // namespace millrace::pipelines::api::v1beta1
