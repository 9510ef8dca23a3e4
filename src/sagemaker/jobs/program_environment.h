#pragma once
// How a customer's program runs without its image: in a Python environment of the image's packages, or with this
// machine's Python. For training and processing jobs, when their inputs are in place and nothing of them has run.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/frameworks/environments.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/output_files.h"
#include "work/workload.h"

namespace millrace::sagemaker {

// Images of AWS's that no Python environment can replace: a sentence for FailureReason.
Status check_image(const std::string& image);

// A program in script mode: all of the image, with the requirements.txt of its source where that can be kept.
frameworks::Wanted wanted_for_script(const std::string& image, const std::filesystem::path& source,
                                     const work::Variables& variables);

// A program with an entry point of its own: as much of the image as its files below `inputs` and its command line name
// (frameworks/needs.h). One that installs packages gets an environment in any case: pip refuses to touch a machine's
// own Python. nullopt: this machine's Python is enough.
std::optional<frameworks::Wanted> wanted_for_entrypoint(const std::string& image, const std::filesystem::path& inputs,
                                                        const std::vector<std::string>& command_line,
                                                        const work::Variables& variables);

// Texts of the programs below a folder: Python and shell files, those of a sourcedir.tar.gz too. Bounded: `is_whole` is
// false where there is more than was read.
struct ProgramTexts {
  std::vector<std::string> texts;
  bool installs = false;  // a file of requirements lies there, or a shell file installs packages
  bool is_whole = true;
};
ProgramTexts program_texts(const std::filesystem::path& folder);

// The command line of an entry point; in an environment any python is the environment's. Errors: as program_of().
Result<std::vector<std::string>> command_in(const std::optional<frameworks::Kept>& kept, const std::string& image,
                                            const Value& entrypoint, const Value& arguments,
                                            const std::filesystem::path& ml);

// The job's program is in its sandbox: into the environment, with the first lines of its log, which say what it runs in
// and how that differs from its image; without one, `python` beside this machine's python3. `directory`: the job's.
Status enter_python(frameworks::Environments& environments, const std::string& image,
                    const std::optional<frameworks::Kept>& kept, const std::filesystem::path& directory,
                    Prepared& prepared);

// Source for script mode: the archive of a file or a folder, as /opt/ml/code. `archive` is in the job's own directory.
Status place_source(const std::filesystem::path& archive, const std::filesystem::path& code,
                    const Checkpoint& checkpoint);

}  // namespace millrace::sagemaker
