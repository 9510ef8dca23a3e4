#pragma once
// The lab's files, embedded in the program: mapped from the executable, never copied until used.

#include <string_view>
#include <vector>

namespace millrace::app {

struct LabAsset {
  std::string_view path;  // relative to lab/: "data/t10k-images-idx3-ubyte.gz"
  std::string_view content;
};

const std::vector<LabAsset>& lab_assets();
// Ends the process for an unknown path (a broken invariant: the list is fixed while building).
std::string_view lab_asset(std::string_view path);
// Gives back the memory of an asset that was read once; reading it again takes it from the executable's file again.
void unload_lab_asset(std::string_view path);

}  // namespace millrace::app
