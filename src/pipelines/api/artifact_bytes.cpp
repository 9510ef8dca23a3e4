// The bytes of artifacts: base64 in JSON as the API has it, plain as a browser wants them, and at the addresses that
// KFP's user interface has for them (frontend/server: /artifacts/get and /artifacts/{source}/{bucket}/{key}).

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/strings.h"
#include "pipelines/api/access.h"
#include "pipelines/api/artifact_rows.h"
#include "pipelines/api/nodes.h"
#include "pipelines/api/operations.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kPart =
    3u << 18;  // bytes of one read, a multiple of three: the base64 of parts is that of the whole

struct OpenFile {
  Fd file;
  std::uint64_t size = 0;
};

// `below`: of an artifact that is a directory, the path of the file in it; else empty.
Result<OpenFile> open_artifact(const Context& context, const std::string& uri, const std::string& run_id,
                               const std::string& below = {}) {
  const executors::StoredArtifact artifact = MR_TRY(executors::find_artifact(context.options, uri, run_id));
  const std::string path = below.empty() ? artifact.path : fmt::format("{}/{}", artifact.path, below);
  if (artifact.tree.is_directory(path, Links::within))
    return fail(Code::failed_precondition, fmt::format("the artifact {} is a directory; ask for a file in it", uri));
  auto file = artifact.tree.open_file(path, Links::within);
  struct stat facts{};
  if (!file || ::fstat(file->get(), &facts) != 0)
    return fail(file ? Code::internal : file.error().code, fmt::format("the artifact {} cannot be read", uri));
  return OpenFile{std::move(*file), static_cast<std::uint64_t>(facts.st_size)};
}

// {"data": "<base64>"}, whatever the file's size.
class Base64Stream final : public net::StreamBody {
 public:
  explicit Base64Stream(OpenFile file) : file_(std::move(file)) {}

  Next read(std::string& out) override {
    if (offset_ == 0 && !begun_) out += "{\"data\":\"";
    begun_ = true;
    std::string part(std::min<std::uint64_t>(kPart, file_.size - offset_), '\0');
    std::size_t got = 0;
    while (got < part.size()) {
      const ssize_t n =
          ::pread(file_.file.get(), part.data() + got, part.size() - got, static_cast<off_t>(offset_ + got));
      if (n <= 0) return Next::end;  // cut short: without its end it is no JSON, which the client notices
      got += static_cast<std::size_t>(n);
    }
    out += to_base64(part);
    offset_ += got;
    if (offset_ < file_.size) return Next::more;
    out += "\"}";
    return Next::end;
  }

 private:
  OpenFile file_;
  std::uint64_t offset_ = 0;
  bool begun_ = false;
};

struct Range {
  std::uint64_t offset = 0, length = 0;
};
// RFC 9110, section 14. nullopt: the whole file (no range, one that cannot be read, several). A range that begins
// behind the end is an error.
Result<std::optional<Range>> read_range(std::string_view header, std::uint64_t size) {
  if (!header.starts_with("bytes=") || header.find(',') != std::string_view::npos) return std::optional<Range>();
  header.remove_prefix(6);
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::optional<Range>();
  const auto first = parse_int(header.substr(0, dash)), last = parse_int(header.substr(dash + 1));
  const auto unsatisfiable = [&] {
    return fail(Code::invalid_argument,
                fmt::format("the range {} is behind the end: there are {} bytes", header, size));
  };
  if (dash == 0) {  // the last n bytes
    if (!last || *last < 0) return std::optional<Range>();
    const auto length = std::min(static_cast<std::uint64_t>(*last), size);
    if (length == 0) return unsatisfiable();
    return std::optional<Range>({size - length, length});
  }
  if (!first || *first < 0 || (dash + 1 < header.size() && (!last || *last < *first))) return std::optional<Range>();
  const auto offset = static_cast<std::uint64_t>(*first);
  if (offset >= size) return unsatisfiable();
  const std::uint64_t end = last ? std::min(static_cast<std::uint64_t>(*last) + 1, size) : size;
  return std::optional<Range>({offset, end - offset});
}

std::string_view content_type(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTypes = {
      {{".html", "text/html; charset=utf-8"},
       {".htm", "text/html; charset=utf-8"},
       {".md", "text/markdown; charset=utf-8"},
       {".txt", "text/plain; charset=utf-8"},
       {".csv", "text/csv; charset=utf-8"},
       {".json", "application/json"},
       {".png", "image/png"},
       {".jpg", "image/jpeg"},
       {".svg", "image/svg+xml"}}};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::string file_name(std::string_view uri) {
  std::string name(uri.substr(uri.rfind('/') == std::string_view::npos ? 0 : uri.rfind('/') + 1));
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\' || c == '\x7f') c = '_';
  }
  return name;
}

Result<net::Response> send_file(const Context& context, const Call& call, const std::string& uri,
                                const std::string& run_id, std::string_view type,
                                std::optional<std::uint64_t> peek = std::nullopt, const std::string& below = {}) {
  OpenFile open = MR_TRY(open_artifact(context, uri, run_id, below));
  net::Response response;
  Range part{0, peek ? std::min(*peek, open.size) : open.size};
  response.headers.set("Content-Type", type);
  response.headers.set("Accept-Ranges", "bytes");
  // It is what a task wrote: shown or saved, but never run as a page of this server's.
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Content-Security-Policy",
                       "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'");
  response.headers.set("Content-Disposition", fmt::format("inline; filename=\"{}\"", file_name(uri)));
  auto range =
      peek ? Result<std::optional<Range>>(std::nullopt) : read_range(call.request.headers.get("Range"), open.size);
  if (!range) {
    response = plain_error_response(range.error());
    response.status = 416;
    response.headers.set("Content-Range", fmt::format("bytes */{}", open.size));
    return response;
  }
  if (*range) {
    part = **range;
    response.status = 206;
    response.headers.set("Content-Range",
                         fmt::format("bytes {}-{}/{}", part.offset, part.offset + part.length - 1, open.size));
  }
  response.file = net::FileBody{std::move(open.file), part.offset, part.length};
  return response;
}

}  // namespace

Result<net::Response> read_artifact(Context& context, const Call& call) {
  const Node node = MR_TRY(find_node(context.database, call.id("run"), call.id("node")));
  const std::string uri = MR_TRY(artifact_uri(context.database, call.id("run"), node.task.id, call.id("name")));
  MR_TRY(check_artifact(context, call.id("run"), uri));
  net::Response response;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Cache-Control", "no-cache, private");
  response.stream = std::make_unique<Base64Stream>(MR_TRY(open_artifact(context, uri, call.id("run"))));
  return response;
}

Result<net::Response> download_artifact(Context& context, const Call& call) {
  const ArtifactRow artifact = MR_TRY(find_artifact(context.database, call.id()));
  MR_TRY(check_artifact(context, artifact.run_id, artifact.uri));
  const std::string_view type = artifact.type == "HTML"       ? "text/html; charset=utf-8"
                                : artifact.type == "Markdown" ? "text/markdown; charset=utf-8"
                                                              : content_type(file_name(artifact.uri));
  return send_file(context, call, artifact.uri, artifact.run_id, type, std::nullopt, call.parameter("path"));
}

Result<net::Response> get_stored_artifact(Context& context, const Call& call) {
  const auto part = [&](std::string_view name) {
    const auto found = call.path.find(name);
    return found == call.path.end() ? call.parameter(name) : found->second;
  };
  const std::string source = part("source"), bucket = part("bucket"), key = part("key");
  if (source.empty() || key.empty())
    return fail(Code::invalid_argument, "an artifact is asked for by its source, bucket and key");
  std::optional<std::uint64_t> peek;
  if (const std::string text = call.parameter("peek"); !text.empty()) {
    const auto number = parse_int(text);
    if (!number || *number < 0) return fail(Code::invalid_argument, "peek must be a number of bytes");
    if (*number > 0) peek = static_cast<std::uint64_t>(*number);
  }
  const std::string uri =
      source == "file"
          ? fmt::format(
                "file:///{}",
                trim(key).substr(key.find_first_not_of('/') == std::string::npos ? 0 : key.find_first_not_of('/')))
          : fmt::format("{}://{}/{}", source, bucket, key);
  return send_file(context, call, uri, "", content_type(file_name(uri)), peek);
}

}  // namespace millrace::pipelines::api
