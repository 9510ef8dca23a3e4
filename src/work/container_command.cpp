#include "work/container_command.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "work/container_engine.h"

namespace millrace::work {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr std::size_t kMaxImageBytes = 512;  // of an image's name
constexpr std::string_view kRegistry = "docker://";
constexpr const char* kPortFile = "port";  // in a container's directory

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

void add_limits(const Workload& workload, Words& words) {
  const auto add = [&](std::string option, std::string value) {
    words.push_back(std::move(option));
    words.push_back(std::move(value));
  };
  if (workload.memory_limit_bytes != 0) add("--memory", std::to_string(workload.memory_limit_bytes));
  if (workload.cpus != 0) add("--cpus", std::to_string(workload.cpus));
  if (workload.cpu_limit_seconds != 0) add("--ulimit", fmt::format("cpu={}", workload.cpu_limit_seconds));
  if (workload.file_size_limit_bytes != 0) add("--ulimit", fmt::format("fsize={}", workload.file_size_limit_bytes));
}

bool has_own_user(const Workload& workload) { return workload.run_as_user || workload.run_as_group; }

void add_user(const Workload& workload, Words& words) {
  if (!has_own_user(workload)) return;
  words.push_back("--user");
  words.push_back(workload.run_as_group ? fmt::format("{}:{}", workload.run_as_user.value_or(0), *workload.run_as_group)
                                        : std::to_string(*workload.run_as_user));
}

// What is to be mounted is there, without a link on its way, and a container's user may write to it, who need not be
// the one that owns it: it lies below a directory that is closed to others.
Status open_up(const Mount& mount, bool to_all) {
  const UntrustedTree base = MR_TRY(UntrustedTree::open(mount.source));
  if (base.is_file(mount.below.native())) return {};
  const UntrustedTree tree = MR_TRY(base.open_tree(mount.below.native()));
  if (!to_all) return {};
  const Fd directory = MR_TRY(tree.open_directory(""));
  if (::fchmod(directory.get(), 0777) == 0) return {};
  return fail(system_error(tree.root().native() + " cannot be opened to the container's user", errno));
}

// A directory of the machine. The engine follows paths by itself, and no descriptor can be given to it: what is mounted
// is looked at now. A step that exchanges a directory of a claim for a link while another one that mounts a part of
// that claim is started can still win.
Status add_directory(const Mount& mount, bool to_all, Words& words) {
  const bool read_only = mount.kind == Mount::Kind::read_only;
  const fs::path source = mount.below.empty() ? mount.source : mount.source / mount.below;
  if (!mount.below.empty() || (to_all && !read_only)) MR_TRY(open_up(mount, to_all && !read_only));
  words.push_back("--volume");
  words.push_back(source.native() + ":" + mount.target + (read_only ? ":ro" : ""));
  return {};
}

Status add_files(const Mount& mount, bool to_all, const fs::path& directory, Words& words) {
  MR_TRY(make_directories(directory, to_all ? 0755 : 0700));
  for (const auto& [name, bytes] : mount.files) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a file", name));
    // Whole at any moment: where a start is repeated, the container may run already.
    MR_TRY(write_file_atomic(directory / name, bytes, to_all ? 0444 : 0400));
  }
  words.push_back("--volume");
  words.push_back(directory.native() + ":" + mount.target + ":ro");
  return {};
}

Status add_mounts(const Workload& workload, const fs::path& directory, Words& words) {
  const bool to_all = has_own_user(workload);
  std::size_t number = 0;
  for (const Mount& mount : workload.sandbox ? workload.sandbox->mounts : std::vector<Mount>()) {
    if (mount.target.find(':') != std::string::npos ||
        (mount.source / mount.below).native().find(':') != std::string::npos)
      return fail(Code::invalid_argument,
                  fmt::format("a container cannot have \"{}\" mounted: it holds a ':'", mount.target));
    switch (mount.kind) {
      case Mount::Kind::writable:
      case Mount::Kind::read_only:
        MR_TRY(add_directory(mount, to_all, words));
        break;
      case Mount::Kind::memory:
        words.push_back("--tmpfs");
        words.push_back(mount.target + (mount.size_bytes == 0 ? "" : fmt::format(":size={}", mount.size_bytes)));
        break;
      case Mount::Kind::files:
        MR_TRY(add_files(mount, to_all, directory / "files" / std::to_string(number++), words));
        break;
    }
  }
  return {};
}

// The workload's variables by name: their values are in the client's environment. Those of the client's own, which the
// workload may have too, are given with their values.
void add_variables(Variables variables, Words& words, Variables& of_client) {
  of_client = engine_variables();
  for (auto& [name, value] : variables) {
    words.push_back("--env");
    if (is_engine_variable(name)) {
      words.push_back(name + "=" + value);
    } else {
      words.push_back(name);
      of_client.emplace_back(std::move(name), std::move(value));
    }
  }
}

// One that nothing has now. The next start of the workload is the cure where somebody else takes it in the meantime.
Result<std::uint16_t> free_loopback_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return fail(system_error("no port of loopback for a container", errno));
  }
  return ntohs(address.sin_port);
}

// Kept in the directory: where a start is repeated the container may run already, and a later server looks there.
Result<std::uint16_t> choose_port(const fs::path& directory) {
  if (const std::uint16_t kept = kept_port(directory); kept != 0) return kept;
  const std::uint16_t port = MR_TRY(free_loopback_port());
  MR_TRY(write_file_atomic(directory / kPortFile, std::to_string(port), 0600));
  return port;
}

// The host's network, so that the workload reaches this server on loopback; or one of its own with a port published.
Status add_network(const fs::path& engine, const Workload& workload, const fs::path& directory, Words& words) {
  const bool network = !workload.sandbox || workload.sandbox->network;
  if (workload.published_port == 0) {
    words.insert(words.end(), {"--network", network ? "host" : "none"});
    return {};
  }
  if (!network) return fail(Code::invalid_argument, "a container without a network has no port to be published");
  const std::uint16_t port = MR_TRY(choose_port(directory));
  words.insert(words.end(), {"--publish", fmt::format("127.0.0.1:{}:{}", port, workload.published_port)});
  // podman gives the name by itself.
  if (engine.filename() == "docker") words.insert(words.end(), {"--add-host", "host.containers.internal:host-gateway"});
  return {};
}

}  // namespace

std::uint16_t kept_port(const fs::path& directory) {
  const auto text = read_file(directory / kPortFile, 16);
  const auto port = text ? parse_int(*text) : std::nullopt;
  return port && *port > 0 && *port <= UINT16_MAX ? static_cast<std::uint16_t>(*port) : std::uint16_t{0};
}

std::string container_name(std::string_view key) { return "millrace-" + sha256_hex(key).substr(0, 24); }

bool is_image_reference(std::string_view image) {
  if (image.starts_with(kRegistry)) image.remove_prefix(kRegistry.size());
  if (image.empty() || image.size() > kMaxImageBytes || !is_letter_or_digit(image.front())) return false;
  const bool good = std::all_of(image.begin(), image.end(), [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-' || c == '/' || c == ':' || c == '@' || c == '+';
  });
  if (!good) return false;
  // Before a '/' a ':' is that of a port: what it follows elsewhere is the name of a transport.
  const std::size_t slash = image.find('/');
  const std::string_view host = image.substr(0, slash);
  const std::size_t colon = slash == std::string_view::npos ? std::string_view::npos : host.find(':');
  if (colon == std::string_view::npos) return true;
  const std::string_view port = host.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<Workload> client_of(const fs::path& engine, Workload workload, const fs::path& directory) {
  if (!is_image_reference(workload.image))
    return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of an image", workload.image));
  Workload client;
  // No labels: what is mounted is the server's own.
  Words& words = client.command;
  words = {engine.native(), "run", "--rm", "--name", container_name(workload.key), "--security-opt", "label=disable"};
  MR_TRY(add_network(engine, workload, directory, words));
  add_limits(workload, words);
  add_user(workload, words);
  MR_TRY(add_mounts(workload, directory, words));
  add_variables(std::move(workload.environment), words, client.environment);
  if (!workload.working_directory.empty()) {
    words.push_back("--workdir");
    words.push_back(workload.working_directory.native());
  }
  // As in Kubernetes: a command takes the place of the image's entry point, arguments that of its command.
  const Words& command = workload.command;
  if (!command.empty()) {
    words.push_back("--entrypoint");
    words.push_back(command.front());
  }
  words.push_back(std::move(workload.image));
  if (!command.empty()) words.insert(words.end(), command.begin() + 1, command.end());
  words.insert(words.end(), std::move_iterator(workload.arguments.begin()),
               std::move_iterator(workload.arguments.end()));
  client.key = std::move(workload.key);
  client.log = std::move(workload.log);
  client.working_directory = directory;
  client.as_server = true;
  client.synced = workload.synced;
  return client;
}

}  // namespace millrace::work
