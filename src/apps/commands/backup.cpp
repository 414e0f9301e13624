#include "apps/backup.h"

#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/network/retention.h"
#include "apps/terminal.h"
#include "base/printable.h"

namespace careledger::apps::commands {
namespace {

struct Options {
  FolderOptions folder;
  BackupFolders where;
  bool verify = false;
  std::string engine = "cometbft";
};

Result<BackedUp> make(const Options& options) {
  const Layout layout = layout_of(options.folder.folder);
  // The node writes them, and has another working folder than this command.
  const BackupFolders where{layout_of(options.where.data).folder, layout_of(options.where.keys).folder};
  if (options.verify) return verify_backup(where, options.folder.seal, layout, system_clock(), system_entropy());
  CARELEDGER_TRY(const auto node, NodeAccess::open_at_rest(layout, options.folder.seal));
  return back_up(*node, where);
}

int tell(const Result<BackedUp>& done, const char* what, bool as_json) {
  if (!done) return report(done.error(), as_json);
  if (as_json)
    fmt::print("{{\"versions\":{},\"audit_entries\":{},\"height\":{},\"lost_accesses\":{},\"without_old_blocks\":{}}}\n", done->versions,
               done->audit_entries, done->height.value, done->lost_entries, done->without_old_blocks);
  else fmt::print("{} {} record versions and {} audit entries\n", what, done->versions, done->audit_entries);
  if (done->without_old_blocks && !as_json)
    fmt::print(
        "The backup has none of the blocks from before the ledger grew, and says so itself (old-chain.none): nobody else has them.\n");
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

namespace {

void show(const network::Joining& joining) {
  if (joining.waits_long)
    fmt::print(stderr,
               "careledger: no block has come for half a minute (block {}): are the other members' nodes up, and enough of them?\n{}",
               joining.height.value, network::kOldBlocksHint);
}

int bring_back(const Options& options, bool as_json) {
  network::JoinOrder fetching;
  fetching.engine = options.engine;
  fetching.step = show;
  fetching.on_event = [](const std::string& what) { fmt::print(stderr, "careledger: {}\n", printable(what)); };
  const auto done =
      restore(layout_of(options.folder.folder), options.where, options.folder.seal, system_clock(), system_entropy(), fetching);
  const int told = tell(done, "Restored", as_json);
  if (done && done->lost_entries > 0 && !as_json)
    fmt::print(
        "{} accesses since the backup are lost: the ledger has a head that covers them. The audit names each as lost; tell patients and "
        "partners, whose own memory will show it.\n",
        done->lost_entries);
  return told;
}

}  // namespace

void add_restore(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("restore",
                                     "make a node's folder again from its two backup folders and its key file; a network's ledger is "
                                     "fetched from the other members");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  add_where(*command, options->where);
  command->add_option("--engine", options->engine, "a network's engine: a file, or a name beside this program or in PATH");
  example(*command, "careledger restore /srv/care --data /backup/data --keys /safe/keys");
  command->callback([options, &context] { context.chosen = [options, &context] { return bring_back(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
