// `careledger serve` as it is, but for what --keep-blocks may be: blocks go five at a time when so many stand above them, however young
// they are; for how long evidence counts; and for how soon an engine that is left behind is started again. A test cannot wait for a million
// blocks and two weeks.
#include "apps/commands/command.h"
#include "vault/keystore.h"

int main(int argc, char** argv) {
  namespace commands = careledger::apps::commands;
  using careledger::ordering::abci::Retention;
  careledger::vault::harden_process();
  CLI::App app("a node that drops blocks", "pruning_node");
  commands::Context context;
  app.require_subcommand(1);
  const careledger::apps::network::EngineChoice engine{
      .program = "cometbft", .look_ms = 500, .behind_max = 10, .evidence = {.blocks = 5, .nanoseconds = 1'000'000'000, .bytes = 64 * 1024}};
  const auto retention = [](std::uint64_t keep_blocks) {
    return careledger::Result<Retention>(Retention{.blocks = keep_blocks, .milliseconds = 0, .step = 5});
  };
  commands::add_serve(app, context, retention, engine);
  CLI11_PARSE(app, argc, argv);
  return context.chosen();
}
