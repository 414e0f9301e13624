#include <fmt/format.h>

#include "apps/act_record.h"
#include "apps/commands/command.h"
#include "apps/node.h"
#include "apps/terminal.h"
#include "apps/upgrade.h"

namespace careledger::apps::commands {
namespace {

// Afterwards everything is opened, so that nobody hears "upgraded" of a folder that does not work.
Result<Upgraded> upgrade(const FolderOptions& options) {
  const Layout layout = layout_of(options.folder);
  Upgraded done;
  {
    CARELEDGER_TRY(const auto lock, lock_folder(layout));
    CARELEDGER_TRY(done, upgrade_config(system_files(), layout.config()));
  }
  CARELEDGER_TRY(const auto node, Node::open_at_rest(layout, options.seal, system_clock(), system_entropy()));
  // Before it no map opens that an entry could go into; and "upgraded" is said when the entry is durable.
  const Bytes details = fmt::format(R"({{"upgraded":{},"from":{}}})", done.to, done.from);
  for (const auto& organisation : node->organisations())
    CARELEDGER_CHECK(record_act(organisation->audit(), vault::AuditKind::configuration, details));
  node->stop();
  return done;
}

int run(const FolderOptions& options, bool as_json) {
  const auto done = upgrade(options);
  if (!done) return report(done.error(), as_json);
  const bool changed = done->from != done->to;
  if (as_json) fmt::print("{{\"upgraded\":{},\"from\":{},\"format\":{}}}\n", changed, done->from, done->to);
  else if (changed) fmt::print("{} had format {} and has format {} now; everything in it opens.\n", options.folder, done->from, done->to);
  else fmt::print("{} has this program's format {} already; everything in it opens.\n", options.folder, done->to);
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
