#pragma once
// transform.json: what a batch transform job is told.
//   {"model_directory": path, "algorithm": name, "content_type": "text/csv", "accept": "", "split_type": "None",
//    "assemble_with": "None", "batch_strategy": "MultiRecord", "max_payload_mb": 6, "join_source": "None",
//    "input_filter": "$", "output_filter": "$", "inputs": [{"source": path, "target": path}]}
// or, in the place of the first two, a model server beside the worker:
//   {"server": {"socket": path, "ping_socket": path, "ended": file, "at_a_time": 0, "timeout_seconds": 600,
//    "retries": 3}}   relative paths; the file is there once it has ended; at_a_time 0: as it says itself
// The first two (or the server) and inputs are required; the others default as CreateTransformJob's members do.

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/algorithms/content_type.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/worker/json_path.h"

namespace millrace::sagemaker::worker {

using built_in::kCsv;
using built_in::kJson;
using built_in::kJsonLines;
using built_in::kRecordIo;

struct TransformSpec {
  enum class Split { none, line, record_io };

  std::filesystem::path model_directory;
  const built_in::Algorithm* algorithm = nullptr;  // nullptr: the server's
  struct Server {
    std::string socket, ping_socket, ended;
    std::int64_t at_a_time = 0;
    std::chrono::milliseconds timeout{600'000};
    int retries = 3;
  } server;
  std::string accept;              // as given
  std::string content_type;        // as given
  std::string type;                // one of algorithms/content_type.h; a server takes others too
  std::string_view response_type;  // likewise
  Split split = Split::none;
  bool assemble_lines = false;
  bool single_record = false;
  std::size_t max_payload_bytes = std::size_t{6} << 20;
  bool join = false;
  JsonPath input_filter, output_filter;
  struct File {
    std::filesystem::path source, target;
  };
  std::vector<File> inputs;

  bool processes() const { return join || !input_filter.is_root() || !output_filter.is_root(); }
};

// Errors: invalid_argument, what the job asks for that cannot be done, in a sentence.
Result<TransformSpec> read_transform_spec(const Value& json);

}  // namespace millrace::sagemaker::worker
