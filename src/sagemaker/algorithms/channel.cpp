#include "sagemaker/algorithms/channel.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "algorithms/csv.h"
#include "algorithms/recordio.h"
#include "base/file.h"
#include "base/strings.h"
#include "sagemaker/algorithms/content_type.h"

namespace millrace::sagemaker::built_in {
namespace {

constexpr std::size_t kMaxFiles = 100'000;
constexpr std::size_t kCsvPiece = 1u << 20;

// A file's bytes, mapped.
class Mapping {
 public:
  static Result<Mapping> open(const std::filesystem::path& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail(system_error("cannot read " + path.string(), errno));
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail(system_error("cannot read " + path.string(), errno));
    Mapping out;
    out.size_ = static_cast<std::size_t>(info.st_size);
    if (out.size_ == 0) return out;
    void* memory = ::mmap(nullptr, out.size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory == MAP_FAILED) return fail(system_error("cannot read " + path.string(), errno));
    out.memory_ = memory;
    (void)::madvise(memory, out.size_, MADV_WILLNEED);
    return out;
  }
  Mapping(Mapping&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
  }
  std::span<const std::uint8_t> bytes() const { return {static_cast<const std::uint8_t*>(memory_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(memory_), size_}; }

 private:
  Mapping() = default;
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

Result<std::vector<std::filesystem::path>> files_of(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(directory, error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    files.push_back(at->path());
    if (files.size() > kMaxFiles) {
      return fail(Code::resource_exhausted, fmt::format("there are more than {} files", kMaxFiles));
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail(system_error("cannot read " + directory.string(), error.value()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The text cut after line ends into pieces of about kCsvPiece.
std::vector<std::string_view> cut(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    std::size_t end = text.size() <= kCsvPiece ? text.size() : text.find('\n', kCsvPiece);
    end = end == std::string_view::npos ? text.size() : std::min(text.size(), end + 1);
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return pieces;
}

// "line 3, column 2: …" counted from the piece, made to count from the file.
std::string shift_line(const std::string& message, std::size_t lines_before) {
  constexpr std::string_view kLine = "line ";
  const std::size_t end = message.find(',');
  if (!message.starts_with(kLine) || end == std::string::npos) return message;
  const auto line = parse_int(std::string_view(message).substr(kLine.size(), end - kLine.size()));
  if (!line) return message;
  return fmt::format("line {}{}", static_cast<std::size_t>(*line) + lines_before, message.substr(end));
}

// What the rows' pointers point into.
struct Source {
  std::deque<Mapping> mappings;
  std::deque<algorithms::RecordRows> records;
  std::deque<algorithms::CsvTable> tables;
  std::vector<const std::uint8_t*> rows;
};

Status add_records(Source& source, const Mapping& file, std::size_t feature_dim) {
  source.records.push_back(MR_TRY(algorithms::read_records(file.bytes(), feature_dim)));
  const auto& rows = source.records.back().rows;
  source.rows.insert(source.rows.end(), rows.begin(), rows.end());
  return {};
}

tl::unexpected<Error> wrong_width(std::size_t columns, std::size_t feature_dim, std::size_t label_size) {
  std::string message = fmt::format("the rows have {} columns where feature_dim = {}{} are expected", columns,
                                    feature_dim, label_size == 0 ? "" : " and one label");
  if (label_size == 1 && columns == feature_dim) {
    message += "; for data without labels, set the channel's ContentType to 'text/csv;label_size=0'";
  }
  return fail(Code::invalid_argument, std::move(message));
}

Status add_csv(Source& source, const Mapping& file, std::size_t feature_dim, std::size_t label_size,
               algorithms::Team& team) {
  const auto pieces = cut(file.text());
  std::vector<Result<algorithms::CsvTable>> read(pieces.size(), algorithms::CsvTable{});
  team.for_each(pieces.size(), [&](std::size_t i) { read[i] = algorithms::read_csv(pieces[i]); });
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!read[i]) {
      const std::string_view before =
          file.text().substr(0, static_cast<std::size_t>(pieces[i].data() - file.text().data()));
      const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
      return fail(Code::invalid_argument, shift_line(read[i].error().message, lines));
    }
    if (read[i]->rows() == 0) continue;
    if (read[i]->columns != feature_dim + label_size) return wrong_width(read[i]->columns, feature_dim, label_size);
    source.tables.push_back(std::move(*read[i]));
    const algorithms::CsvTable& table = source.tables.back();
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const float* features = table.values.data() + row * table.columns + label_size;
      source.rows.push_back(reinterpret_cast<const std::uint8_t*>(features));
    }
  }
  return {};
}

Result<std::size_t> label_size_of(std::string_view channel, const ContentType& type) {
  const std::string_view given = type.parameter("label_size");
  if (given.empty() || given == "1") return 1;
  if (given == "0") return 0;
  return fail(Code::invalid_argument,
              fmt::format("label_size of channel '{}' must be 0 or 1, but is '{}'", channel, given));
}

}  // namespace

Result<algorithms::Rows> load_channel(std::string_view channel, const std::filesystem::path& directory,
                                      std::string_view content_type, std::size_t feature_dim, algorithms::Team& team) {
  const ContentType type = parse_content_type(content_type);
  const bool csv = type.type == kCsv;
  const std::size_t label_size = MR_TRY(label_size_of(channel, type));

  Source source;
  const auto paths = MR_TRY(files_of(directory));
  for (const auto& path : paths) {
    source.mappings.push_back(MR_TRY(Mapping::open(path)));
    const Mapping& file = source.mappings.back();
    const Status added =
        csv ? add_csv(source, file, feature_dim, label_size, team) : add_records(source, file, feature_dim);
    if (!added) {
      return fail(added.error().code, fmt::format("Unable to read data channel '{}', file '{}': {}", channel,
                                                  path.lexically_relative(directory).string(), added.error().message));
    }
  }
  if (source.rows.empty()) return fail(Code::not_found, fmt::format("Channel '{}' holds no records", channel));
  auto rows = algorithms::Rows::from_float_bytes(source.rows, feature_dim, team);
  if (!rows) {
    return fail(rows.error().code, fmt::format("Unable to read data channel '{}': {}", channel, rows.error().message));
  }
  return rows;
}

}  // namespace millrace::sagemaker::built_in
