#pragma once
// The built-in algorithms that there are.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sagemaker/algorithms/algorithm.h"

namespace millrace::sagemaker::built_in {

// In the order of src/CMakeLists.txt; the list is made by CMake from the folders.
std::span<const Algorithm* const> all_algorithms();
std::string names_of_all();  // for sentences: "a, b"

const Algorithm* find_algorithm(std::string_view name);  // by AlgorithmInfo::name; nullptr: none
// Error: unimplemented, with the names that there are.
Result<const Algorithm*> require_algorithm(std::string_view name);
// Whose image it is; nullptr for any other. A repository of the same name in another account than AWS's is its owner's
// own image, unless AWS's account in that region is not known here.
const Algorithm* algorithm_of_image(std::string_view image);

}  // namespace millrace::sagemaker::built_in
