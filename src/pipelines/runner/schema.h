#pragma once
// The tables of this folder.

#include <span>

#include "db/database.h"

namespace millrace::pipelines::runner {

std::span<const db::Migration> migrations();

}  // namespace millrace::pipelines::runner
