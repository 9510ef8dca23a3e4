#include "sagemaker/serving/machine.h"

#include <algorithm>

namespace millrace::sagemaker {
namespace {

Millis interval(const ServerFacts& facts) {
  if (facts.missed_pings > 0) return kMissedInterval;
  if (facts.ready) return kHealthInterval;
  return facts.age > kFastPolling ? kSlowPoll : kPoll;
}

}  // namespace

ServerStep next_server_step(const ServerFacts& facts) {
  if (!facts.child) return facts.backing_off ? ServerStep::wait : ServerStep::launch;
  if (facts.child->is_over()) return ServerStep::ended;
  if (facts.killed) return ServerStep::wait;
  if (facts.missed_pings >= kMaxMissedPings) return ServerStep::kill;
  if (!facts.ready && facts.age > facts.start_limit) return ServerStep::kill;
  if (facts.ping_under_way || facts.since_ping < interval(facts)) return ServerStep::wait;
  return ServerStep::ping;
}

Millis next_look(const ServerFacts& facts) {
  const Millis left = interval(facts) - facts.since_ping;
  return std::max(left, kPoll);
}

}  // namespace millrace::sagemaker
