#include "proc/machine_places.h"

#include <link.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"
#include "proc/sandbox_base.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kFirstPerson = 1'000, kNobody = 65'534;  // login.defs(5), and systemd's table of numbers
constexpr std::size_t kMaxUsers = 10'000, kEntryBytes = 16 * 1024;
constexpr int kMaxLinks = 16;
constexpr std::size_t kMaxConfigBytes = 64 * 1024;
// A user's home may be said to be one of these, which are everybody's.
constexpr std::string_view kEverybodys[] = {
    "/",     "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64",   "/mnt",     "/opt",       "/proc",    "/run",
    "/sbin", "/srv", "/sys",  "/tmp", "/usr", "/var", "/var/tmp", "/var/lib", "/usr/local", "/usr/bin", "/usr/sbin"};

bool contains(const std::vector<std::string>& directories, const std::string& path) {
  return std::ranges::any_of(directories, [&](const std::string& one) { return is_within(path, one); });
}

class Found {
 public:
  explicit Found(const std::vector<std::string>& homes) : homes_(homes) {}

  // A directory of programs, and what the Python in it needs.
  void add_bin(const std::string& bin, int links = 0) {
    std::error_code error;
    if (links > kMaxLinks || bin.empty() || bin.front() != '/' || !fs::is_directory(bin, error)) return;
    const std::string above = parent_path(bin), name = bin.substr(bin.rfind('/') + 1);
    const bool manages = name == "shims" && fs::is_directory(above + "/versions", error);
    if (manages || (name == "bin" && is_installation(above)))
      add(is_home(above) ? bin : above);
    else
      add(bin);
    if (name == "bin" && is_home(above)) add(above + "/lib");
    add_base_of(above, links);
    for (const char* python : {"/python3", "/python"}) follow(bin + python, links);
  }

  void add(const std::string& path) {
    std::error_code error;
    const bool hidden = contains(homes_, path) || is_within(path, "/tmp");
    if (hidden && !is_home(path) && path != "/tmp" && fs::exists(path, error)) places_.push_back(path);
  }

  // Its directory, where others lie that are loaded at their first use; of one that may hold anything, the file alone.
  void add_library(const std::string& file) {
    const std::string directory = parent_path(file);
    add(directory.ends_with("/lib") || directory.ends_with(".libs") ? directory : file);
  }

  std::vector<fs::path> take() {
    std::sort(places_.begin(), places_.end(), comes_before);
    std::vector<fs::path> out;
    for (const auto& place : places_) {
      if (out.empty() || !is_within(place, out.back().native())) out.emplace_back(place);
    }
    return out;
  }

 private:
  // Not to be shown as a whole, and neither is what users' own programs are installed to, with much else.
  bool is_home(const std::string& path) const {
    if (path.ends_with("/.local") || path == "/home") return true;
    if (std::ranges::any_of(homes_, [&](const std::string& home) { return is_within(home, path); })) return true;
    return parent_path(path) == "/home";
  }

  static bool is_installation(const std::string& directory) {
    std::error_code error;
    if (fs::exists(directory + "/pyvenv.cfg", error)) return true;
    for (const auto& entry : fs::directory_iterator(directory + "/lib", error)) {
      if (entry.path().filename().native().starts_with("python3")) return true;
    }
    return false;
  }

  void add_base_of(const std::string& environment, int links) {
    const auto config = read_file(environment + "/pyvenv.cfg", kMaxConfigBytes);
    if (!config) return;
    for (const auto line : split(*config, '\n')) {
      const std::size_t equals = line.find('=');
      if (equals == std::string_view::npos || trim(line.substr(0, equals)) != "home") continue;
      add_bin(clean_path(std::string(trim(line.substr(equals + 1)))), links + 1);
    }
  }

  void follow(const std::string& file, int links) {
    std::error_code error;
    if (!fs::is_symlink(file, error)) return;
    const fs::path target = fs::read_symlink(file, error);
    if (error) return;
    const std::string bin = clean_path((fs::path(file).parent_path() / target).parent_path().native());
    if (bin != parent_path(file)) add_bin(bin, links + 1);
  }

  const std::vector<std::string>& homes_;
  std::vector<std::string> places_;
};

// The files that the program's shared libraries were loaded from.
std::vector<std::string> loaded_libraries() {
  std::vector<std::string> files;
  ::dl_iterate_phdr(
      [](struct dl_phdr_info* library, std::size_t, void* out) {
        const std::string_view name = library->dlpi_name;
        if (name.starts_with('/'))
          static_cast<std::vector<std::string>*>(out)->push_back(resolved_path(std::string(name)));
        return 0;
      },
      &files);
  return files;
}

}  // namespace

std::vector<std::string> homes() {
  std::vector<std::string> out = {"/root", "/home"};
  const std::unique_ptr<FILE, int (*)(FILE*)> users(std::fopen("/etc/passwd", "re"), std::fclose);
  std::string buffer(kEntryBytes, '\0');
  struct passwd entry{};
  struct passwd* found = nullptr;
  for (std::size_t i = 0; users && i < kMaxUsers; ++i) {
    if (::fgetpwent_r(users.get(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) break;
    const bool person = entry.pw_uid >= kFirstPerson && entry.pw_uid < kNobody;
    if (person || entry.pw_uid == 0 || entry.pw_uid == ::geteuid()) out.emplace_back(clean_path(entry.pw_dir));
  }
  for (auto& home : out) home = resolved_path(home);
  std::erase_if(out, [](const std::string& home) {
    return home.empty() || home.front() != '/' || std::ranges::find(kEverybodys, home) != std::end(kEverybodys);
  });
  std::sort(out.begin(), out.end(), comes_before);
  std::vector<std::string> outermost;
  for (const auto& home : out) {
    if (outermost.empty() || !is_within(home, outermost.back())) outermost.push_back(home);
  }
  return outermost;
}

std::vector<fs::path> programs_on(std::string_view path_variable, const std::vector<std::string>& homes) {
  Found found(homes);
  for (const auto entry : split(path_variable, ':')) {
    if (entry.starts_with('/')) found.add_bin(clean_path(std::string(entry)));
  }
  return found.take();
}

std::vector<fs::path> places_of_libraries(const std::vector<std::string>& files,
                                          const std::vector<std::string>& homes) {
  Found found(homes);
  for (const std::string& file : files) found.add_library(file);
  return found.take();
}

const std::vector<fs::path>& needed_programs() {
  static const std::vector<fs::path> programs = [] {
    const auto hidden = homes();
    const char* path = std::getenv("PATH");
    auto out = programs_on(path == nullptr ? "" : path, hidden);
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    const bool needed = !error && (contains(hidden, self.native()) || is_within(self.native(), "/tmp"));
    const bool there =
        std::ranges::any_of(out, [&](const fs::path& one) { return is_within(self.native(), one.native()); });
    if (needed && !there && fs::is_regular_file(self, error)) out.push_back(self);
    for (fs::path& place : places_of_libraries(loaded_libraries(), hidden)) {
      const bool shown =
          std::ranges::any_of(out, [&](const fs::path& one) { return is_within(place.native(), one.native()); });
      if (!shown) out.push_back(std::move(place));
    }
    return out;
  }();
  return programs;
}

}  // namespace millrace::proc
