#include "apps/commands/command.h"

namespace careledger::apps::commands {

void add_folder(CLI::App& app, FolderOptions& options) {
  app.add_option("DIR", options.folder, "the node's data folder")->required();
  app.add_option("--key-file", options.seal.key_file, "key file of the keystores (default: DIR.key, beside the folder)");
  app.add_option("--passphrase-file", options.seal.passphrase_file, "file with the passphrase of the keystores; - is standard input");
  app.add_option("--credential", options.seal.credential, "systemd credential that opens the keystores");
}

void example(CLI::App& app, const std::string& line) {
  const std::string before = app.get_footer();
  app.footer(before + (before.empty() ? "" : "\n") + "Example:\n  " + line + "\n");
}

}  // namespace careledger::apps::commands
