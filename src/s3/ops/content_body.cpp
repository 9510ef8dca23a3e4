#include <stdexcept>

#include "base/log.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::size_t kAtOnce = 1u << 20;  // bytes that are opened before they are sent

// Sealed bytes are opened on their way out, a piece at a time.
class OpenedBody final : public net::StreamBody {
 public:
  OpenedBody(ContentReader content, ByteRange range) : content_(std::move(content)), range_(range) {}
  Next read(std::string& out) override {
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(kAtOnce, range_.length));
    const std::size_t begin = out.size();
    out.resize(begin + length);
    if (const Status read = content_.read_exactly(range_.offset, std::span(out.data() + begin, length)); !read) {
      // The connection is cut, so that the client sees that these are not all.
      throw std::runtime_error(read.error().message);
    }
    range_.offset += length;
    range_.length -= length;
    return range_.length == 0 ? Next::end : Next::more;
  }

 private:
  ContentReader content_;
  ByteRange range_;
};

}  // namespace

Status send_content(net::Response& response, ContentReader content, ByteRange range) {
  if (!content.is_sealed()) {
    response.file = net::FileBody{content.take_file(), range.offset, range.length};
  } else if (range.length <= kAtOnce) {
    response.body.resize(static_cast<std::size_t>(range.length));
    MR_TRY(content.read_exactly(range.offset, response.body));
  } else {
    response.stream = std::make_unique<OpenedBody>(std::move(content), range);
  }
  return {};
}

}  // namespace millrace::s3::ops
