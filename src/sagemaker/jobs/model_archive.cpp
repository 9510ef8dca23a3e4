#include "sagemaker/jobs/model_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include <fmt/core.h>

#include "base/archive_library.h"
#include "base/file.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/printable.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 256u << 10;

struct WriteCloser {
  void operator()(::archive* a) const { archive_write_free(a); }
};
struct ReadCloser {
  void operator()(::archive* a) const { archive_read_free(a); }
};
struct EntryCloser {
  void operator()(::archive_entry* e) const { archive_entry_free(e); }
};

std::string reason_of(::archive* a) {
  const char* text = archive_error_string(a);
  return text != nullptr ? text : "unknown error";
}

Status pack_file(::archive* out, const UntrustedTree& tree, const OutputFile& file, const Checkpoint& checkpoint) {
  const Fd in = MR_TRY(tree.open_file(file.path, Links::within));
  const std::string name = seen_path(file.path);
  const std::unique_ptr<::archive_entry, EntryCloser> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), file.name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), file.executable ? 0755 : 0644);
  archive_entry_set_size(entry.get(), static_cast<std::int64_t>(file.size));
  archive_entry_set_mtime(entry.get(), 0, 0);
  // A warning: the name is no text of this locale, and is kept as bytes.
  if (archive_write_header(out, entry.get()) < ARCHIVE_WARN) {
    return fail(Code::invalid_argument, fmt::format("cannot pack {}: {}", name, reason_of(out)));
  }
  std::vector<char> buffer(kBlock);
  std::uint64_t left = file.size;
  while (left > 0) {
    if (checkpoint) MR_TRY(checkpoint());
    const ssize_t got = ::read(in.get(), buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Code::failed_precondition, fmt::format("{} became shorter while it was packed", name));
    if (archive_write_data(out, buffer.data(), static_cast<std::size_t>(got)) != got) {
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

// A name that is too long, a file where another entry needs a folder: the archive's fault. A full disk is not.
Status as_the_archives_fault(Status done) {
  if (!done && done.error().code != Code::resource_exhausted) done.error().code = Code::invalid_argument;
  return done;
}

struct Unpacking {
  std::uint64_t& left;  // bytes that may still come
  const Checkpoint& checkpoint;
};

Status unpack_file(::archive* in, ::archive_entry* entry, const fs::path& file, const std::string& name,
                   const Unpacking& unpacking) {
  // trusted-path: in a folder of the server's own, which no program has seen yet
  MR_TRY(as_the_archives_fault(make_directories(file.parent_path())));
  const bool executable = (archive_entry_perm(entry) & S_IXUSR) != 0;
  // trusted-path: in a folder of the server's own, which no program has seen yet
  Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, executable ? 0755 : 0644));
  if (!out) return as_the_archives_fault(fail(system_error("cannot write " + name, errno)));
  std::vector<char> buffer(kBlock);
  std::uint64_t& left = unpacking.left;
  while (true) {
    if (unpacking.checkpoint) MR_TRY(unpacking.checkpoint());
    const auto got = archive_read_data(in, buffer.data(), buffer.size());
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

Result<std::size_t> pack_folder(const UntrustedTree& tree, const std::string& folder, const fs::path& archive,
                                OutputBudget& budget, std::vector<std::string>& notes, const Checkpoint& checkpoint) {
  return pack_folders(std::span(&tree, 1), folder, archive, budget, notes, checkpoint);
}

Result<std::size_t> pack_folders(std::span<const UntrustedTree> trees, const std::string& folder,
                                 const fs::path& archive, OutputBudget& budget, std::vector<std::string>& notes,
                                 const Checkpoint& checkpoint) {
  std::map<std::string, std::pair<const UntrustedTree*, OutputFile>> files;  // by name
  for (const UntrustedTree& tree : trees) {
    for (OutputFile& file : MR_TRY(output_files(tree, folder, budget, notes))) {
      std::string name = file.name;
      files.insert_or_assign(std::move(name), std::pair(&tree, std::move(file)));
    }
  }
  MR_TRY(archive_library.load());
  const std::unique_ptr<::archive, WriteCloser> out(archive_write_new());
  archive_write_add_filter_gzip(out.get());
  archive_write_set_format_pax_restricted(out.get());
  // Without its own time in the gzip header the same model has the same bytes.
  if (archive_write_set_options(out.get(), "gzip:!timestamp") != ARCHIVE_OK ||
      // trusted-path: in a folder of the server's own, which no program has seen yet
      archive_write_open_filename(out.get(), archive.c_str()) != ARCHIVE_OK) {
    return fail(Code::internal, fmt::format("cannot write {}: {}", archive.string(), reason_of(out.get())));
  }
  for (const auto& [name, found] : files) MR_TRY(pack_file(out.get(), *found.first, found.second, checkpoint));
  if (archive_write_close(out.get()) != ARCHIVE_OK) {
    return fail(Code::internal, fmt::format("cannot write {}: {}", archive.string(), reason_of(out.get())));
  }
  return files.size();
}

Status unpack_archive(const fs::path& archive, const fs::path& folder, const UnpackLimits& limits,
                      const Checkpoint& checkpoint) {
  // trusted-path: in a folder of the server's own, which no program has seen yet
  MR_TRY(make_directories(folder));
  MR_TRY(archive_library.load());
  const std::unique_ptr<::archive, ReadCloser> in(archive_read_new());
  archive_read_support_filter_gzip(in.get());
  archive_read_support_format_tar(in.get());
  // trusted-path: in a folder of the server's own, which no program has seen yet
  if (archive_read_open_filename(in.get(), archive.c_str(), kBlock) != ARCHIVE_OK) {
    return fail(Code::invalid_argument, fmt::format("it is not a tar.gz archive: {}", reason_of(in.get())));
  }
  std::uint64_t left = limits.max_bytes;
  std::size_t entries = 0;
  ::archive_entry* entry = nullptr;
  while (true) {
    const int next = archive_read_next_header(in.get(), &entry);
    if (next == ARCHIVE_EOF) return {};
    if (next != ARCHIVE_OK && next != ARCHIVE_WARN) {
      return fail(Code::invalid_argument, fmt::format("it is not a tar.gz archive: {}", reason_of(in.get())));
    }
    if (++entries > limits.max_entries) {
      return fail(Code::resource_exhausted, fmt::format("the archive holds more than {} entries", limits.max_entries));
    }
    const char* raw = archive_entry_pathname(entry);
    const std::string given = raw != nullptr ? raw : "";
    const std::string name = clean_name(given);
    const auto type = archive_entry_filetype(entry);
    if (name.empty() && type == AE_IFDIR) continue;
    if (!is_contained_path(name)) {
      return fail(Code::invalid_argument,
                  fmt::format("the archive's entry \"{}\" lies outside its folder", printable(given)));
    }
    if (static_cast<std::size_t>(std::count(name.begin(), name.end(), '/')) >= limits.max_depth) {
      return fail(Code::resource_exhausted,
                  fmt::format("the archive nests its folders more than {} deep", limits.max_depth));
    }
    if (type == AE_IFDIR) {
      // trusted-path: in a folder of the server's own, which no program has seen yet
      MR_TRY(as_the_archives_fault(make_directories(folder / name)));
    } else if (type == AE_IFREG && archive_entry_hardlink(entry) == nullptr) {
      MR_TRY(unpack_file(in.get(), entry, folder / name, printable(name), {left, checkpoint}));
    } else {
      return fail(Code::invalid_argument,
                  fmt::format("the archive's entry \"{}\" is a link or a device; only files and folders are taken",
                              printable(name)));
    }
  }
}

}  // namespace millrace::sagemaker
