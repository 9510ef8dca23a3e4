#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include <fmt/core.h>

#include "base/disk_full.h"
#include "base/ids.h"
#include "blob/blob_store.h"

namespace millrace::blob {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyLength = 32;
// A committed blob is never written again, not even through a hard link. What leads to it is closed to others; who is
// given a link or a copy may be another user.
constexpr mode_t kBlobMode = 0444;
constexpr mode_t kCopyMode = 0644;
// Blobs leave so much of the disk to what must still be written when it is full: that something is deleted.
constexpr std::uint64_t kLeftFree = 4u << 20, kLeftFreeShare = 64;  // bytes; one part in so many of a small disk
constexpr std::uint64_t kLookEvery = 4u << 20;                      // bytes of a blob

bool is_key(std::string_view text) {
  return text.size() == kKeyLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error path_error(std::string_view what, const fs::path& path, int number) {
  return system_error(fmt::format("{} {}", what, path.string()), number);
}

Status check_room(const fs::path& root) {
  struct statvfs disk{};
  if (::statvfs(root.c_str(), &disk) != 0) return {};
  const std::uint64_t free = disk.f_bavail * disk.f_frsize, total = disk.f_blocks * disk.f_frsize;
  if (free >= std::min(kLeftFree, total / kLeftFreeShare)) return {};
  return fail(disk_full("there is no space for another object in " + root.string()));
}

class DirectoryStore;

class FileWriter final : public Writer {
 public:
  FileWriter(DirectoryStore& store, fs::path path, Fd file)
      : store_(store), path_(std::move(path)), file_(std::move(file)) {}
  ~FileWriter() override {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Status write(std::string_view bytes) override;
  std::uint64_t written() const override { return written_; }
  Result<Key> commit() override;

 private:
  DirectoryStore& store_;
  fs::path path_;  // empty once committed
  Fd file_;
  std::uint64_t written_ = 0;
};

class DirectoryStore final : public BlobStore {
 public:
  explicit DirectoryStore(fs::path root) : root_(std::move(root)) {}

  Status prepare();
  Result<std::unique_ptr<Writer>> create() override;
  Result<Reader> open(const Key& key) override;
  Status remove(const Key& key) override;
  Result<Key> adopt(const fs::path& file) override;
  Status materialise(const Key& key, const fs::path& path, Share how) override;

  // A complete, synced file becomes the blob: its name is durable when this returns. EXDEV is told apart.
  Result<Key> publish(const fs::path& file, int descriptor);

 private:
  fs::path path_of(const Key& key) const { return root_ / key.substr(0, 2) / key; }
  fs::path temporary() const { return root_ / "tmp" / random_hex(kKeyLength); }
  Status make_shard(const Key& key);
  Result<Key> copy_in(const fs::path& file);

  const fs::path root_;
  std::array<std::atomic<bool>, 256> shards_{};  // known to be there
};

Status DirectoryStore::prepare() {
  MR_TRY(make_directories(root_, 0700));
  MR_TRY(make_directories(root_ / "tmp", 0700));
  std::error_code error;
  for (fs::directory_iterator it(root_ / "tmp", error), end; !error && it != end; it.increment(error)) {
    if (::unlink(it->path().c_str()) != 0) return fail(path_error("cannot remove", it->path(), errno));
  }
  if (error) return fail(path_error("cannot list", root_ / "tmp", error.value()));
  return {};
}

Result<std::unique_ptr<Writer>> DirectoryStore::create() {
  MR_TRY(check_room(root_));
  fs::path path = temporary();
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fail(path_error("cannot create", path, errno));
  return std::make_unique<FileWriter>(*this, std::move(path), std::move(file));
}

Status DirectoryStore::make_shard(const Key& key) {
  const auto index = static_cast<std::size_t>(std::stoi(key.substr(0, 2), nullptr, 16));
  if (shards_[index].load()) return {};
  const fs::path directory = root_ / key.substr(0, 2);
  if (::mkdir(directory.c_str(), 0700) == 0) {
    MR_TRY(sync_directory(root_));
  } else if (errno != EEXIST) {
    return fail(path_error("cannot create", directory, errno));
  }
  shards_[index] = true;
  return {};
}

Result<Key> DirectoryStore::publish(const fs::path& file, int descriptor) {
  const Key key = random_hex(kKeyLength);
  MR_TRY(make_shard(key));
  if (::fchmod(descriptor, kBlobMode) != 0) return fail(path_error("cannot protect", file, errno));
  if (::fdatasync(descriptor) != 0) return fail(path_error("cannot sync", file, errno));
  const fs::path target = path_of(key);
  if (::rename(file.c_str(), target.c_str()) != 0) return fail(path_error("cannot rename to", target, errno));
  MR_TRY(sync_directory(target.parent_path()));
  return key;
}

Status FileWriter::write(std::string_view bytes) {
  if (written_ / kLookEvery != (written_ + bytes.size()) / kLookEvery) MR_TRY(check_room(path_.parent_path()));
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(path_error("cannot write", path_, errno));
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    written_ += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<Key> FileWriter::commit() {
  if (path_.empty()) return fail(Code::internal, "a blob was committed twice");
  const Key key = MR_TRY(store_.publish(path_, file_.get()));
  path_.clear();
  file_.reset();
  return key;
}

Result<Reader> DirectoryStore::open(const Key& key) {
  if (!is_key(key)) return fail(Code::invalid_argument, fmt::format("'{}' is not a blob's key", key));
  const fs::path path = path_of(key);
  Reader reader;
  reader.file = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader.file) return fail(path_error("cannot open the blob", path, errno));
  struct stat info{};
  if (::fstat(reader.file.get(), &info) != 0) return fail(path_error("cannot read the size of", path, errno));
  reader.size = static_cast<std::uint64_t>(info.st_size);
  return reader;
}

Status DirectoryStore::remove(const Key& key) {
  if (!is_key(key)) return fail(Code::invalid_argument, fmt::format("'{}' is not a blob's key", key));
  const fs::path path = path_of(key);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(path_error("cannot remove the blob", path, errno));
  return {};
}

Result<Key> DirectoryStore::copy_in(const fs::path& file) {
  const fs::path path = temporary();
  const auto publish_copy = [&]() -> Result<Key> {
    MR_TRY(millrace::copy_file(file, path));
    Fd copy(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!copy) return fail(path_error("cannot open", path, errno));
    return publish(path, copy.get());
  };
  auto key = publish_copy();
  if (!key) ::unlink(path.c_str());
  return key;
}

Result<Key> DirectoryStore::adopt(const fs::path& file) {
  Fd source(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return fail(path_error("cannot open", file, errno));
  struct stat info{}, own{};
  if (::fstat(source.get(), &info) != 0) return fail(path_error("cannot look at", file, errno));
  if (!S_ISREG(info.st_mode)) return fail(Code::invalid_argument, fmt::format("{} is not a file", file.string()));
  if (::stat(root_.c_str(), &own) != 0) return fail(path_error("cannot look at", root_, errno));
  // A file with another name elsewhere could still be written through it.
  if (info.st_dev == own.st_dev && info.st_nlink == 1) return publish(file, source.get());
  const Key key = MR_TRY(copy_in(file));
  if (::unlink(file.c_str()) != 0) return fail(path_error("cannot remove", file, errno));
  return key;
}

Status DirectoryStore::materialise(const Key& key, const fs::path& path, Share how) {
  if (!is_key(key)) return fail(Code::invalid_argument, fmt::format("'{}' is not a blob's key", key));
  const fs::path source = path_of(key);
  if (how == Share::read_only_link) {
    if (::link(source.c_str(), path.c_str()) == 0) {
      // Earlier versions committed blobs that nobody else could read.
      if (::chmod(path.c_str(), kBlobMode) != 0) return fail(path_error("cannot open up", path, errno));
      return {};
    }
    // Another file system, or one without hard links: a copy serves as well.
    if (errno != EXDEV && errno != EPERM && errno != EMLINK) return fail(path_error("cannot link", path, errno));
  }
  if (::access(path.c_str(), F_OK) == 0) return fail(path_error("cannot make", path, EEXIST));
  MR_TRY(millrace::copy_file(source, path));
  if (::chmod(path.c_str(), kCopyMode) != 0) return fail(path_error("cannot open up", path, errno));
  return {};
}

}  // namespace

Result<std::unique_ptr<BlobStore>> open_directory_store(const fs::path& root) {
  auto store = std::make_unique<DirectoryStore>(root);
  MR_TRY(store->prepare());
  return store;
}

}  // namespace millrace::blob
