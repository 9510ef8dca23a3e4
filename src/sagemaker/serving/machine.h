#pragma once
// What happens next to a model server, decided from how things are. Pure.

#include <optional>

#include "base/time.h"
#include "work/workload.h"

namespace millrace::sagemaker {

// Until it must answer its first /ping, where ContainerStartupHealthCheckTimeoutInSeconds does not say it.
inline constexpr Millis kStartLimit{240'000};
inline constexpr Millis kPingTimeout{2'000};      // SageMaker's: a container must answer /ping within 2 seconds
inline constexpr Millis kHealthInterval{5'000};   // between two pings of a server that answers
inline constexpr Millis kMissedInterval{1'000};   // after one that was not answered
inline constexpr int kMaxMissedPings = 3;         // in a row; then it hangs, and is replaced
inline constexpr Millis kPoll{5}, kSlowPoll{50};  // of a server that starts
inline constexpr Millis kFastPolling{2'000};      // then slower

struct ServerFacts {
  std::optional<work::WorkStatus> child;  // as the backend has it; nullopt: not started
  bool backing_off = false;               // it ended a moment ago, and is not to be started again yet
  bool ready = false;                     // it has answered since it was started
  bool killed = false;                    // by us, its end is on its way
  bool ping_under_way = false;
  int missed_pings = 0;  // in a row; one that could not connect is none
  Millis start_limit = kStartLimit;
  Millis age{};         // since it was started, or first seen by this server
  Millis since_ping{};  // since the last ping's outcome
};

enum class ServerStep {
  wait,    // for a ping, an end, a delay
  launch,  // start it
  ended,   // count the failure, prepare the next start
  ping,    // ask whether it is well
  kill,    // it hangs: SIGKILL
};
ServerStep next_server_step(const ServerFacts& facts);

// When to look again if nothing happens before.
Millis next_look(const ServerFacts& facts);

}  // namespace millrace::sagemaker
