# Precompiled headers: what the standard library, fmt and tl::expected cost to read, read once. Only system headers stand
# in them, so that no change of ours rebuilds everything. clang only: g++ builds without, and so finds a file that lacks
# an include.
#
# ccache takes objects that were compiled with one only where it may trust it (CCACHE_SLOPPINESS), and needs one that holds
# no times (-fno-pch-timestamp).
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(MILLRACE_PRECOMPILE ON)
  add_compile_options(-Xclang -fno-pch-timestamp)
endif()
# Threads::Threads adds it to some libraries; a precompiled header wants the same for all.
add_compile_options(-pthread)

set(MILLRACE_PRECOMPILED_HEADERS
  <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <condition_variable> <cstddef> <cstdint> <cstdio> <cstdlib>
  <cstring> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view>
  <thread> <tuple> <unordered_map> <utility> <variant> <vector> <fmt/core.h> <tl/expected.hpp>)

# millrace_precompile(TARGET): with the headers above. millrace_precompile_test(TARGET): with GoogleTest's as well.
# The first target of each kind compiles the header, the others take it from there.
function(millrace_precompile target)
  millrace_precompile_as(${target} MILLRACE_PRECOMPILED_BY ${MILLRACE_PRECOMPILED_HEADERS})
endfunction()
function(millrace_precompile_test target)
  millrace_precompile_as(${target} MILLRACE_TESTS_PRECOMPILED_BY ${MILLRACE_PRECOMPILED_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
endfunction()
function(millrace_precompile_as target owner)
  if(NOT MILLRACE_PRECOMPILE)
    return()
  endif()
  get_property(from GLOBAL PROPERTY ${owner})
  if(from)
    target_precompile_headers(${target} REUSE_FROM ${from})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY ${owner} ${target})
  endif()
endfunction()
