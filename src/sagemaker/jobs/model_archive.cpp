#include "sagemaker/jobs/model_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include <fmt/core.h>

#include "base/file.h"
#include "sagemaker/jobs/object_paths.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 256u << 10;

struct WriteCloser {
  void operator()(::archive* a) const { ::archive_write_free(a); }
};
struct ReadCloser {
  void operator()(::archive* a) const { ::archive_read_free(a); }
};
struct EntryCloser {
  void operator()(::archive_entry* e) const { ::archive_entry_free(e); }
};

std::string reason_of(::archive* a) {
  const char* text = ::archive_error_string(a);
  return text != nullptr ? text : "unknown error";
}

Status pack_file(::archive* out, const fs::path& file, const std::string& name) {
  Fd in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in) return fail(system_error("cannot read " + name, errno));
  struct stat status{};
  if (::fstat(in.get(), &status) != 0) return fail(system_error("cannot read " + name, errno));
  const std::unique_ptr<::archive_entry, EntryCloser> entry(::archive_entry_new());
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), (status.st_mode & S_IXUSR) != 0 ? 0755 : 0644);
  ::archive_entry_set_size(entry.get(), status.st_size);
  ::archive_entry_set_mtime(entry.get(), 0, 0);
  if (::archive_write_header(out, entry.get()) != ARCHIVE_OK) {
    return fail(Code::internal, fmt::format("cannot pack {}: {}", name, reason_of(out)));
  }
  std::vector<char> buffer(kBlock);
  auto left = static_cast<std::uint64_t>(status.st_size);
  while (left > 0) {
    const ssize_t got = ::read(in.get(), buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Code::internal, fmt::format("{} became shorter while it was packed", name));
    if (::archive_write_data(out, buffer.data(), static_cast<std::size_t>(got)) != got) {
      return fail(Code::internal, fmt::format("cannot pack {}: {}", name, reason_of(out)));
    }
    left -= static_cast<std::uint64_t>(got);
  }
  return {};
}

// "./model/a" → "model/a"; "." → "".
std::string clean_name(std::string name) {
  while (name.starts_with("./")) name.erase(0, 2);
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return name == "." || name == "/" ? "" : name;
}

Status unpack_file(::archive* in, ::archive_entry* entry, const fs::path& file, const std::string& name,
                   std::uint64_t& left) {
  MR_TRY(make_directories(file.parent_path()));
  const bool executable = (::archive_entry_perm(entry) & S_IXUSR) != 0;
  Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, executable ? 0755 : 0644));
  if (!out) return fail(system_error("cannot write " + name, errno));
  std::vector<char> buffer(kBlock);
  while (true) {
    const auto got = ::archive_read_data(in, buffer.data(), buffer.size());
    if (got < 0) return fail(Code::invalid_argument, fmt::format("cannot unpack {}: {}", name, reason_of(in)));
    if (got == 0) return {};
    if (static_cast<std::uint64_t>(got) > left) {
      return fail(Code::resource_exhausted, "the archive unpacks to more than the limit");
    }
    left -= static_cast<std::uint64_t>(got);
    for (ssize_t done = 0; done < got;) {
      const ssize_t wrote = ::write(out.get(), buffer.data() + done, static_cast<std::size_t>(got - done));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return fail(system_error("cannot write " + name, errno));
      done += wrote;
    }
  }
}

}  // namespace

Status pack_folder(const fs::path& folder, const fs::path& archive) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_symlink(error) || !it->is_regular_file(error)) continue;
    names.push_back(it->path().lexically_relative(folder).string());
  }
  if (error) return fail(Code::internal, fmt::format("cannot read {}: {}", folder.string(), error.message()));
  std::sort(names.begin(), names.end());

  const std::unique_ptr<::archive, WriteCloser> out(::archive_write_new());
  ::archive_write_add_filter_gzip(out.get());
  ::archive_write_set_format_pax_restricted(out.get());
  // Without its own time in the gzip header the same model has the same bytes.
  if (::archive_write_set_options(out.get(), "gzip:!timestamp") != ARCHIVE_OK ||
      ::archive_write_open_filename(out.get(), archive.c_str()) != ARCHIVE_OK) {
    return fail(Code::internal, fmt::format("cannot write {}: {}", archive.string(), reason_of(out.get())));
  }
  for (const auto& name : names) MR_TRY(pack_file(out.get(), folder / name, name));
  if (::archive_write_close(out.get()) != ARCHIVE_OK) {
    return fail(Code::internal, fmt::format("cannot write {}: {}", archive.string(), reason_of(out.get())));
  }
  return {};
}

Status unpack_archive(const fs::path& archive, const fs::path& folder, const UnpackLimits& limits) {
  MR_TRY(make_directories(folder));
  const std::unique_ptr<::archive, ReadCloser> in(::archive_read_new());
  ::archive_read_support_filter_gzip(in.get());
  ::archive_read_support_format_tar(in.get());
  if (::archive_read_open_filename(in.get(), archive.c_str(), kBlock) != ARCHIVE_OK) {
    return fail(Code::invalid_argument, fmt::format("it is not a tar.gz archive: {}", reason_of(in.get())));
  }
  std::uint64_t left = limits.max_bytes;
  std::size_t entries = 0;
  ::archive_entry* entry = nullptr;
  while (true) {
    const int next = ::archive_read_next_header(in.get(), &entry);
    if (next == ARCHIVE_EOF) return {};
    if (next != ARCHIVE_OK && next != ARCHIVE_WARN) {
      return fail(Code::invalid_argument, fmt::format("it is not a tar.gz archive: {}", reason_of(in.get())));
    }
    if (++entries > limits.max_entries) {
      return fail(Code::resource_exhausted, fmt::format("the archive holds more than {} entries", limits.max_entries));
    }
    const char* raw = ::archive_entry_pathname(entry);
    const std::string given = raw != nullptr ? raw : "";
    const std::string name = clean_name(given);
    const auto type = ::archive_entry_filetype(entry);
    if (name.empty() && type == AE_IFDIR) continue;
    if (!is_contained_path(name)) {
      return fail(Code::invalid_argument, fmt::format("the archive's entry \"{}\" lies outside its folder", given));
    }
    if (type == AE_IFDIR) {
      MR_TRY(make_directories(folder / name));
    } else if (type == AE_IFREG && ::archive_entry_hardlink(entry) == nullptr) {
      MR_TRY(unpack_file(in.get(), entry, folder / name, name, left));
    } else {
      return fail(
          Code::invalid_argument,
          fmt::format("the archive's entry \"{}\" is a link or a device; only files and folders are taken", name));
    }
  }
}

}  // namespace millrace::sagemaker
