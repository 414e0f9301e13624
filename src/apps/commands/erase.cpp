#include <fmt/format.h>

#include "apps/commands/administer.h"
#include "apps/terminal.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string record;
  std::string reason;
  std::uint32_t version = 0;
  bool lift = false;
};

// {"type", "id", …} from TYPE/ID.
Result<json::Document> order_about(const std::string& record) {
  const auto slash = record.find('/');
  if (slash == std::string::npos) return fail(ErrorKind::invalid, "name the record as TYPE/ID, for example Observation/17");
  json::Document document;
  json::Value root = document.object();
  document.set(root, "type", document.string(record.substr(0, slash)));
  document.set(root, "id", document.string(record.substr(slash + 1)));
  document.root() = root;
  return document;
}

Result<Bytes> erase(const Options& options) {
  CARELEDGER_TRY(json::Document order, order_about(options.record));
  order.set(order.root(), "version", order.number(std::int64_t{options.version}));
  order.set(order.root(), "reason", order.string(options.reason));
  return commands::order(options.folder, options.organisation, "erase", order.root());
}

Result<Bytes> hold(const Options& options) {
  CARELEDGER_TRY(json::Document order, order_about(options.record));
  order.set(order.root(), "held", order.boolean(!options.lift));
  return commands::order(options.folder, options.organisation, "hold", order.root());
}

int tell(const Result<Bytes>& done, const std::string& words, bool as_json) {
  if (!done) return report(done.error(), as_json);
  fmt::print("{}\n", as_json ? *done : words);
  return 0;
}

void add_record(CLI::App& command, Options& options) {
  add_folder(command, options.folder);
  command.add_option("RECORD", options.record, "TYPE/ID of the resource")->required();
  command.add_option("--organisation", options.organisation, "who keeps it")->required();
}

}  // namespace

void add_erase(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("erase", "destroy the keys of a record for ever, here and in every older copy, and say so on the ledger");
  auto options = std::make_shared<Options>();
  add_record(*command, *options);
  command->add_option("--reason", options->reason, "why; it is kept in the audit")->required();
  command->add_option("--record-version", options->version, "only this version (default: all of them)");
  example(*command, "careledger erase /srv/care Observation/17 --organisation \"North Hospital\" --reason \"entered for somebody else\"");
  command->callback([options, &context] {
    context.chosen = [options, &context] {
      return tell(erase(*options), options->record + " is erased. Make a new key backup now and throw the older ones away.", context.json);
    };
  });
}

void add_hold(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("hold", "put a record under a legal hold, so that it cannot be erased, or lift it");
  auto options = std::make_shared<Options>();
  add_record(*command, *options);
  command->add_flag("--lift", options->lift, "end the hold");
  example(*command, "careledger hold /srv/care Observation/17 --organisation \"North Hospital\"");
  command->callback([options, &context] {
    context.chosen = [options, &context] {
      return tell(hold(*options), options->record + (options->lift ? " may be erased again." : " is held."), context.json);
    };
  });
}

}  // namespace careledger::apps::commands
