// careledger: reads the command line, runs what it asks for.

#include <csignal>

#include "apps/commands/command.h"
#include "apps/terminal.h"
#include "vault/keystore.h"

int main(int argc, char** argv) {
  namespace commands = careledger::apps::commands;
  careledger::vault::harden_process();
  std::signal(SIGXFSZ, SIG_IGN);  // a write above a limit on the size of files fails, as one on a full disk does, and ends nothing
  CLI::App app("CareLedger: records that stay where they are, and a ledger about them that nobody can quietly change", "careledger");
  commands::Context context;
  app.require_subcommand(1);
  app.fallthrough();  // subcommands made from here on take --json after their name too
  app.set_help_all_flag("--help-all", "help of every subcommand");
  app.add_flag("--json", context.json, "print one JSON value for machines, errors included");
  app.footer(
      "Start with:\n  careledger demo\nor, for a ledger of your own:\n  careledger init DIR --organisation \"North Hospital\" && "
      "careledger serve DIR\n");
  commands::add_init(app, context);
  commands::add_audit(app, context);
  commands::add_backup(app, context);
  commands::add_checkpoint(app, context);
  commands::add_demo(app, context);
  commands::add_doctor(app, context);
  commands::add_erase(app, context);
  commands::add_export(app, context);
  commands::add_hold(app, context);
  commands::add_upgrade(app, context);
  commands::add_import(app, context);
  commands::add_keys(app, context);
  commands::add_network(app, context);
  commands::add_promises(app, context);
  commands::add_convict(app, context);
  commands::add_prove(app, context);
  commands::add_registry(app, context);
  commands::add_relationship(app, context);
  commands::add_restore(app, context);
  commands::add_serve(app, context);
  commands::add_status(app, context);
  commands::add_verify(app, context);
  commands::add_token(app, context);
  commands::add_wallet(app, context);
  commands::add_version(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help
    if (asked || !context.json) return app.exit(error) == 0 ? 0 : static_cast<int>(careledger::apps::Exit::usage);
    careledger::apps::report({careledger::ErrorKind::invalid, error.what()}, true);
    return static_cast<int>(careledger::apps::Exit::usage);
  }
  return context.chosen();
}
