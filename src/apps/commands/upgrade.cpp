#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/node.h"
#include "apps/terminal.h"

namespace careledger::apps::commands {
namespace {

// Every format is at its first version, so there is nothing to rewrite yet; what is newer than this program is refused by whoever reads it.
int run(const FolderOptions& options, bool as_json) {
  const auto node = Node::open(layout_of(options.folder), options.seal, system_clock(), system_entropy());
  if (!node) return report(node.error(), as_json);
  (*node)->stop();
  if (as_json) fmt::print("{{\"upgraded\":false,\"format\":{}}}\n", kConfigFormat);
  else fmt::print("Everything in {} has the formats of this program already.\n", options.folder);
  return 0;
}

}  // namespace

void add_upgrade(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("upgrade", "bring what an older program wrote to the formats of this one. Stop the node first");
  auto options = std::make_shared<FolderOptions>();
  add_folder(*command, *options);
  example(*command, "careledger upgrade /srv/care");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
