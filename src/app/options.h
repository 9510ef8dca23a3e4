#pragma once
// The options of `millrace serve`, and where things lie in a data directory.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/prune/retention.h"
#include "base/result.h"
#include "base/time.h"
#include "pipelines/caller.h"
#include "proc/child_log.h"

namespace millrace::app {

struct ServeOptions {
  std::filesystem::path data_dir;
  std::filesystem::path key_file;  // what secrets are sealed with; empty: the data directory's own
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;
  bool allow_remote = false;  // listen beyond loopback without TLS
  std::string region = "us-east-1";
  std::string account = "123456789012";
  std::string cluster_name = "kf-sm-workshop";  // part of the worker node role's name
  std::size_t max_running_tasks = 16;
  bool containers = false;                                // tasks in their own images
  std::string container_engine;                           // podman or docker; empty: the one on PATH
  std::map<std::string, std::filesystem::path> images;    // what stands for an image that is not run
  std::vector<std::filesystem::path> import_directories;  // that pipelines may import from by path
  pipelines::TaskApi task_api = pipelines::TaskApi::own;  // what steps may use of the pipeline API
  Retention retention;                                    // of finished runs; none: they stay until they are deleted
  Millis prune_every{600'000};                            // the retention is looked at so often
  std::uint64_t child_log_limit = proc::kDefaultChildLogLimit;   // bytes of each child's output that are kept; 0: all
  bool sandbox = true;                                           // tasks in namespaces of their own
  bool stop_children = false;                                    // at the end, whatever is under way
  std::vector<std::pair<std::string, std::string>> node_labels;  // of the one node, for node selectors
  bool encrypt_s3 = false;                                       // each object, as at AWS; else those that ask for it
  std::string cron_time_zone;                                    // of crons that name none; empty: UTC
  std::string traces_url;                                        // where traces of runs are sent; empty: nowhere
};

// "127.0.0.1:8080", "[::1]:0", ":8080" → address and port. Error: one sentence with an example.
Status parse_listen(std::string_view text, ServeOptions& options);

// "NAME=DIRECTORY" into options.images; the directory may be relative to the present one. Error: one sentence.
Status add_image(std::string_view text, ServeOptions& options);

// "key=value" into options.node_labels. Error: one sentence.
Status add_node_label(std::string_view text, ServeOptions& options);

// "localhost", and addresses of 127.0.0.0/8 and ::1, whole and in their usual form.
bool is_loopback(std::string_view address);

// $MILLRACE_DATA_DIR, else $XDG_DATA_HOME/millrace, else ~/.local/share/millrace.
std::filesystem::path default_data_dir();

// This program's own file, for the child roles.
std::filesystem::path own_executable();

struct DataLayout {
  explicit DataLayout(std::filesystem::path data_dir) : root(std::move(data_dir)) {}
  std::filesystem::path root;
  std::filesystem::path lock() const { return root / "lock"; }
  std::filesystem::path key() const { return root / "key"; }
  std::filesystem::path database() const { return root / "millrace.db"; }
  std::filesystem::path blobs() const { return root / "blobs"; }
  std::filesystem::path launcher() const { return root / "launcher"; }
  std::filesystem::path pipelines() const { return root / "pipelines"; }
  std::filesystem::path sagemaker() const { return root / "sagemaker"; }
  std::filesystem::path tls() const { return root / "tls"; }
  std::filesystem::path bin() const { return root / "bin"; }
  std::filesystem::path kubeconfig() const { return root / "kubeconfig"; }
  std::filesystem::path sagemaker_settings() const { return root / "sagemaker.yaml"; }
  std::filesystem::path server_file() const { return root / "server.json"; }
  std::filesystem::path copied() const { return root / "copied"; }  // operate/backup.h
};

}  // namespace millrace::app
