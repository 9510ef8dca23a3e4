#pragma once
// The server of a model's inference script, in Python since the script is: `python3 -c <program>` in its working
// directory, where it listens on the Unix sockets "s" (invocations) and "ping". Workers are forked, each loads the
// model and answers one request at a time; a main process answers /ping, replaces workers that end, and kills those
// that are at one request for longer than SAGEMAKER_MODEL_SERVER_TIMEOUT seconds.
//
// Variables: those of SageMaker's inference toolkit (SAGEMAKER_PROGRAM, SAGEMAKER_MODEL_SERVER_WORKERS,
// SAGEMAKER_MODEL_SERVER_TIMEOUT, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, SAGEMAKER_MAX_PAYLOAD_IN_MB), and
//   MILLRACE_MODEL      the unpacked model's directory, MILLRACE_CODE that of the script
//   MILLRACE_FRAMEWORK  whose default handlers count: "scikit-learn", "xgboost", "pytorch", "huggingface"; else none
// Source: the behaviour of aws/sagemaker-inference-toolkit, sagemaker-scikit-learn-container, sagemaker-xgboost-
// container, sagemaker-pytorch-inference-toolkit.

#include <string_view>

namespace millrace::sagemaker {

inline constexpr std::string_view kModelVariable = "MILLRACE_MODEL", kCodeVariable = "MILLRACE_CODE",
                                  kFrameworkVariable = "MILLRACE_FRAMEWORK";

std::string_view script_server_program();

}  // namespace millrace::sagemaker
