#include "apps/demo/demo.h"

#include "apps/wallet_node.h"

namespace careledger::apps::demo {
namespace {

void set(Stage& stage) {
  Host host;
  host.organisations.assign(std::begin(kOrganisations), std::end(kOrganisations));
  host.layout = layout_of(stage.scratch + "/node");
  host.logs = stage.logs();
  stage.hosts.push_back(std::move(host));
}

// What stands on ledger and disk at the end.
Result<void> add_totals(Stage& stage) {
  CARELEDGER_TRY(const codec::json::Document status, stage.status(kNorth));
  stage.table.push_back({"commands on the ledger", std::to_string(number_at(status.root(), "commands"))});
  stage.table.push_back({"blocks", std::to_string(number_at(status.root(), "height"))});
  const Layout& layout = stage.host(kNorth).layout;
  stage.table.push_back({"on disk, four organisations and the ledger", megabytes(bytes_below(layout.folder) - bytes_held(layout))});
  stage.table.push_back({"of it the ledger", megabytes(bytes_below(layout.ledger()))});
  return {};
}

}  // namespace

int run(const Options& options) {
  return play(options, {.set = set,
                        .steps = {found(), bring_patients(), refuse_without_consent(), release_with_consent(), list_accesses(),
                                  verify_offline(), amend(), withdraw(), attack_and_restore(), kill_and_recover(), search_the_disk()},
                        .add_totals = add_totals});
}

}  // namespace careledger::apps::demo
