#pragma once
// The release whose behaviour the served kinds follow; a kubectl one minor version away from it does not warn.

namespace millrace::kube {

inline constexpr const char* kMajor = "1";
inline constexpr const char* kMinor = "37";
inline constexpr const char* kRelease = "v1.37.2";
inline constexpr const char* kGitVersion = "v1.37.2+millrace";

}  // namespace millrace::kube
