#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/ledger.h"
#include "apps/network/founding.h"
#include "apps/network/growing.h"
#include "apps/network/joining.h"
#include "apps/terminal.h"
#include "base/printable.h"
#include "codec/json/json.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

struct Options {
  FolderOptions folder;
  network::DescribeOrder order;
  std::string out;
  std::string founding;  // of the network to join
  std::vector<std::string> files;
  std::string compare;
  std::string grown;  // file of an embedded ledger that grew
  std::uint16_t rpc_port = 0;
};

void print(const json::Document& document) { fmt::print("{}\n", json::compact(document.root())); }

Result<kernel::Founding> read_founding(const std::string& path) {
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(path, kFoundingBytesMax));
  return network::read_any_founding(bytes);
}

int tell_next(const Options& options, const std::string& out) {
  const network::DescribeOrder& order = options.order;
  fmt::print("{} describes {}. No secret stands in it.\n", out, order.organisation);
  if (order.joins && order.joins->format() == kernel::kFoundedByOne)
    fmt::print(
        "Next: give it to who has the ledger, {}; once it has grown (careledger network grow), with the file that you get,\n"
        "  careledger network found {} --grown FILE\n"
        "If it grew before, give it to its members instead; they propose your admission, vote, and let your engine in. Ask one for its\n"
        "grown.careledger, let another one read the number to you, and\n"
        "  careledger network join {} --grown FILE --number NUMBER\n",
        kernel::ledger_id(kernel::encode(*order.joins)).hex(), options.folder.folder, options.folder.folder);
  else if (order.joins)
    fmt::print(
        "Next: give it to the other members, by a way on which you know each other; they propose your admission, vote, and let your\n"
        "engine in. Ask one of them to read the ledger's number to you (in {} it is {}), and\n"
        "  careledger network join {} {} THEIR-DESCRIPTIONS… --ledger NUMBER\n",
        options.founding, kernel::ledger_id(kernel::encode(*order.joins)).hex(), options.folder.folder, options.founding);
  else
    fmt::print(
        "Next: give it to the other members, by a way on which you know each other; with all descriptions at hand,\n"
        "  careledger network found {} THEIR-DESCRIPTIONS… {}\n",
        options.folder.folder, out);
  return 0;
}

int describe(const Options& options, bool as_json) {
  network::DescribeOrder order = options.order;
  order.seal = options.folder.seal;
  if (!options.founding.empty()) {
    const auto joins = read_founding(options.founding);
    if (!joins) return report(joins.error(), as_json);
    order.joins = *joins;
  }
  const Layout layout = layout_of(options.folder.folder);
  const auto text = network::describe(layout, order, system_clock(), system_entropy());
  if (!text) return report(text.error(), as_json);
  const std::string out = options.out.empty() ? layout.description() : options.out;
  if (!options.out.empty())
    if (const auto written = system_files().replace(out, *text); !written) return report(written.error(), as_json);
  if (as_json) {
    json::Document document;
    document.root() = document.object();
    document.set(document.root(), "description", document.string(out));
    print(document);
    return 0;
  }
  Options told = options;
  told.order = order;
  return tell_next(told, out);
}

Result<Config> found_and_compare(const Options& options, const Layout& layout) {
  if (options.files.empty() == options.grown.empty())
    return fail(ErrorKind::invalid, "name the descriptions of all members, or the file of a ledger that grew (--grown)");
  const auto rpc_ports = network::rpc_ports_from(options.rpc_port);
  CARELEDGER_TRY(const auto files, network::read_files(options.files));
  CARELEDGER_TRY(Config config, options.grown.empty() ? network::found(layout, files, rpc_ports, system_clock())
                                                      : network::found_grown(layout, options.grown, rpc_ports, system_clock()));
  if (options.compare.empty()) return config;
  CARELEDGER_TRY(const Bytes theirs, system_files().read_all(options.compare, 1 << 20));
  CARELEDGER_TRY(const Bytes ours, system_files().read_all(layout.founding_text(), 1 << 20));
  CARELEDGER_CHECK(network::compare_texts(ours, theirs));
  return config;
}

int tell_grown(const Config& config, const Options& options) {
  const auto text = system_files().read_all(layout_of(options.folder.folder).founding_text(), 1 << 20);
  fmt::print("Founded: {} of {} members, which was an embedded ledger, {}.\n", printable(config.name), config.network->peers.size() + 1,
             config.ledger.hex());
  fmt::print("Before anybody serves, read this to each other: everyone must have the same.\n  {}\n",
             text ? text->substr(0, text->find('\n')) : std::string());
  fmt::print("Next: careledger serve {}\n", options.folder.folder);
  return 0;
}

int found(const Options& options, bool as_json) {
  const Layout layout = layout_of(options.folder.folder);
  const auto config = found_and_compare(options, layout);
  if (!config) return report(config.error(), as_json);
  if (as_json) {
    json::Document document;
    document.root() = document.object();
    document.set(document.root(), "ledger", document.string(config->ledger.hex()));
    document.set(document.root(), "chain", document.string(kernel::chain_id(config->ledger)));
    document.set(document.root(), "organisation", document.string(config->organisations.front().id.hex()));
    print(document);
    return 0;
  }
  if (!options.grown.empty()) return tell_grown(*config, options);
  fmt::print("Founded: {} of {} members, ledger {}.\n", config->name, config->network->peers.size() + 1, config->ledger.hex());
  fmt::print(
      "Before anybody serves, read this number to each other: everyone must have the same. Where one differs, compare with\n"
      "  careledger network found {} … --compare THEIR-founding.txt   (ours: {})\n",
      options.folder.folder, layout.founding_text());
  fmt::print("Next: careledger serve {}\n", options.folder.folder);
  return 0;
}

void add_describe(CLI::App& network, Context& context) {
  auto* command = network.add_subcommand("describe", "make this organisation's keys, and the description that the other members need");
  auto options = std::make_shared<Options>();
  auto& order = options->order;
  add_folder(*command, options->folder);
  auto* which = command->add_option_group("network", "one of these");
  which->add_option("--network", order.network, "name of the ledger that is to be founded, the same at every member");
  which->add_option("--founding", options->founding,
                    "founding.pb of the network that this organisation wants to join, or of the embedded ledger that shall grow");
  which->require_option(1);
  command->add_option("--organisation", order.organisation, "name of this organisation")->required();
  command->add_option("--kind", order.kind, "hospital unless said otherwise");
  command->add_option("--listen", order.listen, "HOST:PORT where the other members' engines reach this one")->required();
  command->add_option("--api", order.api, "https://HOST:PORT where the other members reach this one's endpoint")->required();
  command->add_option("--weight", order.weight, "of its vote; 0: a follower, without one")->check(CLI::Range(0, 1'000'000));
  command->add_option("--group", order.group, "organisations under one owner give one name here: their votes are capped together");
  command->add_option("--epoch-ms", order.epoch_ms, "epoch of enrolments and acceptances, the same at every member")
      ->check(CLI::Range(1, 3'600'000));
  command->add_option("--days", order.days, "for which the description may be used")->check(CLI::Range(1, 365));
  command->add_option("-o,--output", options->out, "also write the description here");
  example(*command,
          "careledger network describe /srv/care --network Region --organisation \"North Hospital\" --listen north.example:26656 "
          "--api https://north.example:8443 -o north.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return describe(*options, context.json); }; });
}

void add_found(CLI::App& network, Context& context) {
  auto* command = network.add_subcommand("found", "found the ledger from all members' descriptions, this one's included");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("FILES", options->files, "every member's description");
  command->add_option("--grown", options->grown, "instead of them: what the owner of an embedded ledger that grew has handed over");
  command->add_option("--compare", options->compare, "another member's founding.txt: says which line differs");
  command->add_option("--rpc-port", options->rpc_port, "of the read-only RPC; the next one is taken too; 0: chosen at each start");
  example(*command, "careledger network found /srv/care north.json south.json city.json region.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return found(*options, context.json); }; });
}

}  // namespace

void add_network(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("network", "found a ledger together with organisations that do not trust each other, and decide on it by votes");
  command->require_subcommand(1);
  add_describe(*command, context);
  add_found(*command, context);
  add_joining(*command, context);
  add_governing(*command, context);
  example(*command, "careledger network describe /srv/care --help");
}

}  // namespace careledger::apps::commands
