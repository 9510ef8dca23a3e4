#include "sagemaker/jobs/output_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/printable.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxNotes = 100;  // lines about what is left out, of one folder

// What is left out of a folder: lines for the job's log.
class LeftOut {
 public:
  explicit LeftOut(std::vector<std::string>& notes) : notes_(notes) {}
  void add(const UntrustedTree::Entry& entry) {
    if (++count_ > kMaxNotes) return;
    notes_.push_back(fmt::format("{} is {} and is not uploaded.", seen_path(entry.path),
                                 entry.info.kind == FileKind::symlink ? "a link that leads to no file below /opt/ml"
                                                                      : "neither a file nor a directory"));
  }
  void end(std::string_view folder) {
    if (count_ <= kMaxNotes) return;
    notes_.push_back(fmt::format("{} more below {} are not uploaded.", count_ - kMaxNotes, seen_path(folder)));
  }

 private:
  std::vector<std::string>& notes_;
  std::size_t count_ = 0;
};

std::string_view below(std::string_view path, std::string_view folder) {
  if (folder.empty()) return path;
  return path.substr(std::min(path.size(), folder.size() + 1));
}

std::string cut_to_characters(std::string text) {
  while (!text.empty() && !is_valid_utf8(text)) {
    const bool continues = (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80;
    const bool begins = static_cast<unsigned char>(text.back()) >= 0xC0;
    text.pop_back();
    if (!continues && !begins) return {};  // it is not only the cut that makes it no text
    if (begins) break;
  }
  return is_valid_utf8(text) ? text : std::string();
}

Result<std::string> read_start(int file, std::size_t max_bytes) {
  std::string text(max_bytes, '\0');
  std::size_t got = 0;
  while (got < max_bytes) {
    const ssize_t n = ::pread(file, text.data() + got, max_bytes - got, static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("cannot read", errno));
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(got);
  return text;
}

}  // namespace

OutputBudget budget_of_volume(const Value& volume_size_in_gb) {
  OutputBudget budget;
  const std::int64_t gigabytes = volume_size_in_gb.int_or(0);
  if (gigabytes > 0 && static_cast<std::uint64_t>(gigabytes) < (kMaxOutputBytes >> 30)) {
    budget.bytes = static_cast<std::uint64_t>(gigabytes) << 30;
  }
  return budget;
}

Result<UntrustedTree> open_opt_ml(const std::filesystem::path& ml) { return UntrustedTree::open(ml, "/opt/ml"); }

std::string seen_path(std::string_view path) {
  return path.empty() ? std::string("/opt/ml") : "/opt/ml/" + printable(path);
}

Result<std::vector<OutputFile>> output_files(const UntrustedTree& tree, const std::string& folder, OutputBudget& budget,
                                             std::vector<std::string>& notes) {
  std::vector<OutputFile> files;
  const auto info = tree.info(folder, Links::within);
  if (info && !*info) return files;
  if (!info && info.error().code != Code::failed_precondition) return fail(info.error());
  if (!info || (*info)->kind != FileKind::directory) {
    return fail(Code::failed_precondition,
                fmt::format("{} is not a directory, or a link that leads out of /opt/ml", seen_path(folder)));
  }
  UntrustedTree::Limits limits;
  limits.entries = kMaxOutputEntries + 1;
  limits.bytes = ~std::uint64_t{0};  // counted here, to say it in the job's words
  LeftOut left_out(notes);
  MR_TRY(tree.walk(folder, Links::within, limits, [&](const UntrustedTree::Entry& entry) -> Status {
    if (budget.entries == 0) {
      return fail(Code::resource_exhausted,
                  fmt::format("the job's outputs have more than {} files and directories", kMaxOutputEntries));
    }
    --budget.entries;
    if (entry.info.kind == FileKind::directory) return {};
    if (entry.info.kind != FileKind::regular) {
      left_out.add(entry);
      return {};
    }
    if (entry.info.size > budget.bytes) {
      return fail(Code::resource_exhausted,
                  fmt::format("{} has {} bytes, with which the job's outputs are larger than the volume that it asked "
                              "for (VolumeSizeInGB), or than {} GB",
                              seen_path(entry.path), entry.info.size, kMaxOutputBytes >> 30));
    }
    budget.bytes -= entry.info.size;
    files.push_back(
        {entry.path, std::string(below(entry.path, folder)), entry.info.size, (entry.info.mode & S_IXUSR) != 0});
    return {};
  }));
  left_out.end(folder);
  return files;
}

std::string output_text(const UntrustedTree& tree, const std::string& path, std::size_t max_bytes) {
  const auto file = tree.open_file(path, Links::within);
  if (!file) {
    if (file.error().code == Code::not_found) return {};
    return fmt::format("{} is not a file that can be read", seen_path(path));
  }
  auto text = read_start(file->get(), max_bytes);
  return text ? cut_to_characters(std::string(trim(*text))) : std::string();
}

}  // namespace millrace::sagemaker
