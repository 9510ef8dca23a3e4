#pragma once
// How much of an image a program with an entry point of its own needs here: a script that works with the standard
// library and what this machine's Python has runs at once, and nobody waits for gigabytes of a framework that it never
// names. Pure but for has_module.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "sagemaker/frameworks/image.h"

namespace millrace::sagemaker::frameworks {

// The name under which a package of pip is imported: "scikit-learn==1.2.1" → "sklearn".
std::string module_of(std::string_view requirement);

// Can this machine's python3 (kProgramPath) import the module?
bool machine_has_module(std::string_view module);

// `texts`: the program's files, and its command line as one text. A package counts as needed where a line of any of
// them names its module and imports something ("import", "importlib.import_module(…)") or runs a module ("-m"). Without
// packages: the machine's own Python is enough (has_module). Of an image of a large framework, the named packages alone
// where these import no others; else the image less the large frameworks that are not named.
Image needed_of(const Image& image, std::span<const std::string> texts,
                const std::function<bool(std::string_view module)>& has_module);

}  // namespace millrace::sagemaker::frameworks
