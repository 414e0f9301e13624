#include "apps/demo/demo.h"

#include "apps/commands/command.h"
#include "apps/demo/consortium/consortium.h"

namespace careledger::apps::commands {

void add_demo(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("demo", "show the whole story on sample patients: two hospitals, a laboratory and a regulator in one process");
  auto options = std::make_shared<demo::Options>();
  command->add_option("--folder", options->folder,
                      "where to keep everything of this run (default: a temporary folder, removed at the end)");
  command->add_option("--samples", options->samples, "folder of the sample patients");
  command->add_flag("--keep", options->keep, "leave what serves at the end and print how to go on");
  example(*command, "careledger demo --keep");
  auto* consortium = command->add_subcommand(
      "consortium", "the four found a network, each in a process of its own with its own keys and engine; one is killed, one hangs");
  consortium->add_option("--engine", options->engine,
                         "program that orders the ledger: a file, or a name beside this program or in PATH (default: cometbft)");
  consortium->footer("It takes the options of `careledger demo` too.");
  example(*consortium, "careledger demo consortium --engine /usr/local/bin/cometbft");
  const auto choose = [options, &context](int (*run)(const demo::Options&)) {
    context.chosen = [options, &context, run] {
      options->json = context.json;
      return run(*options);
    };
  };
  consortium->callback([choose] { choose(demo::consortium::run); });
  command->callback([choose, consortium] {
    if (!consortium->parsed()) choose(demo::run);
  });
}

}  // namespace careledger::apps::commands
