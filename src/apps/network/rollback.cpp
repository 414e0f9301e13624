#include "apps/network/rollback.h"

#include "apps/act_record.h"
#include "apps/network/blocks_fit.h"
#include "apps/network/engine_store.h"
#include "ordering/abci/engine_child.h"
#include "proof/checkpoint.h"
#include "replica/newest_block.h"

namespace careledger::apps::network {
namespace {

namespace abci = ordering::abci;

constexpr std::size_t kWitnessMax = 4096;

struct InEngine {
  EngineBlocks blocks;
  Bytes before_newest;  // the app hash that its newest block names: of the state that it was made for
};

Result<InEngine> look_at_engine(Node& node, const Layout& layout, const std::string& engine) {
  if (!system_files().exists(layout.engine() + "/data/blockstore.db"))
    return fail(ErrorKind::precondition, "the engine in " + layout.engine() + " keeps no blocks: there is none to take back");
  CARELEDGER_TRY(const auto store, EngineStore::open(layout, *node.config().network, node.ledger().founding(), node.keys(), engine));
  CARELEDGER_TRY(const EngineBlocks kept, store->kept());
  InEngine found{kept, {}};
  if (found.blocks.newest.value == 0) return found;
  CARELEDGER_TRY(const proof::SignedHeader newest, store->header(found.blocks.newest));
  found.before_newest = newest.header.app_hash;
  return found;
}

std::string fetch_again(const Layout& layout) {
  return ": move " + layout.ledger() + " and " + layout.engine() +
         " away, and nothing else, and fetch both from the other members (careledger network recover)";
}

// What will be there without the block that is taken back.
Result<proof::AppState> check_can(Node& node, const Layout& layout, const InEngine& found) {
  const EngineBlocks& blocks = found.blocks;
  const Height newest = node.ledger().replica().view().height();
  const ordering::Grown* grown = node.ledger().grown();
  const Height begins_above = grown != nullptr ? grown->seal_height() : Height{0};
  const std::string block = "block " + std::to_string(newest.value);
  if (newest <= begins_above) return fail(ErrorKind::precondition, "no block was executed here yet: there is none to take back");
  CARELEDGER_CHECK(check_fit(layout, newest, begins_above, blocks));
  if (blocks.newest > newest)
    return fail(ErrorKind::precondition, "the engine's newest block is " + std::to_string(blocks.newest.value) + ", and the ledger is at " +
                                             block +
                                             ": what is above it was taken back already, or was never executed. The next "
                                             "start (careledger serve) does, with the program that is started then");
  if (next(blocks.oldest) > newest)
    return fail(ErrorKind::precondition,
                "the engine keeps no block before " + block + ", and so cannot take it back" + fetch_again(layout));
  CARELEDGER_TRY(const auto before, replica::state_before_newest(node.ledger().store()));
  if (!before) return fail(ErrorKind::precondition, "what " + block + " changed is not kept here" + fetch_again(layout));
  if (proof::app_hash(*before).view() != found.before_newest)
    return fail(ErrorKind::corrupt,
                "what is written down of the state before " + block + " is not what it was made for" + fetch_again(layout));
  return *before;
}

// A witness of this node that saw the log with the wrong block at its end would hold the right one for another history, for ever. It goes
// back to the block before, and to no other.
Result<void> correct_witness(const std::string& file, const proof::Checkpoint& wrong, const proof::AppState& before) {
  if (!system_files().exists(file)) return {};
  CARELEDGER_TRY(const Bytes text, system_files().read_all(file, kWitnessMax));
  if (text != proof::to_text(wrong)) return {};
  return system_files().replace(file, proof::to_text({wrong.origin, before.log_size, before.log_root}));
}

// The ledger goes last: until then all may be done again after a kill in the middle. An engine whose state is already before its newest
// block stays as it is; and so does a witness, whose memory of a block less is never held against a ledger.
Result<void> take_back(Node& node, const Layout& layout, const std::string& program, const Bytes& before_newest,
                       const proof::AppState& before) {
  const std::string home = layout.engine();
  const replica::View executed = node.ledger().replica().view();
  const proof::Checkpoint wrong{proof::checkpoint_origin(kernel::chain_id(node.ledger().replica().ledger())), executed.log_size(),
                                executed.log_root()};
  CARELEDGER_CHECK(abci::run_to_its_end({.program = program, .home = home, .log = home + "/rollback.log", .verb = "rollback"}));
  for (const OrganisationConfig& one : node.config().organisations)
    CARELEDGER_CHECK(correct_witness(layout.witness(one.slug), wrong, before));
  CARELEDGER_TRY(const replica::View view, node.ledger().replica().undo_last());
  if (view.app_hash().view() == before_newest) return {};
  return fail(ErrorKind::corrupt, "block " + std::to_string(next(view.height()).value) +
                                      " is taken back, and what is here now is not the state that it was made for" + fetch_again(layout));
}

}  // namespace

Result<Height> roll_back(const Layout& layout, const SealChoice& seal, const std::string& engine, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!config.network)
    return fail(ErrorKind::unsupported, "this ledger is embedded: nobody else signed another state, and no block of it is taken back");
  CARELEDGER_TRY(const std::string program, find_engine(engine));
  CARELEDGER_TRY(const auto node, Node::open_at_rest(layout, seal, clock, entropy));
  CARELEDGER_TRY(const InEngine found, look_at_engine(*node, layout, program));
  CARELEDGER_TRY(const proof::AppState before, check_can(*node, layout, found));
  const Height block = node->ledger().replica().view().height();
  const auto done = record_around(*node, vault::AuditKind::configuration, act_details("block_taken_back", std::to_string(block.value)),
                                  [&] { return take_back(*node, layout, program, found.before_newest, before); });
  node->stop();
  CARELEDGER_CHECK(done);
  return block;
}

}  // namespace careledger::apps::network
