#pragma once

namespace millrace::app {

// The commands a person types. Exit codes: 0 success, 1 failure, 2 a command line that cannot be read.
int cli_main(int argc, char** argv);

}  // namespace millrace::app
