#include <fmt/format.h>

#include <charconv>

#include "apps/commands/command.h"
#include "apps/node_access.h"
#include "apps/terminal.h"
#include "base/printable.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

std::string how_far(const json::Value& network) {
  constexpr std::uint64_t kFew = 10;  // so many lie between any two nodes while blocks are made
  const bool catching_up = network.find("catching_up")->boolean();
  std::uint64_t behind = 0;  // an older node tells none
  if (const json::Value* told = network.find("behind"); told != nullptr)
    std::from_chars(told->text().data(), told->text().data() + told->text().size(), behind);
  if (behind <= kFew) return catching_up ? "; this node is catching up" : "";
  return fmt::format("; this node is {}{} blocks behind the others", catching_up ? "catching up, " : "", behind);
}

void show_network(const json::Value& network) {
  const json::Value* blocks = network.find("blocks");
  if (blocks == nullptr) return fmt::print("  network: {}\n", printable(network.string_at("engine")));
  fmt::print("  network, newest {} blocks{}\n", blocks->text(), how_far(network));
  for (const json::Value& one : network.items_at("members")) {
    const json::Value* connected = one.find("connected");
    const char* link = connected->is_null() ? "this node" : connected->boolean() ? "connected" : "NOT CONNECTED";
    const std::string_view votes = one.find("votes")->text();
    const json::Value* evidence = one.find("evidence");  // an older node tells none
    const bool honest = evidence == nullptr || evidence->text() == "0";
    fmt::print("    {:<32} signed {:>3}, {}{}{}\n", printable(one.string_at("name")), one.find("signed")->text(), link,
               votes == "0" ? ", has no vote" : "", honest ? "" : ", CONTRADICTED ITSELF (network evidence)");
  }
}

int run(const FolderOptions& options, bool as_json) {
  const auto access = NodeAccess::open(layout_of(options.folder), options.seal);
  if (!access) return report(access.error(), as_json);
  std::string all = "[";
  for (const OrganisationConfig& organisation : (*access)->config().organisations) {
    const auto answer =
        (*access)->need(organisation.name, edge::auth::Role::administrator, http::make_request(http::Method::get, "/admin/v1/status"));
    if (!answer) return report(answer.error(), as_json);
    const auto document = json::parse(answer->content());
    if (!document) return report(document.error(), as_json);
    all += (all.size() > 1 ? "," : "") + std::string(answer->content());
    if (as_json) continue;
    fmt::print("{}\n", bold(organisation.name));
    for (const json::Member& member : document->root().members())
      if (member.key() == "network") show_network(member.value);
      else if (member.key() != "organisation")
        fmt::print("  {:<20} {}\n", member.key(),
                   member.value.text().empty() ? json::compact(member.value) : std::string(member.value.text()));
  }
  if (as_json) fmt::print("{}]\n", all);
  else fmt::print("{}\n", (*access)->in_process() ? "No process serves this folder at the moment." : "A process serves this folder.");
  return 0;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "show figures of the ledger and of every organisation");
  auto options = std::make_shared<FolderOptions>();
  add_folder(*command, *options);
  example(*command, "careledger --json status /srv/care");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
