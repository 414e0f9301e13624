#include "apps/demo/demo.h"

#include "apps/commands/command.h"

namespace careledger::apps::commands {

void add_demo(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("demo", "show the whole story on sample patients: two hospitals, a laboratory and a regulator in one process");
  auto options = std::make_shared<demo::Options>();
  command->add_option("--folder", options->folder,
                      "where to keep everything of this run (default: a temporary folder, removed at the end)");
  command->add_option("--samples", options->samples, "folder of the sample patients");
  command->add_flag("--keep", options->keep, "leave the node serving at the end and print how to go on");
  example(*command, "careledger demo --keep");
  command->callback([options, &context] {
    context.chosen = [options, &context] {
      options->json = context.json;
      return demo::run(*options);
    };
  });
}

}  // namespace careledger::apps::commands
