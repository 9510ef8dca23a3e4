#include "app/options.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::app {

bool is_loopback(std::string_view address) {
  if (address == "localhost") return true;
  const std::string text(address);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
}

Status parse_listen(std::string_view text, ServeOptions& options) {
  const auto bad = [&] {
    return fail(Code::invalid_argument,
                fmt::format("--listen {} is not an address and a port; write it like 127.0.0.1:8080", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string address(text.substr(0, colon));
  if (address.size() >= 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  if (address.empty() || address == "localhost") address = "127.0.0.1";
  const auto port = parse_int(text.substr(colon + 1));
  in6_addr v6{};
  in_addr v4{};
  if (!port || *port < 0 || *port > 65535 ||
      (inet_pton(AF_INET, address.c_str(), &v4) != 1 && inet_pton(AF_INET6, address.c_str(), &v6) != 1)) {
    return bad();
  }
  options.address = address;
  options.port = static_cast<std::uint16_t>(*port);
  return {};
}

Status add_image(std::string_view text, ServeOptions& options) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (equals == std::string_view::npos || name.empty() || name.find_first_of(" \t") != std::string_view::npos ||
      equals + 1 == text.size())
    return fail(Code::invalid_argument,
                fmt::format("--image {} is not NAME=DIRECTORY; write it like example.com/adds:1=./components", text));
  // Where links lead now: a step is given the directory, and its data must not lie in it.
  std::error_code error;
  auto directory = std::filesystem::weakly_canonical(std::filesystem::absolute(text.substr(equals + 1)), error);
  if (error) return fail(Code::invalid_argument, fmt::format("--image {}: {}", text, error.message()));
  if (directory.filename().empty()) directory = directory.parent_path();
  if (!options.images.emplace(name, std::move(directory)).second)
    return fail(Code::invalid_argument,
                fmt::format("--image {}: the image is given twice, and only one directory can stand for it", name));
  return {};
}

Status add_node_label(std::string_view text, ServeOptions& options) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fail(Code::invalid_argument, fmt::format("--node-label {} is not key=value", text));
  options.node_labels.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return {};
}

std::filesystem::path default_data_dir() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const auto dir = variable("MILLRACE_DATA_DIR"); !dir.empty()) return dir;
  if (const auto dir = variable("XDG_DATA_HOME"); !dir.empty()) return std::filesystem::path(dir) / "millrace";
  const auto home = variable("HOME");
  return std::filesystem::path(home.empty() ? "/var/lib" : home + "/.local/share") / "millrace";
}

std::filesystem::path own_executable() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored);
}

}  // namespace millrace::app
