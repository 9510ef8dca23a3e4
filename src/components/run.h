#pragma once
#include "base/result.h"
#include "base/time.h"
#include "components/component.h"
#include "components/session.h"

namespace millrace::components {

// The course of every component: request, submit, look until it has ended, print its logs, write its outputs. Returns
// the exit code with the reason on stderr: 0, 2 for a command line that is wrong, 1 for all else.
int run(Component& component, const std::vector<std::string>& words, const Environment& environment,
        const Clock& clock);

}  // namespace millrace::components
