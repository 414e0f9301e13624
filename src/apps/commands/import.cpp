#include "apps/import.h"

#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/terminal.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

struct Options {
  FolderOptions folder;
  ImportOptions import;
};

void print_json(const ImportReport& done) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "files", document.number(static_cast<std::int64_t>(done.files)));
  document.set(root, "skipped", document.number(static_cast<std::int64_t>(done.skipped)));
  document.set(root, "resources", document.number(static_cast<std::int64_t>(done.resources)));
  json::Value refused = document.array();
  for (const RefusedItem& item : done.refused) {
    json::Value value = document.object();
    document.set(value, "source", document.string(item.source));
    document.set(value, "why", document.string(item.why));
    document.append(refused, value);
  }
  document.set(root, "refused", refused);
  document.root() = root;
  fmt::print("{}\n", json::compact(document.root()));
}

int run(const Options& options, bool as_json) {
  const auto access = NodeAccess::open(layout_of(options.folder.folder), options.folder.seal);
  if (!access) return report(access.error(), as_json);
  std::unique_ptr<Progress> bar;
  const auto progress = [&](std::size_t done, std::size_t total) {
    if (as_json) return;
    if (!bar) bar = std::make_unique<Progress>("importing", total);
    bar->to(done);
  };
  const auto done = import_records(**access, options.import, progress);
  bar.reset();
  if (!done) return report(done.error(), as_json);
  if (as_json) {
    print_json(*done);
  } else {
    for (const RefusedItem& item : done->refused) fmt::print("{} {}: {}\n", red("refused"), item.source, item.why);
    fmt::print("{} resources stored from {} files in {:.1f} s ({:.0f} a second); {} files stored before, {} refusals\n", done->resources,
               done->files, done->seconds, done->seconds > 0 ? static_cast<double>(done->resources) / done->seconds : 0.0, done->skipped,
               done->refused.size());
  }
  return done->refused.empty() ? 0 : static_cast<int>(Exit::bad_input);
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("import", "store Bundles and NDJSON; says what was refused and why");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("SOURCE", options->import.sources, "files or folders: .json, .ndjson, each plain, .gz or .zst")->required();
  command->add_option("--organisation", options->import.organisation, "who stores them")->required();
  command->add_option("--journal", options->import.journal,
                      "goes on where an earlier run with this file stopped, and stores nothing twice");
  command->add_option("--connections", options->import.connections, "requests at a time")->check(CLI::Range(1, 64));
  example(*command, "careledger import /srv/care patients/ --organisation \"North Hospital\" --journal import.journal");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
