#pragma once
// Which system calls a child may make: a filter of the kernel's (seccomp(2)), made once. What it refuses are the calls
// that change namespaces and mounts, reach the kernel's own interfaces (modules, BPF, key rings, io_uring, handles of
// files), or set the machine's clocks; sockets of other families than Unix, IPv4, IPv6 and routing; typing into a
// terminal; and every call of another architecture. They fail with EPERM, clone3() with ENOSYS, since its flags cannot
// be seen: the C library then uses clone().
//
// The starting point is the default profile of container engines (moby/profiles, seccomp/default.json), without what
// that gives to a process with capabilities.

#include <linux/filter.h>

#include <string>
#include <vector>

namespace millrace::proc {

// `may_nest`: it may make user and mount namespaces and mount in them (Sandbox::may_nest).
const std::vector<sock_filter>& system_call_filter(bool may_nest);

// The strict filter as the bytes of an array of struct sock_filter, for a program that sets it itself.
std::string system_call_filter_bytes();

}  // namespace millrace::proc
