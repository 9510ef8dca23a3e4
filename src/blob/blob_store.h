#pragma once
// Bytes by key. A blob is immutable: written whole, then committed, then readable; a crash leaves nothing visible.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace millrace::blob {

using Key = std::string;  // opaque: [0-9a-f]{32}

class Writer {
 public:
  virtual ~Writer() = default;  // without commit(): discarded
  virtual Status write(std::string_view bytes) = 0;
  virtual std::uint64_t written() const = 0;
  // Durable (file and directory synced) when it returns.
  virtual Result<Key> commit() = 0;
};

struct Reader {
  Fd file;
  std::uint64_t size = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<Writer>> create() = 0;
  virtual Result<Reader> open(const Key& key) = 0;  // not_found
  virtual Status remove(const Key& key) = 0;        // absent is success
  // Takes over an existing file by rename (same file system) or copy. Durable when it returns.
  virtual Result<Key> adopt(const std::filesystem::path& file) = 0;
  // Makes the blob readable at `path`: a hard link for readers that are our own code, else a copy.
  enum class Share { read_only_link, copy };
  virtual Status materialise(const Key& key, const std::filesystem::path& path, Share how) = 0;
};

// Blobs as files under `root`/<2 hex>/<key>; uncommitted ones under `root`/tmp, emptied by open.
Result<std::unique_ptr<BlobStore>> open_directory_store(const std::filesystem::path& root);

}  // namespace millrace::blob
