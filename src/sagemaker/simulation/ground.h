#pragma once
// Only for tests: what all simulations of a process share, since it takes longer to make than one takes to run: a
// database in memory, whose tables are emptied for each, an account with a role, an archive of a model.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/file.h"
#include "base/log.h"
#include "base/untrusted_tree.h"
#include "db/failing_for_tests.h"
#include "iam/iam.h"
#include "sagemaker/jobs/model_archive.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker::simulation {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Ground {
 public:
  static constexpr std::string_view kRole = "arn:aws:iam::123456789012:role/job-role";
  Ground() {
    database = std::make_unique<db::FailingDatabase>(must(db::Database::open((dir_.path() / "jobs.db").string())));
    must(Store(*database).open());
    identities_ = must(db::Database::open((dir_.path() / "iam.db").string()));
    iam = must(iam::Iam::open(*identities_, clock, {"123456789012", "0123456789abcdef0123456789abcdef"}));
    must(iam->ensure_role("job-role", kTrust));
    gateway = std::make_unique<aws::Gateway>(aws::GatewayOptions{}, *iam, *iam, clock);
    options.account = "123456789012";
    options.region = "us-east-1";
    options.directory = dir_.path() / "sagemaker";
    options.executable = "/bin/true";
    options.role_environment = [](const std::string&, const std::string&) {
      return std::vector<std::pair<std::string, std::string>>();
    };
    make_archive();
  }
  void clear() {
    must(database->write([](db::Connection& connection) -> Status {
      return connection.execute("DELETE FROM sagemaker_resource; DELETE FROM sagemaker_tag");
    }));
    must(remove_tree(options.directory));
    must(make_directories(options.directory, 0700));
  }

  FakeClock clock;
  std::unique_ptr<db::FailingDatabase> database;
  std::unique_ptr<iam::Iam> iam;
  std::unique_ptr<aws::Gateway> gateway;
  Options options;
  std::string archive;  // model.tar.gz

 private:
  static constexpr std::string_view kTrust =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";

  void make_archive() {
    const auto folder = dir_.path() / "model";
    must(make_directories(folder / "in"));
    must(write_file(folder / "in/model.npy", "weights"));
    OutputBudget budget;
    std::vector<std::string> notes;
    must(pack_folder(must(UntrustedTree::open(folder)), "in", dir_.path() / "model.tar.gz", budget, notes));
    archive = must(read_file(dir_.path() / "model.tar.gz"));
  }

  // In memory where the machine has such a file system.
  static TempDir make_directory() {
    const char* given = std::getenv("TMPDIR");
    const std::string before = given != nullptr ? given : "/tmp";
    if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
    auto made = TempDir::make("simulation");
    ::setenv("TMPDIR", before.c_str(), 1);
    return must(std::move(made));
  }

  TempDir dir_ = make_directory();
  std::unique_ptr<db::Database> identities_;
};

// A socket's file, where a model server would listen.
inline void make_socket_file(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof(address.sun_path)) throw std::runtime_error("too long for a socket: " + text);
  text.copy(address.sun_path, text.size());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  (void)::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

}  // namespace millrace::sagemaker::simulation
