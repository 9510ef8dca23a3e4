// The batch transform role: files in, one file of predictions for each out.

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "algorithms/team.h"
#include "base/file.h"
#include "base/json.h"
#include "sagemaker/worker/predictor.h"
#include "sagemaker/worker/role.h"
#include "sagemaker/worker/transform_payload.h"
#include "sagemaker/worker/transform_spec.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker::worker {
namespace {

constexpr std::size_t kMaxInputBytes = std::size_t{8} << 30;
constexpr std::size_t kPayloadsAhead = 8;  // for each thread; their answers wait in memory to be written in order

Status transform_file(const TransformSpec& spec, const Predictor& model, const TransformSpec::File& file,
                      algorithms::Team& team) {
  const std::string input = MR_TRY(read_file(file.source, kMaxInputBytes));
  const auto payloads = MR_TRY(cut_payloads(spec, input));
  MR_TRY(make_directories(file.target.parent_path()));
  std::ofstream out(file.target, std::ios::binary | std::ios::trunc);
  const std::size_t window = kPayloadsAhead * team.threads();
  for (std::size_t from = 0; from < payloads.size(); from += window) {
    const std::size_t n = std::min(window, payloads.size() - from);
    std::vector<Result<std::string>> answers(n, std::string());
    team.for_each(n, [&](std::size_t i) {
      try {
        answers[i] = transform_payload(spec, model, payloads[from + i]);
      } catch (const std::exception& exception) {
        answers[i] = fail(Code::internal, exception.what());
      }
    });
    for (const auto& answer : answers) {
      if (!answer) return tl::unexpected(answer.error());
      out << *answer;
      if (spec.assemble_lines && !answer->ends_with('\n')) out << '\n';
    }
  }
  out.close();
  if (!out) return fail(system_error("cannot write " + file.target.string(), errno));
  return {};
}

// A server's refusal of a file is that file's: it has no output, the others go on.
Status transform_files(const TransformSpec& spec, const Predictor& model, JobLog& log) {
  algorithms::Team team(static_cast<unsigned>(model.at_a_time()));
  Status failed;
  for (const TransformSpec::File& file : spec.inputs) {
    const auto started = std::chrono::steady_clock::now();
    const Status done = transform_file(spec, model, file, team);
    const std::string name = file.source.filename().string();
    if (done) {
      log.info("transformed {} in {:.3f} s", name,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
      continue;
    }
    std::error_code error;
    std::filesystem::remove(file.target, error);
    const Code code = done.error().code;
    if (spec.algorithm != nullptr || (code != Code::failed_precondition && code != Code::aborted))
      return fail(code, fmt::format("Bad input file '{}': {}", name, done.error().message));
    log.error("{}: {}", name, done.error().message);
    failed = fail(code, code == Code::aborted ? "AlgorithmError: See job logs for more information"
                                              : "ClientError: See job logs for more information");
  }
  return failed;
}

Status transform(const std::filesystem::path& directory, JobLog& log) {
  const auto text = read_file(directory / "transform.json");
  if (!text) return fail(text.error());
  const TransformSpec spec = MR_TRY(read_transform_spec(MR_TRY(parse_json(*text))));
  if (spec.algorithm != nullptr) {
    const auto model = MR_TRY(load_predictor(spec));
    return transform_files(spec, *model, log);
  }
  const auto server = await_server(spec);
  if (server) return transform_files(spec, **server, log);
  log.error("{}", server.error().message);
  return fail(Code::aborted, "AlgorithmError: See job logs for more information");
}

}  // namespace

int transform_main(const std::vector<std::string>& arguments) {
  JobLog log;
  if (arguments.size() != 1) {
    log.error("usage: millrace worker transform <job directory>");
    return kInternalFailure;
  }
  const std::filesystem::path directory = arguments[0];
  return run_role(log, directory / "output", [&] { return transform(directory, log); });
}

}  // namespace millrace::sagemaker::worker
