#pragma once
// A pipeline gone through by its engine with nothing started: each task is told of in the order it would start, its
// command line resolved from the parameters and from what earlier tasks are said to give. For questions that come
// before a run ("who would be denied what?"). Nothing is stored, launched or fetched.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "pipelines/pipelines.h"

namespace millrace::pipelines::rehearsal {

inline constexpr std::size_t kMaxTasks = 2'000;
// Of a component that contains itself, where only a run can tell how often: the first round has what comes in from
// outside, the second what a round leaves to the next.
inline constexpr std::size_t kMaxRounds = 2;

// `package`: the IR, {pipeline_spec, platform_spec}, or a workflow of the SDK 1.8. Errors: invalid_argument where a run
// would be refused; resource_exhausted beyond kMaxTasks.
Status rehearse(const Options& options, const Clock& clock, const Value& package, const Value& parameters,
                const std::function<Value(const RehearsedTask&)>& each);

}  // namespace millrace::pipelines::rehearsal
