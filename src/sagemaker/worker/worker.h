#pragma once
// The worker roles: what a SageMaker job or endpoint runs as its own process. A worker knows SageMaker's container
// contract (/opt/ml as a directory), not the server: files in, files out, metrics on standard output.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace millrace::sagemaker::worker {

// `millrace worker train <ml directory> <algorithm>`: an algorithm of algorithms/registry.h, by its name
//   reads  input/config/hyperparameters.json (string → string), input/config/inputdataconfig.json,
//          input/data/<channel>/… (File mode)
//   writes model/…; output/failure (why, at most 1024 characters) when it fails
//   prints the algorithm's log lines ("#quality_metric: host=algo-1, test msd <loss>=39.2") to standard output
// Exit codes: 0 done; 1 the customer's input is at fault (output/failure says how); 2 internal.
int train_main(const std::vector<std::string>& arguments);

inline constexpr std::size_t kMaxInvocations = 16;  // that a model server is sent at a time; it has threads for more

// `millrace worker serve <model directory> <algorithm> <unix socket path>`
//   HTTP over the socket: GET /ping, POST /invocations (text/csv, application/json, application/x-recordio-protobuf
//   in; text/csv, application/json, application/jsonlines, application/x-recordio-protobuf out), GET /matrix (the
//   model's numbers, for the server: serving/native_model.h)
// Ends on SIGTERM. A fourth argument, "multi": the directory holds the models of a multi-model endpoint, which are
// loaded when the server asks for it (loaded_models.h).
int serve_main(const std::vector<std::string>& arguments);

// `millrace worker transform <job directory>`: batch transform; reads transform.json there (see jobs/transform_job).
int transform_main(const std::vector<std::string>& arguments);

}  // namespace millrace::sagemaker::worker
