#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, "ALTER TABLE kfp_pipeline_versions ADD COLUMN package_url TEXT NOT NULL DEFAULT ''"}};

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

}  // namespace millrace::pipelines::api
