#include <fmt/format.h>

#include "apps/commands/administer.h"
#include "apps/network/description.h"
#include "apps/terminal.h"
#include "base/files.h"
#include "base/printable.h"
#include "contracts/governance/governance.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string admit, suspend, reinstate, weight_of, group_of, group, supervisor, parameter;
  bool no_supervisor = false;
  std::int64_t weight = -1, value = -1;
  std::int64_t protocol = 0, height = 0, days = 0;  // 0: not said
  std::string proposal;
  bool yes = false, no = false, all = false, confirmed = false, again = false;
};

struct GrowOptions {
  FolderOptions folder;
  std::string organisation;
  std::vector<std::string> files;
  std::string listen, api, group;
  std::int64_t weight = 10;
};

std::string number_at(const json::Value& value, std::string_view name) {
  const json::Value* number = value.find(name);
  return number == nullptr ? "" : std::string(number->text());
}

std::string joined(const json::Value& value, std::string_view name) {
  std::string out;
  for (const json::Value& one : value.items_at(name)) out += (out.empty() ? "" : ", ") + printable(one.text());
  return out.empty() ? "nobody" : out;
}

std::string in_words(const json::Value& proposal) {
  const std::string_view action = proposal.string_at("action");
  const std::string organisation =
      printable(proposal.string_at("organisation")) + " (" + std::string(proposal.string_at("organisation_id")) + ")";
  if (action == "supervisor" && proposal.string_at("organisation_id").empty()) return "no supervisor any more";
  if (action == "supervisor") return organisation + " as the supervisor";
  if (action == "activate") return "protocol " + number_at(proposal, "version") + " from block " + number_at(proposal, "height");
  if (action == "weight") return "a vote of " + number_at(proposal, "weight") + " for " + organisation;
  if (action == "parameter") return std::string(proposal.string_at("parameter")) + " " + number_at(proposal, "value");
  if (action == "group") {
    const std::string group = printable(proposal.string_at("group"));
    return organisation + (group.empty() ? " in a group of its own" : " in the group " + group);
  }
  if (action == "admit") {
    const std::string group = printable(proposal.string_at("group"));
    return "admit " + organisation + ", " + printable(proposal.string_at("kind")) + (group.empty() ? "" : ", of the group " + group) +
           ", with a vote of " + number_at(proposal, "weight");
  }
  return std::string(action) + " " + organisation;
}

std::string parameters_in_words(const json::Value& root) {
  std::string out;
  for (const json::Value& one : root.items_at("parameters")) {
    out += (out.empty() ? "" : ", ") + std::string(one.string_at("name")) + " " + number_at(one, "value");
    if (one.find("next") != nullptr) out += " (" + number_at(one, "next") + " from block " + number_at(one, "from") + ")";
  }
  return out;
}

void print_proposal(const json::Value& one, const std::string& votes) {
  fmt::print("\n{}\n  {}, proposed by {}; {}, until {}\n", one.string_at("id"), in_words(one), printable(one.string_at("by")),
             one.string_at("status"), one.string_at("deadline"));
  fmt::print("  yes: {} ({} votes); no: {} ({} votes); more than two thirds of {} decide", joined(one, "yes"), number_at(one, "yes_votes"),
             joined(one, "no"), number_at(one, "no_votes"), votes);
  const std::string kinds = number_at(one, "kinds_needed");
  if (kinds != "0" && kinds != "1") fmt::print(", from {} kinds of organisation; {} so far", kinds, number_at(one, "yes_kinds"));
  fmt::print("\n");
}

int proposals(const Options& options, bool as_json) {
  const auto answer = ask(options.folder, options.organisation,
                          http::make_request(http::Method::get, options.all ? "/admin/v1/network?all=true" : "/admin/v1/network"));
  return tell(answer, as_json, [](const json::Value& root) {
    const std::string votes = number_at(root, "votes");
    for (const json::Value& one : root.items_at("members"))
      fmt::print("{}  {} of {} votes, {}{}\n", printable(one.string_at("name")), number_at(one, "weight"), votes, one.string_at("status"),
                 one.string_at("group").empty() ? "" : ", of the group " + printable(one.string_at("group")));
    if (const std::string supervisor = printable(root.string_at("supervisor")); !supervisor.empty())
      fmt::print("Supervisor: {}\n", supervisor);
    if (const std::string_view until = root.string_at("frozen_until"); !until.empty())
      fmt::print("Frozen by the supervisor until {}: nobody votes or leaves\n", until);
    fmt::print("Parameters: {}\n", parameters_in_words(root));
    for (const json::Value& one : root.items_at("proposals")) print_proposal(one, votes);
  });
}

int evidence(const Options& options, bool as_json) {
  const auto answer = ask(options.folder, options.organisation, http::make_request(http::Method::get, "/admin/v1/network"));
  return tell(answer, as_json, [](const json::Value& root) {
    const auto& all = root.items_at("evidence");
    if (all.empty()) fmt::print("No validator of this network was ever proven to have contradicted itself.\n");
    for (const json::Value& one : all) {
      const std::string organisation = printable(one.string_at("organisation"));
      fmt::print("{}  {}  {} at block {}, with {} of {} votes\n", one.string_at("time"),
                 organisation.empty() ? "a key that no member has" : organisation, one.string_at("kind"), number_at(one, "height"),
                 number_at(one, "power"), number_at(one, "total_power"));
      fmt::print("  validator {}; written by block {}, state key {}\n", one.string_at("validator"), number_at(one, "written"),
                 one.string_at("key"));
    }
  });
}

// What the options name; exactly one was given.
Result<json::Document> order_of(const Options& options) {
  json::Document document;
  document.root() = document.object();
  json::Value& root = document.root();
  const auto text = [&](std::string_view name, const std::string& value) { document.set(root, name, document.string(value)); };
  const auto number = [&](std::string_view name, std::int64_t value) { document.set(root, name, document.number(value)); };
  if (options.days > 0) number("days", options.days);
  if (!options.admit.empty()) {
    CARELEDGER_TRY(const Bytes description, system_files().read_all(options.admit, network::kDescriptionBytesMax));
    text("action", "admit");
    text("description", description);
  } else if (options.no_supervisor || !options.supervisor.empty()) {
    text("action", "supervisor");
    text("organisation", options.supervisor);
  } else if (!options.parameter.empty()) {
    text("action", "parameter");
    text("parameter", options.parameter);
    number("value", options.value);
  } else if (!options.group_of.empty()) {
    text("action", "group");
    text("organisation", options.group_of);
    text("group", options.group);
  } else if (options.protocol > 0) {
    text("action", "activate");
    number("version", options.protocol);
    number("height", options.height);
  } else {
    const bool weighs = !options.weight_of.empty();
    text("action", weighs ? "weight" : options.suspend.empty() ? "reinstate" : "suspend");
    text("organisation", weighs ? options.weight_of : options.suspend.empty() ? options.reinstate : options.suspend);
    if (weighs) number("weight", options.weight);
  }
  return document;
}

int propose(const Options& options, bool as_json) {
  const auto wanted = order_of(options);
  if (!wanted) return report(wanted.error(), as_json);
  return tell(order(options.folder, options.organisation, "network/propose", wanted->root()), as_json, [&](const json::Value& root) {
    fmt::print("Proposed. Each member decides, this one too:\n  careledger network vote DIR --organisation NAME --yes {}\n",
               root.string_at("proposal"));
  });
}

int vote(const Options& options, bool as_json) {
  json::Document document;
  document.root() = document.object();
  document.set(document.root(), "proposal", document.string(options.proposal));
  document.set(document.root(), "yes", document.boolean(options.yes));
  return tell(order(options.folder, options.organisation, "network/vote", document.root()), as_json,
              [](const json::Value& root) { fmt::print("Voted; the proposal is {}.\n", root.string_at("status")); });
}

int rotate_key(const Options& options, bool as_json) {
  json::Document document;
  document.root() = document.object();
  document.set(document.root(), "again", document.boolean(options.again));
  return tell(order(options.folder, options.organisation, "network/rotate-key", document.root()), as_json, [](const json::Value& root) {
    const std::string key(root.string_at("key")), from = number_at(root, "from");
    if (root.string_at("status") == "fresh")
      return fmt::print("The validator key {} is younger than an hour: nothing was done. --again replaces it all the same.\n", key);
    fmt::print("The validator key {} signs {} on; the one before is forgotten then. Make a new backup of the keys.\n", key,
               from == "0" ? "from the next blocks" : "from block " + from);
  });
}

int freeze(const Options& options, bool as_json) {
  json::Document document;
  document.root() = document.object();
  if (options.days > 0) document.set(document.root(), "days", document.number(options.days));
  return tell(order(options.folder, options.organisation, "network/freeze", document.root()), as_json, [](const json::Value& root) {
    fmt::print("Until {} nobody votes or leaves; careledger network thaw ends it before.\n", root.string_at("until"));
  });
}

int thaw(const Options& options, bool as_json) {
  json::Document document;
  document.root() = document.object();
  return tell(order(options.folder, options.organisation, "network/thaw", document.root()), as_json,
              [](const json::Value&) { fmt::print("Members vote again.\n"); });
}

int leave(const Options& options, bool as_json) {
  json::Document document;
  document.root() = document.object();
  return tell(order(options.folder, options.organisation, "network/leave", document.root()), as_json, [&](const json::Value&) {
    fmt::print("{} has left: it has no vote and commands nothing until the others reinstate it.\n", options.organisation);
  });
}

Result<json::Document> growth_order(const GrowOptions& options) {
  json::Document document;
  json::Value texts = document.array();
  for (const std::string& path : options.files) {
    CARELEDGER_TRY(const Bytes text, system_files().read_all(path, network::kDescriptionBytesMax));
    const auto read = network::read_description(text, std::nullopt);
    if (!read) return fail(read.error().kind, path + ": " + read.error().message);
    document.append(texts, document.string(text));
  }
  json::Value root = document.object();
  document.set(root, "descriptions", texts);
  document.set(root, "listen", document.string(options.listen));
  document.set(root, "api", document.string(options.api));
  document.set(root, "group", document.string(options.group));
  document.set(root, "weight", document.number(options.weight));
  document.root() = root;
  return document;
}

int grow(const GrowOptions& options, bool as_json) {
  const auto wanted = growth_order(options);
  if (!wanted) return report(wanted.error(), as_json);
  return tell(order(options.folder, options.organisation, "network/grow", wanted->root()), as_json, [&](const json::Value& root) {
    fmt::print("The ledger is sealed at block {}, {}. The key that signed it is gone for good.\n", number_at(root, "seal"),
               root.string_at("hash"));
    fmt::print("Give {} to those who come; each runs\n  careledger network found DIR --grown FILE\n", root.string_at("file"));
    fmt::print("Before anybody serves, read this to each other: everyone must have the same.\n  number {}\n", root.string_at("number"));
    const std::string_view not_yet = root.string_at("not_yet");
    if (not_yet.empty()) return fmt::print("This node is a member now: nobody has to start it anew.\n");
    fmt::print("Next: start this node anew (careledger serve {}), which could not become a member by itself: {}\n", options.folder.folder,
               not_yet);
  });
}

void add_grow(CLI::App& network, Context& context) {
  const auto options = std::make_shared<GrowOptions>();
  auto* command =
      network.add_subcommand("grow", "make a network of an embedded ledger, with organisations that described themselves for it");
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "which organisation of this ledger is the member")->required();
  command->add_option("FILES", options->files, "descriptions of those who come (network describe --founding FOUNDING.pb)")->required();
  command->add_option("--listen", options->listen, "HOST:PORT where the other members' engines reach this one")->required();
  command->add_option("--api", options->api, "https://HOST:PORT where the other members reach this one's endpoint")->required();
  command->add_option("--weight", options->weight, "of this organisation's vote")->check(CLI::Range(1, 1'000'000));
  command->add_option("--group", options->group, "organisations under one owner give one name here: their votes are capped together");
  example(*command,
          "careledger network grow /srv/care --organisation \"North Hospital\" south.json city.json region.json --listen "
          "north.example:26656 --api https://north.example:8443");
  command->callback([options, &context] { context.chosen = [options, &context] { return grow(*options, context.json); }; });
}

CLI::App* add(CLI::App& network, Context& context, const std::shared_ptr<Options>& options, const std::string& name,
              const std::string& about, int (*run)(const Options&, bool)) {
  auto* command = network.add_subcommand(name, about);
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "which member acts")->required();
  command->callback([options, &context, run] { context.chosen = [options, &context, run] { return run(*options, context.json); }; });
  return command;
}

std::vector<std::string> parameter_names() {
  std::vector<std::string> names;
  for (const auto& rule : contracts::governance::kParameters) names.emplace_back(rule.name);
  return names;
}

std::string about_parameters() {
  std::string out = "what shall have another value:";
  for (const auto& rule : contracts::governance::kParameters)
    out += fmt::format("\n{}, {} to {}, founded with {}", rule.name, rule.least, rule.most, rule.founded);
  return out + "\ndocs/operations.md says what each does";
}

void add_propose(CLI::App& network, Context& context) {
  const auto options = std::make_shared<Options>();
  auto* command =
      add(network, context, options, "propose", "ask the members for a decision; more than two thirds of the votes make it", propose);
  auto* what = command->add_option_group("what", "one of these");
  what->add_option("--admit", options->admit, "description of an organisation that shall come in (network describe --founding)");
  what->add_option("--suspend", options->suspend, "a member that shall command and receive nothing, and have no vote");
  what->add_option("--reinstate", options->reinstate, "a member whose suspension shall end");
  auto* weight_of = what->add_option("--weight-of", options->weight_of, "a member that shall have another vote");
  what->add_option("--supervisor", options->supervisor, "a member, a regulator, that may freeze for a time who decides");
  what->add_flag("--no-supervisor", options->no_supervisor, "nobody shall supervise any more");
  auto* parameter = what->add_option("--parameter", options->parameter, about_parameters());
  auto* group_of =
      what->add_option("--group-of", options->group_of, "a member that shall be counted in another group when votes are capped");
  auto* protocol = what->add_option("--protocol", options->protocol, "number of the protocol that shall come next");
  what->require_option(1);
  auto* weight = command->add_option("--weight", options->weight, "how heavy that vote is; 0: none")->check(CLI::Range(0, 1'000'000));
  auto* height = command->add_option("--height", options->height, "the block from which that protocol holds")->check(CLI::PositiveNumber);
  auto* value = command->add_option("--value", options->value, "what that parameter shall be")->check(CLI::NonNegativeNumber);
  auto* group = command->add_option("--group", options->group, "the name of that group; \"\": one of its own");
  parameter->needs(value)->check(CLI::IsMember(parameter_names()));
  value->needs(parameter);
  group_of->needs(group);
  group->needs(group_of);
  weight_of->needs(weight);
  weight->needs(weight_of);
  protocol->needs(height)->check(CLI::PositiveNumber);
  height->needs(protocol);
  command->add_option("--days", options->days, "for which members may vote, proposal_days at most; without: 7, or those")
      ->check(CLI::PositiveNumber);
  example(*command, "careledger network propose /srv/care --organisation \"North Hospital\" --parameter proposal_days --value 60");
}

void add_supervising(CLI::App& network, Context& context) {
  auto options = std::make_shared<Options>();
  auto* command = add(network, context, options, "freeze", "as the supervisor: for some days nobody votes or leaves", freeze);
  command
      ->add_option("--days", options->days,
                   "for which it lasts, freeze_days at most with what it lasted already; without: 7, or what is left of those")
      ->check(CLI::PositiveNumber);
  example(*command, "careledger network freeze /srv/care --organisation \"Regional Authority\" --days 14");

  options = std::make_shared<Options>();
  command = add(network, context, options, "thaw", "as the supervisor: end what was frozen", thaw);
  example(*command, "careledger network thaw /srv/care --organisation \"Regional Authority\"");
}

}  // namespace

void add_governing(CLI::App& network, Context& context) {
  auto options = std::make_shared<Options>();
  auto* command = add(network, context, options, "proposals", "the members, their votes, and what they are asked to decide", proposals);
  command->add_flag("--all", options->all, "also what was decided, and what lapsed");
  example(*command, "careledger network proposals /srv/care --organisation \"North Hospital\"");

  add_propose(network, context);
  add_grow(network, context);

  options = std::make_shared<Options>();
  command = add(network, context, options, "evidence", "which validators contradicted themselves, as the ledger has it", evidence);
  example(*command, "careledger network evidence /srv/care --organisation \"North Hospital\"");

  options = std::make_shared<Options>();
  command = add(network, context, options, "vote", "say yes or no to a proposal, once and for ever", vote);
  command->add_option("PROPOSAL", options->proposal, "its id: 64 hex digits, as `network proposals` shows it")->required();
  auto* sides = command->add_option_group("side", "one of these");
  sides->add_flag("--yes", options->yes, "for it");
  sides->add_flag("--no", options->no, "against it");
  sides->require_option(1);
  example(*command, "careledger network vote /srv/care --organisation \"North Hospital\" --yes 4f…c2");

  options = std::make_shared<Options>();
  command = add(network, context, options, "rotate-key", "a new validator key for this member, beside its running node", rotate_key);
  command->add_flag("--again", options->again, "also when the key is younger than an hour");
  example(*command, "careledger network rotate-key /srv/care --organisation \"North Hospital\"");

  add_supervising(network, context);

  options = std::make_shared<Options>();
  command = add(network, context, options, "leave", "give up membership; refused while the others would be too few", leave);
  command
      ->add_flag("--confirm", options->confirmed,
                 "this is meant: nothing of this organisation goes to the ledger until the others' votes take it back")
      ->required();
  example(*command, "careledger network leave /srv/care --organisation \"North Hospital\" --confirm");
}

}  // namespace careledger::apps::commands
