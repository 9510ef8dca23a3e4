#pragma once
// A dry run: walks a pipeline with its engine without launching anything, and reports each task in launch order, its
// command line resolved from the parameters and from the outputs that earlier tasks are said to have. For questions
// that come before a run ("who would be denied what?"). Nothing is stored, launched or fetched.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "pipelines/options.h"
#include "pipelines/views.h"

namespace millrace::pipelines::dry_run {

inline constexpr std::size_t kMaxTasks = 2'000;
// Of a component that contains itself, where how often is only known during a run: the first round has what comes in
// from outside, the second what a round leaves to the next.
inline constexpr std::size_t kMaxRounds = 2;

// `package`: the IR, {pipeline_spec, platform_spec}, or a workflow of the SDK 1.8. Errors: invalid_argument where a run
// would be refused; resource_exhausted beyond kMaxTasks.
Status walk(const Options& options, const Clock& clock, const Value& package, const Value& parameters,
            const std::function<Value(const DryRunTask&)>& each);

}  // namespace millrace::pipelines::dry_run
