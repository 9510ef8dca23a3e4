#include "sagemaker/serving/machine.h"

#include <gtest/gtest.h>

namespace millrace::sagemaker {
namespace {

using State = work::WorkStatus::State;

ServerFacts running(bool ready, int missed = 0) {
  ServerFacts facts;
  facts.child = work::WorkStatus{};
  facts.child->state = State::running;
  facts.ready = ready;
  facts.missed_pings = missed;
  facts.since_ping = Millis(3'600'000);
  return facts;
}

TEST(ServerMachine, EachStateHasItsStep) {
  EXPECT_EQ(next_server_step({}), ServerStep::launch);
  ServerFacts facts;
  facts.backing_off = true;
  EXPECT_EQ(next_server_step(facts), ServerStep::wait);
  facts = running(true);
  facts.child->state = State::exited;
  EXPECT_EQ(next_server_step(facts), ServerStep::ended);
  facts.child->state = State::lost;
  EXPECT_EQ(next_server_step(facts), ServerStep::ended);
  EXPECT_EQ(next_server_step(running(false)), ServerStep::ping);
  facts = running(false);
  facts.age = kStartLimit + Millis(1);
  EXPECT_EQ(next_server_step(facts), ServerStep::kill);
  facts.start_limit = facts.age + Millis(1);
  EXPECT_EQ(next_server_step(facts), ServerStep::ping);
  facts.start_limit = Millis(60'000);
  facts.ready = true;  // it answered once: its age is no matter
  EXPECT_EQ(next_server_step(facts), ServerStep::ping);
}

TEST(ServerMachine, AHungServerIsFoundAndKilledOnce) {
  ServerFacts facts = running(true);
  facts.since_ping = kHealthInterval - Millis(1);
  EXPECT_EQ(next_server_step(facts), ServerStep::wait);
  facts.since_ping = kHealthInterval;
  EXPECT_EQ(next_server_step(facts), ServerStep::ping);
  facts.ping_under_way = true;
  EXPECT_EQ(next_server_step(facts), ServerStep::wait);
  facts = running(true, 1);
  facts.since_ping = kMissedInterval;
  EXPECT_EQ(next_server_step(facts), ServerStep::ping);  // sooner than a server that answers
  EXPECT_EQ(next_server_step(running(true, kMaxMissedPings)), ServerStep::kill);
  EXPECT_EQ(next_server_step(running(false, kMaxMissedPings)), ServerStep::kill);  // adopted, or hung at its start
  facts = running(true, kMaxMissedPings);
  facts.killed = true;
  EXPECT_EQ(next_server_step(facts), ServerStep::wait);
}

TEST(ServerMachine, LooksOftenWhileAServerStarts) {
  ServerFacts facts = running(false);
  facts.since_ping = Millis(0);
  EXPECT_EQ(next_look(facts), kPoll);
  facts.age = kFastPolling + Millis(1);
  EXPECT_EQ(next_look(facts), kSlowPoll);
  facts.ready = true;
  EXPECT_EQ(next_look(facts), kHealthInterval);
}

}  // namespace
}  // namespace millrace::sagemaker
