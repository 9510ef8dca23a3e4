#pragma once
// The web page's files, embedded in the program (web/ builds them, embed_assets.cmake embeds them).

#include <string_view>
#include <vector>

namespace millrace::console {

struct Asset {
  std::string_view name;  // "index.html", "app.js"
  std::string_view content_type;
  std::string_view etag;         // quoted, as the header has it
  std::string_view plain, gzip;  // the same file twice: not every client takes gzip
};

const std::vector<Asset>& assets();

}  // namespace millrace::console
