// millrace backup

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/client_files.h"
#include "app/operate/backup.h"
#include "app/options.h"
#include "base/json.h"

namespace millrace::app {
namespace {

class Backup final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("DIRECTORY", directory_, "What the backup becomes; it must not be there yet");
    syntax.text("--data-dir", data_dir_, kDataDirHelp);
    declare_json(syntax);
    syntax.examples(
        "  millrace backup /backups/monday\n  millrace serve --data-dir /backups/monday\n",
        "A server may go on using the data directory meanwhile. The backup is a data directory itself, with "
        "the key: keep it as private.\n");
  }

  Result<int> run() override {
    const DataLayout from(
        std::filesystem::absolute(data_dir_.empty() ? default_data_dir() : std::filesystem::path(data_dir_)));
    const auto to = std::filesystem::absolute(directory_).lexically_normal();
    MR_TRY(back_up(from, to.has_filename() ? to : to.parent_path()));
    const auto key = key_file_of(from);
    const bool own_key = key == from.key();
    if (json()) {
      fmt::print("{}\n", to_json_pretty(Value::object({{"directory", to.string()}, {"has_key", own_key}})));
      return kSucceeded;
    }
    fmt::print("{} is a backup of {}.\n", to.string(), from.root.string());
    if (!own_key) fmt::print("Its key is not in it: {} opens it (`millrace serve --key-file`).\n", key.string());
    return kSucceeded;
  }

 private:
  std::string directory_, data_dir_;
};

}  // namespace

std::unique_ptr<Command> make_backup() { return std::make_unique<Backup>(); }

}  // namespace millrace::app
