#pragma once
// Only for tests: the programs that the simulated server starts. What becomes of one is in its key and the seed: how
// long it runs, how it ends, what it leaves, how it takes a stop; of a model server, when and how long it answers.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/simulation/chaos.h"
#include "sagemaker/simulation/ground.h"
#include "work/fake_backend.h"

namespace millrace::sagemaker::simulation {

struct Program {
  enum class End { good, failed, broken, killed, lost };
  work::Workload workload;
  End end = End::good;
  Time begun{}, ends{};      // by itself
  Time answers{}, silent{};  // a model server's: from then, until then
  bool is_server = false, ignores_stop = false, was_stopped = false;

  std::filesystem::path directory() const { return workload.log.parent_path(); }
};

// "sagemaker/endpoint/<name>/<incarnation>/<deployment>/…" without the attempt: all attempts are alike good or bad.
inline std::string deployment_of_key(const std::string& key) { return key.substr(0, key.rfind('/')); }

inline bool is_bad_deployment(std::uint32_t seed, const std::string& key) {
  const auto parts = split(key, '/');
  std::string deployment;
  for (std::size_t i = 0; i < 5 && i < parts.size(); ++i) deployment += std::string(parts[i]) + "/";
  return fate_of(seed, deployment) % 4 == 0;
}

inline Program make_program(std::uint32_t seed, const work::Workload& workload, Time now) {
  constexpr Millis kNever{100'000'000};
  const auto fate = [&](std::string_view what) { return fate_of(seed, workload.key + std::string(what)); };
  Program program;
  program.workload = workload;
  program.begun = now;
  program.is_server = workload.key.starts_with("sagemaker/endpoint/");
  program.ignores_stop = fate("ignores") % 4 == 0;
  if (program.is_server) {
    program.end = Program::End::broken;
    if (is_bad_deployment(seed, workload.key)) {
      const bool hangs = fate_of(seed, deployment_of_key(workload.key)) % 3 == 0;
      program.ends = now + (hangs ? kNever : Millis(fate("ends") % 2'000));
      program.answers = now + kNever;
    } else {
      program.answers = now + Millis(fate("answers") % (fate("slow") % 16 == 0 ? 3'000 : 50));
      program.ends = fate("dies") % 6 == 0 ? now + Millis(2'000 + fate("ends") % 40'000) : now + kNever;
      program.silent = fate("hangs") % 8 == 0 ? now + Millis(5'000 + fate("silent") % 40'000) : now + kNever;
    }
    return program;
  }
  const bool is_endless = !workload.key.starts_with("sagemaker/transform-job/") && fate("endless") % 8 == 0;
  program.ends = now + (is_endless ? kNever : Millis(fate("ends") % 40'000));
  constexpr Program::End kEnds[] = {Program::End::good,   Program::End::good,   Program::End::good,
                                    Program::End::good,   Program::End::failed, Program::End::broken,
                                    Program::End::killed, Program::End::lost};
  program.end = kEnds[fate("end") % std::size(kEnds)];
  return program;
}

// What it has written by the time it ends.
inline void leave_files(std::uint32_t seed, const Program& program) {
  const auto directory = program.directory();
  const std::string objective = std::to_string(fate_of(seed, program.workload.key) % 1'000);
  (void)write_file(program.workload.log, "begun\nobjective=" + objective +
                                             "\n#quality_metric: host=algo-1, test msd <loss>=" + objective + "\n");
  for (const auto* folder : {"ml/model", "ml/processing/output", "output"}) {
    std::error_code error;
    if (std::filesystem::is_directory(directory / folder, error)) (void)write_file(directory / folder / "left", "it");
  }
  if (program.end == Program::End::failed || program.end == Program::End::broken)
    (void)write_file(directory / "ml/output/failure", "it broke");
}

// Ends as it would by itself, or after a stop; false: it had ended.
inline bool end_program(work::FakeBackend& backend, const Program& program, bool by_force) {
  const std::string& key = program.workload.key;
  if (by_force) return backend.kill(key, 9);
  if (program.was_stopped) return backend.kill(key, 15);
  switch (program.end) {
    case Program::End::good:
      return backend.end(key, 0);
    case Program::End::failed:
      return backend.end(key, 1);
    case Program::End::broken:
      return backend.end(key, 2);
    case Program::End::killed:
      return backend.kill(key, 9);
    case Program::End::lost:
      return backend.lose(key);
  }
  return false;
}

}  // namespace millrace::sagemaker::simulation
