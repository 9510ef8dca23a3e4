#pragma once
// A pipeline file on this machine: read, compiled where it is Python, and all that is wrong with it.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/options.h"
#include "base/result.h"
#include "base/value.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::app {

struct Finding {
  std::uint32_t line = 0;  // 0: unknown
  std::string path;        // "root.dag.tasks.train"; empty: the file as a whole
  std::string what;
};

struct PipelineFile {
  std::string text;       // what the lines of findings count in
  bool compiled = false;  // from Python: the text is the compiler's
  std::vector<Finding> findings;
  std::optional<pipelines::PipelineSpec> spec;  // where there are no findings
  Value message;                                // what the API takes as a run's pipeline_spec
};

// .yaml, .yml, .json, .zip, .tar.gz, or .py (with the `kfp` that is on PATH). Errors: the file cannot be read, unpacked
// or compiled (all invalid_argument, but failed_precondition where there is no kfp).
Result<PipelineFile> open_pipeline(const std::filesystem::path& file);

// Every problem that can be told apart, the first as the server would say it. What is at fault is taken out and the
// rest read again; problems that only follow from that are left out. At most 50.
std::vector<Finding> find_problems(const std::string& text);

// What a server of this machine could not run, by its images, its executor and its node's labels, of a file without
// other problems: accelerators, labels, programs of images. The first of them.
std::vector<Finding> find_machine_problems(const PipelineFile& pipeline, const ServeOptions& server);

// The finding with the line of what its path leads to in the document, as far as it does.
Finding place(Finding finding, const Value& document);

// "file:14: path: what" and the line itself, for each.
std::string findings_text(const std::string& file, const PipelineFile& pipeline);

}  // namespace millrace::app
