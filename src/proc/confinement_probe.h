#pragma once
// What a child tries to do against its confinement, a row each of the table in docs/security.md. For tests: the test
// program runs this as a child in a sandbox.

#include <string>
#include <vector>

namespace millrace::proc {

struct ProbeRow {
  const char* name;          // as in the table
  std::string (*attempt)();  // what was possible that should not be, with the reason; empty: it holds
};

const std::vector<ProbeRow>& probe_rows();

// One line a row: "<name>: holds" or "<name>: FAULT <what>". What it is to find comes in its environment:
//   PROBE_USER, PROBE_GROUP, PROBE_HIDDEN (a hidden directory), PROBE_SEEN (what is seen in it), PROBE_WORK (its own
//   directory), PROBE_HOMES, PROBE_SHOWN (paths, ':' between), PROBE_SOCKET (an abstract socket of another's)
int probe_main();

}  // namespace millrace::proc
