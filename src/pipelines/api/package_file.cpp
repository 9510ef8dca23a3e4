#include "pipelines/api/package_file.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/core.h>

#include "base/archive_library.h"
#include "base/encode.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxFile = 32u << 20;
constexpr std::size_t kMaxUnpacked = 64u << 20;  // all entries of an archive together
constexpr std::size_t kMaxEntries = 10'000;
constexpr std::size_t kTarMagic = 257;    // where "ustar" stands in a tar file
constexpr std::size_t kLarge = 1u << 20;  // of a document

// A parameter of a header field, boundary of `multipart/form-data; boundary="x"`: a token or a quoted string
// (RFC 9110, section 5.6).
std::string field_parameter(std::string_view field, std::string_view name) {
  std::size_t at = field.find(';');
  while (at < field.size()) {
    const std::size_t equals = field.find('=', ++at);
    if (equals == std::string_view::npos) break;
    const std::string_view found = trim(field.substr(at, equals - at));
    std::string value;
    at = field.find_first_not_of(" \t", equals + 1);
    if (at < field.size() && field[at] == '"') {
      for (++at; at < field.size() && field[at] != '"'; ++at) {
        if (field[at] == '\\' && at + 1 < field.size()) ++at;
        value += field[at];
      }
      at = field.find(';', std::min(at, field.size()));
    } else {
      at = std::min(at, field.size());
      const std::size_t end = field.find(';', at);
      value = trim(field.substr(at, end == std::string_view::npos ? end : end - at));
      at = end;
    }
    if (equals_ignore_case(found, name)) return value;
  }
  return {};
}

// What a part's file is called: the last segment, as a path says where it was. `filename*` is RFC 5987's:
// UTF-8''%e2%82%ac.yaml.
std::string file_name(std::string_view disposition) {
  std::string name = field_parameter(disposition, "filename");
  const std::string extended = field_parameter(disposition, "filename*");
  if (const std::size_t quotes = extended.find("''"); quotes != std::string::npos) {
    if (const auto decoded = percent_decode(std::string_view(extended).substr(quotes + 2));
        decoded && is_valid_utf8(*decoded))
      name = *decoded;
  }
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

// Where the next delimiter stands, and where what follows it begins (RFC 2046, section 5.1.1). A longer line that
// begins with it is none.
struct Delimiter {
  std::size_t at = std::string::npos, after = std::string::npos;
  bool last = false;
};
Delimiter find_delimiter(std::string_view text, std::string_view delimiter, std::size_t from) {
  for (std::size_t at = text.find(delimiter, from); at != std::string_view::npos; at = text.find(delimiter, at + 1)) {
    const std::string_view rest = text.substr(at + delimiter.size());
    if (rest.starts_with("--")) return {at, at + delimiter.size() + 2, true};
    const std::size_t padding = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (rest.substr(padding).starts_with("\r\n")) return {at, at + delimiter.size() + padding, false};
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
  const std::string text = "\r\n--" + boundary;
  const std::string whole = fmt::format("\r\n{}", body);  // the first delimiter may stand at the very beginning
  std::optional<UploadedFile> file;
  Delimiter delimiter = find_delimiter(whole, text, 0);
  while (delimiter.at != std::string::npos && !delimiter.last) {
    const Delimiter next = find_delimiter(whole, text, delimiter.after);
    const std::size_t blank = whole.find("\r\n\r\n", delimiter.after);
    if (next.at == std::string::npos || blank == std::string::npos || blank > next.at)
      return fail(Code::invalid_argument, "the multipart body is cut off");
    const std::string_view head(whole.data() + delimiter.after, blank - delimiter.after);
    for (std::string_view line : split(head, '\n')) {
      line = trim(line);
      if (!to_lower(line).starts_with("content-disposition:")) continue;
      if (field_parameter(line, "name") != "uploadfile") continue;
      if (file) return fail(Code::invalid_argument, "the upload has two files; send one pipeline at a time");
      const std::size_t begin = blank + 4;
      file = UploadedFile{file_name(line), next.at > begin ? whole.substr(begin, next.at - begin) : std::string()};
    }
    delimiter = next;
  }
  if (file) return std::move(*file);
  return fail(Code::invalid_argument,
              delimiter.at == std::string::npos && !body.empty()
                  ? "the upload has no part: its Content-Type names another boundary than stands in the body"
                  : "the upload has no part named \"uploadfile\"");
}

namespace {

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

// Nothing is written under an entry's name; an archive with such names was not made by a compiler of pipelines.
bool leads_out(std::string_view path) {
  if (path.starts_with('/') || path.find('\\') != std::string_view::npos) return true;
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") return true;
  }
  return false;
}

class Archive {
 public:
  Archive(const UploadedFile& file, bool zip, bool alone)
      : name_(file.name), reader_(archive_read_new(), archive_read_free) {
    if (zip) {
      // By its directory at the end: one that was cut off has none.
      archive_read_support_format_zip_seekable(reader_.get());
    } else {
      archive_read_support_filter_gzip(reader_.get());
      archive_read_support_format_tar(reader_.get());
      if (alone) archive_read_support_format_raw(reader_.get());  // a file that was compressed by itself
    }
    opened_ = archive_read_open_memory(reader_.get(), file.content.data(), file.content.size());
  }

  Result<std::string> pipeline() {
    if (opened_ != ARCHIVE_OK) return fail(broken());
    std::optional<std::string> first, wanted;
    archive_entry* entry = nullptr;
    for (std::size_t entries = 0;; ++entries) {
      const int status = archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status < ARCHIVE_WARN) return fail(broken());
      if (entries == kMaxEntries) return fail(bad(fmt::format("{} has more than {} entries", name_, kMaxEntries)));
      const char* text = archive_entry_pathname(entry);
      std::string_view path = text == nullptr ? "" : text;
      if (leads_out(path)) return fail(bad(fmt::format("{} has an entry that leads out of it: {}", name_, path)));
      if (path.starts_with("./")) path.remove_prefix(2);
      const bool plain = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
      const bool is_wanted = plain && !wanted && path == "pipeline.yaml";
      std::string content = MR_TRY(read(is_wanted || (plain && !first)));
      if (is_wanted) {
        wanted = std::move(content);
      } else if (plain && !first) {
        first = std::move(content);
      }
    }
    if (wanted) return std::move(*wanted);
    if (!first) return fail(bad(fmt::format("there is no file in {}", name_)));
    return std::move(*first);
  }

 private:
  Error broken() const {
    const char* why = archive_error_string(reader_.get());
    return bad(fmt::format("{} cannot be unpacked: {}", name_, why != nullptr ? why : "it is damaged"));
  }

  // Every entry is read, also for nothing: what comes after it can be reached in no other way, and is counted so.
  Result<std::string> read(bool keep) {
    std::string content;
    char buffer[64 * 1024];
    while (true) {
      const la_ssize_t n = archive_read_data(reader_.get(), buffer, sizeof buffer);
      if (n < 0) return fail(broken());
      if (n == 0) return content;
      unpacked_ += static_cast<std::size_t>(n);
      if (unpacked_ > kMaxUnpacked) return fail(bad(fmt::format("{} unpacks to more than 64 MiB", name_)));
      if (!keep) continue;
      content.append(buffer, static_cast<std::size_t>(n));
      if (content.size() > kMaxFile) return fail(bad(fmt::format("{} unpacks to more than 32 MiB", name_)));
    }
  }

  const std::string& name_;
  std::unique_ptr<archive, int (*)(archive*)> reader_;
  int opened_ = ARCHIVE_FATAL;
  std::size_t unpacked_ = 0;
};

}  // namespace

Result<std::string> unpack(const UploadedFile& file) {
  if (file.content.size() > kMaxFile) return fail(bad("a pipeline file may have 32 MiB at most"));
  // What it is, its bytes say: files are renamed, and what a URL names may have any name.
  const std::string name = to_lower(file.name);
  const bool zip = file.content.starts_with("PK\x03\x04") || file.content.starts_with("PK\x05\x06") ||
                   (file.content.starts_with("PK") && name.ends_with(".zip"));
  const bool gzip = file.content.starts_with("\x1f\x8b");
  const bool tar = file.content.size() > kTarMagic && std::string_view(file.content).substr(kTarMagic, 5) == "ustar";
  if (zip || gzip || tar) {
    MR_TRY(archive_library.load());
    return Archive(file, zip, gzip).pipeline();
  }
  const bool has_extension = name.find('.') != std::string::npos;
  if (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json") || !has_extension)
    return file.content;
  return fail(bad(fmt::format("{} is not a pipeline file: a .yaml, .yml, .json, .zip or .tar.gz file is expected",
                              file.name.empty() ? "the upload" : file.name)));
}

namespace {

Result<Value> read_document(const std::string& text) {
  Package package = MR_TRY(read_package(text));
  MR_TRY(parse_pipeline_spec(package.spec, package.platform));
  if (!package.workflow.is_null()) return std::move(package.workflow);
  if (package.platform.is_null()) return std::move(package.spec);
  return Value::object({{"pipeline_spec", std::move(package.spec)}, {"platform_spec", std::move(package.platform)}});
}

}  // namespace

Result<Value> read_pipeline(const UploadedFile& file) {
  const std::string text = MR_TRY(unpack(file));
  if (text.size() <= kLarge) return read_document(text);
  // One large document at a time in the whole process: it is the process's memory that this bounds.
  static Mutex one_at_a_time;
  const MutexLock turn(one_at_a_time);
  return read_document(text);
}

}  // namespace millrace::pipelines::api
