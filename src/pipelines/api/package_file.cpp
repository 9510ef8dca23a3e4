#include "pipelines/api/package_file.h"

#include <memory>
#include <optional>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxUnpacked = 32u << 20;
constexpr std::size_t kMaxEntries = 10'000;

// A parameter of a header field: boundary of `multipart/form-data; boundary="x"`.
std::string field_parameter(std::string_view field, std::string_view name) {
  for (std::string_view part : split(field, ';')) {
    part = trim(part);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || !equals_ignore_case(trim(part.substr(0, equals)), name)) continue;
    std::string_view value = trim(part.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

}  // namespace

Result<UploadedFile> read_form(std::string_view content_type, std::string_view body) {
  const std::string boundary = field_parameter(content_type, "boundary");
  if (!to_lower(content_type).starts_with("multipart/form-data") || boundary.empty()) {
    return fail(Code::invalid_argument,
                "an upload is a multipart/form-data request with the pipeline's file as the part \"uploadfile\"");
  }
  const std::string delimiter = "\r\n--" + boundary;
  const std::string whole = fmt::format("\r\n{}", body);  // the first delimiter may stand at the very beginning
  std::size_t at = whole.find(delimiter);
  while (at != std::string::npos) {
    const std::size_t start = at + delimiter.size();
    if (std::string_view(whole).substr(start).starts_with("--")) break;
    const std::size_t next = whole.find(delimiter, start);
    const std::size_t blank = whole.find("\r\n\r\n", start);
    if (next == std::string::npos || blank == std::string::npos || blank > next)
      return fail(Code::invalid_argument, "the multipart body is cut off");
    const std::string_view head(whole.data() + start, blank - start);
    for (std::string_view line : split(head, '\n')) {
      line = trim(line);
      if (!to_lower(line).starts_with("content-disposition:")) continue;
      if (field_parameter(line, "name") != "uploadfile") continue;
      const std::size_t begin = blank + 4;
      return UploadedFile{field_parameter(line, "filename"),
                          next > begin ? whole.substr(begin, next - begin) : std::string()};
    }
    at = next;
  }
  return fail(Code::invalid_argument, "the upload has no part named \"uploadfile\"");
}

Result<std::string> unpack(const UploadedFile& file) {
  const std::string& content = file.content;
  const bool zip = content.starts_with("PK"), gzip = content.starts_with("\x1f\x8b");
  if (!zip && !gzip) {
    if (file.name.ends_with(".yaml") || file.name.ends_with(".yml") || file.name.ends_with(".json")) return content;
    return fail(Code::invalid_argument,
                fmt::format("{} is not a pipeline file: a .yaml, .yml, .json, .zip or .tar.gz file is expected",
                            file.name.empty() ? "the upload" : file.name));
  }
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_zip(reader.get());
  const auto broken = [&] {
    const char* why = archive_error_string(reader.get());
    return fail(Code::invalid_argument,
                fmt::format("{} cannot be unpacked: {}", file.name, why != nullptr ? why : "it is damaged"));
  };
  if (archive_read_open_memory(reader.get(), content.data(), content.size()) != ARCHIVE_OK) return broken();
  std::optional<std::string> first;
  archive_entry* entry = nullptr;
  for (std::size_t entries = 0; entries < kMaxEntries; ++entries) {
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return broken();
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* path = archive_entry_pathname(entry);
    const bool wanted = path != nullptr && std::string_view(path) == "pipeline.yaml";
    if (first && !wanted) continue;
    std::string text;
    char buffer[64 * 1024];
    while (true) {
      const la_ssize_t n = archive_read_data(reader.get(), buffer, sizeof buffer);
      if (n < 0) return broken();
      if (n == 0) break;
      text.append(buffer, static_cast<std::size_t>(n));
      if (text.size() > kMaxUnpacked)
        return fail(Code::resource_exhausted, fmt::format("{} unpacks to more than 32 MiB", file.name));
    }
    if (wanted) return text;
    first = std::move(text);
  }
  if (!first) return fail(Code::invalid_argument, fmt::format("there is no file in {}", file.name));
  return std::move(*first);
}

}  // namespace millrace::pipelines::api
