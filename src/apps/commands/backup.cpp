#include "apps/backup.h"

#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/terminal.h"

namespace careledger::apps::commands {
namespace {

struct Options {
  FolderOptions folder;
  BackupFolders where;
  bool verify = false;
};

Result<BackedUp> make(const Options& options) {
  const Layout layout = layout_of(options.folder.folder);
  // The node writes them, and has another working folder than this command.
  const BackupFolders where{layout_of(options.where.data).folder, layout_of(options.where.keys).folder};
  if (options.verify) return verify_backup(where, options.folder.seal, layout, system_clock(), system_entropy());
  CARELEDGER_TRY(const auto node, NodeAccess::open(layout, options.folder.seal));
  return back_up(*node, where);
}

int tell(const Result<BackedUp>& done, const char* what, bool as_json) {
  if (!done) return report(done.error(), as_json);
  if (as_json)
    fmt::print("{{\"versions\":{},\"audit_entries\":{},\"height\":{}}}\n", done->versions, done->audit_entries, done->height.value);
  else fmt::print("{} {} record versions and {} audit entries\n", what, done->versions, done->audit_entries);
  return 0;
}

void add_where(CLI::App& command, BackupFolders& where) {
  command.add_option("--data", where.data, "folder of the data backup")->required();
  command.add_option("--keys", where.keys, "folder of the key backup; keep it apart from the data")->required();
}

}  // namespace

void add_backup(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "backup", "write data and keys of a node, serving or not, into two folders, or check such a backup without restoring it");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  add_where(*command, options->where);
  command->add_flag("--verify", options->verify, "open and authenticate everything in the backup instead of making one");
  example(*command,
          "careledger backup /srv/care --data /backup/data --keys /safe/keys && careledger backup /srv/care --data /backup/data --keys "
          "/safe/keys --verify");
  command->callback([options, &context] {
    context.chosen = [options, &context] {
      return tell(make(*options), options->verify ? "The backup opens:" : "Backed up", context.json);
    };
  });
}

void add_restore(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("restore", "make a node's folder again from its two backup folders and its key file");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  add_where(*command, options->where);
  example(*command, "careledger restore /srv/care --data /backup/data --keys /safe/keys");
  command->callback([options, &context] {
    context.chosen = [options, &context] {
      return tell(restore(layout_of(options->folder.folder), options->where, options->folder.seal, system_clock(), system_entropy()),
                  "Restored", context.json);
    };
  });
}

}  // namespace careledger::apps::commands
