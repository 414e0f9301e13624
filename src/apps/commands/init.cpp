#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/founding.h"
#include "apps/terminal.h"
#include "codec/json/json.h"
#include "kernel/tables.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string name = "CareLedger";
  std::vector<std::string> organisations;
  std::string file;
  std::uint16_t port = 0;
  std::uint32_t epoch_ms = NewLedger{}.epoch_ms;
};

// "North Hospital" or "North Laboratory:laboratory".
NewOrganisation parse_organisation(const std::string& text) {
  NewOrganisation organisation;
  const auto colon = text.rfind(':');
  organisation.name = text.substr(0, colon);
  if (colon != std::string::npos) organisation.kind = text.substr(colon + 1);
  return organisation;
}

// [{"name": "North Hospital", "kind": "hospital"}, …]
Result<std::vector<NewOrganisation>> read_file(const std::string& path) {
  CARELEDGER_TRY(const Bytes text, system_files().read_all(path, 1 << 20));
  CARELEDGER_TRY(const json::Document document, json::parse(text));
  if (!document.root().is_array()) return fail(ErrorKind::malformed, path + ": expected [{\"name\": …, \"kind\": …}, …]");
  std::vector<NewOrganisation> organisations;
  for (const json::Value& value : document.root().items()) {
    NewOrganisation organisation;
    organisation.name = value.string_at("name");
    if (value.find("kind") != nullptr) organisation.kind = value.string_at("kind");
    organisations.push_back(std::move(organisation));
  }
  return organisations;
}

Result<NewLedger> order_of(const Options& options) {
  NewLedger order;
  order.name = options.name;
  order.seal = options.folder.seal;
  order.epoch_ms = options.epoch_ms;
  for (const std::string& text : options.organisations) order.organisations.push_back(parse_organisation(text));
  if (!options.file.empty()) {
    CARELEDGER_TRY(const std::vector<NewOrganisation> more, read_file(options.file));
    order.organisations.insert(order.organisations.end(), more.begin(), more.end());
  }
  if (options.port != 0) {
    std::uint16_t port = options.port;
    for (NewOrganisation& organisation : order.organisations) organisation.port = port++;
    order.rpc_ports = {port, static_cast<std::uint16_t>(port + 1)};
  }
  return order;
}

void print_json(const Config& config) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "ledger", document.string(config.ledger.hex()));
  document.set(root, "chain", document.string(kernel::chain_id(config.ledger)));
  json::Value organisations = document.array();
  for (const OrganisationConfig& organisation : config.organisations) {
    json::Value value = document.object();
    document.set(value, "name", document.string(organisation.name));
    document.set(value, "id", document.string(organisation.id.hex()));
    document.append(organisations, value);
  }
  document.set(root, "organisations", organisations);
  fmt::print("{}\n", json::compact(root));
}

int run(const Options& options, bool as_json) {
  const Layout layout = layout_of(options.folder.folder);
  const auto order = order_of(options);
  if (!order) return report(order.error(), as_json);
  const auto config = found_ledger(layout, *order, system_clock(), system_entropy(), [&](const std::string& step) {
    if (!as_json) fmt::print("{}\n", step);
  });
  if (!config) return report(config.error(), as_json);
  if (as_json) {
    print_json(*config);
    return 0;
  }
  const bool by_default = order->seal.key_file.empty() && order->seal.passphrase_file.empty() && order->seal.credential.empty();
  if (by_default)
    fmt::print("The keystores open with {}: keep a copy apart from the backups of {}.\n", layout.default_key_file(), layout.folder);
  fmt::print("Next: careledger serve {}\n", options.folder.folder);
  return 0;
}

}  // namespace

void add_init(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("init", "make a new embedded ledger with its organisations in an empty folder");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisations, "a member, NAME or NAME:KIND (hospital unless said otherwise); repeat");
  command->add_option("--organisations-file", options->file, "members from a JSON file: [{\"name\": \"…\", \"kind\": \"hospital\"}]");
  command->add_option("--name", options->name, "name of the ledger");
  command->add_option("--port", options->port, "port of the first organisation, the others follow; 0: chosen at each start");
  command
      ->add_option("--epoch-ms", options->epoch_ms,
                   "epoch: enrolments and acceptances reach the ledger together at its end; shorter is quicker and tells who came when")
      ->check(CLI::Range(1, 3'600'000));
  example(*command, "careledger init /srv/care --organisation \"North Hospital\" --organisation \"City Laboratory:laboratory\"");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
