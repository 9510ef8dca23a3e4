#include "app/node.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include <fmt/core.h>

#include "app/lab/assets.h"
#include "app/lab/mnist.h"
#include "base/file.h"
#include "base/ids.h"

namespace millrace::app {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, "CREATE TABLE app_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT"},
};

// As EC2 makes it: nodes take the role on. The lab's page adds SageMaker.
constexpr std::string_view kNodeTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]})";

constexpr std::size_t kMaxRoleName = 64;

std::string public_read_policy(std::string_view bucket) {
  return fmt::format(
      R"({{"Version":"2012-10-17","Statement":[{{"Sid":"PublicRead","Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::{0}","arn:aws:s3:::{0}/*"]}}]}})",
      bucket);
}

std::FILE* open_private(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  std::FILE* stream = file ? ::fdopen(file.get(), "wb") : nullptr;
  if (stream != nullptr) (void)file.release();
  return stream;
}

}  // namespace

Result<std::string> ensure_node_role(db::Database& database, iam::Iam& iam, const std::string& cluster_name) {
  MR_TRY(database.migrate("app", kMigrations));
  const std::string setting = "node-role/" + cluster_name;
  std::string name;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT value FROM app_setting WHERE name = ?"));
    if (MR_TRY(select.bind(std::string_view(setting)).step())) name = select.text(0);
    return {};
  }));
  if (name.empty()) {
    // As CloudFormation makes it: the stack's name is cut so that the whole is a role's name of at most 64 characters.
    const std::string suffix = "-NodeInstanceRole-" + random_base36(12, true);
    const std::string stack = fmt::format("eksctl-{}-nodegroup-ng-{}", cluster_name, random_hex(8));
    name = stack.substr(0, kMaxRoleName - suffix.size()) + suffix;
    MR_TRY(database.write([&](db::Connection& connection) -> Status {
      auto insert = MR_TRY(connection.prepare("INSERT INTO app_setting (name, value) VALUES (?, ?)"));
      return insert.bind(std::string_view(setting)).bind(std::string_view(name)).run();
    }));
  }
  return iam.ensure_role(name, kNodeTrust);
}

Status ensure_sample_data(s3::S3& s3, const std::filesystem::path& scratch_directory,
                          const std::atomic<bool>& stopping) {
  const std::string bucket(kSampleBucket), key(kSampleKey);
  auto access = s3.system_access();
  if (access->head(bucket, key)) return {};
  MR_TRY(s3.ensure_bucket(bucket, public_read_policy(bucket)));
  const auto train =
      MR_TRY(read_digits(lab_asset("data/train-images-idx3-ubyte.gz"), lab_asset("data/train-labels-idx1-ubyte.gz")));
  const auto test =
      MR_TRY(read_digits(lab_asset("data/t10k-images-idx3-ubyte.gz"), lab_asset("data/t10k-labels-idx1-ubyte.gz")));
  // Gone however this ends; what a killed server left of it is written over.
  const struct Scratch {
    std::filesystem::path path;
    ~Scratch() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  } scratch{scratch_directory / "sample-data.pkl.gz"};
  const std::filesystem::path& path = scratch.path;
  {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(open_private(path), std::fclose);
    if (!file) return fail(system_error("cannot write " + path.string(), errno));
    MR_TRY(write_mnist_pickle(train, test, [&](std::string_view bytes) -> Status {
      if (stopping) return fail(Code::cancelled, "the server stops");
      if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
        return fail(system_error("cannot write " + path.string(), errno));
      }
      return {};
    }));
    if (std::fflush(file.get()) != 0) return fail(system_error("cannot write " + path.string(), errno));
  }
  unload_lab_asset("data/train-images-idx3-ubyte.gz");
  unload_lab_asset("data/t10k-images-idx3-ubyte.gz");
  MR_TRY(access->put_file(bucket, key, path, "application/gzip"));
  return {};
}

}  // namespace millrace::app
