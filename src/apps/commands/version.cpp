#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/config.h"
#include "apps/ledger.h"
#include "replica/ledger_store.h"

namespace careledger::apps::commands {

void add_version(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("version", "print the versions of the program and of what it writes");
  example(*command, "careledger version --json");
  command->callback([&context] {
    context.chosen = [&context] {
      const char* form = context.json ? "{{\"version\":\"{}\",\"protocol\":{},\"config_format\":{},\"ledger_format\":{}}}\n"
                                      : "careledger {} (protocol {}, configuration format {}, ledger format {})\n";
      fmt::print(fmt::runtime(form), CARELEDGER_VERSION, kProtocol, kConfigFormat, replica::kLedgerFormat);
      return 0;
    };
  });
}

}  // namespace careledger::apps::commands
