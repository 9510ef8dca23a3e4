#pragma once

namespace millrace::app {

// The commands a person types. Exit codes: cli/exit_codes.h.
int cli_main(int argc, char** argv);

}  // namespace millrace::app
