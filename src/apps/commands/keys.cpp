#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/key_acts.h"
#include "apps/terminal.h"
#include "base/printable.h"
#include "codec/fhir/instant.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  SealChoice next;
  std::string engine = "cometbft";
};

KeyPlace place_of(const Options& options) { return {layout_of(options.folder.folder), options.folder.seal, options.organisation}; }

const char* state_of(const vault::KeyInfo& key) {
  if (key.retired) return "retired";
  return key.label == vault::kNextKey ? "prepared" : "current";
}

int list(const Options& options, bool as_json) {
  const auto keys = list_keys(place_of(options), system_clock(), system_entropy());
  if (!keys) return report(keys.error(), as_json);
  json::Document document;
  json::Value all = document.array();
  for (const vault::KeyInfo& key : *keys) {
    const std::string created = codec::fhir::format_instant(key.created);
    const std::string shown = key.public_key.empty() ? "secret" : to_hex(key.public_key);
    json::Value one = document.object();
    document.set(one, "purpose", document.string(vault::name_of(key.purpose)));
    document.set(one, "label", document.string(key.label));
    document.set(one, "state", document.string(state_of(key)));
    document.set(one, "created", document.string(created));
    document.set(one, "public_key", document.string(to_hex(key.public_key)));
    document.append(all, one);
    if (!as_json) fmt::print("{:<15} {:<9} {}  {}  {}\n", vault::name_of(key.purpose), state_of(key), created, shown, key.label);
  }
  if (as_json) fmt::print("{}\n", json::compact(all));
  return 0;
}

int rotate(const Options& options, bool as_json) {
  network::JoinOrder ledger;
  ledger.seal = options.folder.seal;
  ledger.engine = options.engine;
  ledger.on_event = [](const std::string& what) { fmt::print(stderr, "careledger: {}\n", printable(what)); };
  ledger.step = [](const network::Joining& at) {
    if (at.waits_long)
      fmt::print(stderr, "careledger: no block has come for half a minute (block {}): are enough of the other members' nodes up?\n",
                 at.height.value);
  };
  const auto version = rotate_keys(place_of(options), ledger, system_clock(), system_entropy());
  if (!version) return report(version.error(), as_json);
  if (as_json) fmt::print("{{\"authority\":{}}}\n", *version);
  else
    fmt::print(
        "New keys are in force, as authority {} on the ledger. Tokens issued before hold no longer. Make a new backup of the keys.\n",
        *version);
  return 0;
}

int rewrap(const Options& options, bool as_json) {
  const auto done = rewrap_keys(place_of(options), system_clock(), system_entropy());
  if (!done) return report(done.error(), as_json);
  fmt::print("{}\n", as_json ? "{\"rewrapped\":true}" : "Key pages and files are under fresh roots. Make a new backup of the keys.");
  return 0;
}

int reseal(const Options& options, bool as_json) {
  const SealChoice& next = options.next;
  if (next.key_file.empty() && next.passphrase_file.empty() && next.credential.empty())
    return report({ErrorKind::invalid, "say what to seal under: --new-key-file, --new-passphrase-file or --new-credential"}, as_json);
  if (next.passphrase_file == "-" && options.folder.seal.passphrase_file == "-")
    return report({ErrorKind::invalid, "only one passphrase can come from standard input: put the other into a file"}, as_json);
  const auto count = reseal_keystores(place_of(options), next, system_clock(), system_entropy());
  if (!count) return report(count.error(), as_json);
  if (as_json) fmt::print("{{\"keystores\":{}}}\n", *count);
  else
    fmt::print(
        "{} keystores open with the new seal alone. Start the node with it. What opened them before still opens backups of the keys "
        "made before: make a new one, then destroy both.\n",
        *count);
  return 0;
}

CLI::App* add(CLI::App& keys, Context& context, const std::shared_ptr<Options>& options, const std::string& name, const std::string& about,
              int (*run)(const Options&, bool)) {
  auto* command = keys.add_subcommand(name, about);
  add_folder(*command, options->folder);
  command->callback([options, &context, run] { context.chosen = [options, &context, run] { return run(*options, context.json); }; });
  return command;
}

CLI::Option* add_organisation(CLI::App& command, Options& options) {
  return command.add_option("--organisation", options.organisation, "whose keys");
}

}  // namespace

void add_keys(CLI::App& app, Context& context) {
  auto* keys = app.add_subcommand("keys", "the keys of a node: inventory, rotation, and what they are sealed under");
  keys->require_subcommand(1);
  example(*keys, "careledger keys list /srv/care --organisation \"North Hospital\"");

  auto listed = std::make_shared<Options>();
  auto* command = add(*keys, context, listed, "list", "which keys there are, without their secrets", list);
  add_organisation(*command, *listed)->description("whose keys; unless given, the node's own: validator, engine node or founder, log");
  example(*command, "careledger keys list /srv/care --organisation \"North Hospital\"");

  auto rotated = std::make_shared<Options>();
  command =
      add(*keys, context, rotated, "rotate",
          "new keys for commands, envelopes, requests, promises, answers and tokens, on the ledger first. Stop the node first", rotate);
  add_organisation(*command, *rotated)->required();
  command->add_option("--engine", rotated->engine, "of a network's member: a file, or a name beside this program or in PATH");
  example(*command, "careledger keys rotate /srv/care --organisation \"North Hospital\"");

  auto wrapped = std::make_shared<Options>();
  command =
      add(*keys, context, wrapped, "rewrap", "fresh roots over records and files, which stay as they are. Stop the node first", rewrap);
  add_organisation(*command, *wrapped)->required();
  example(*command, "careledger keys rewrap /srv/care --organisation \"North Hospital\"");

  auto sealed = std::make_shared<Options>();
  command = add(*keys, context, sealed, "reseal",
                "seal all keystores under another key file, passphrase or credential. Stop the node first", reseal);
  command->add_option("--new-key-file", sealed->next.key_file, "made when it is not there; outside DIR");
  command->add_option("--new-passphrase-file", sealed->next.passphrase_file, "file with the new passphrase; - is standard input");
  command->add_option("--new-credential", sealed->next.credential, "systemd credential");
  example(*command, "careledger keys reseal /srv/care --new-key-file /etc/careledger/new.key");

  add_timestamp_authority(*keys, context);
}

}  // namespace careledger::apps::commands
