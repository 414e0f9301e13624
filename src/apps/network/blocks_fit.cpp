#include "apps/network/blocks_fit.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace careledger::apps::network {
namespace {

constexpr std::chrono::seconds kSilentMax{30};
constexpr std::chrono::seconds kAskedMax{10};  // an engine that hangs keeps no node from its start for longer

Result<void> check_not_gone(const Member::Parts& parts, const std::string& blocks) {
  if (system_files().exists(blocks)) return {};
  if (parts.grown != nullptr)
    return fail(ErrorKind::corrupt, blocks +
                                        " is gone while the ledger is there, which began as an embedded one: restore a backup; a member "
                                        "without one moves " +
                                        parts.layout.ledger() + " away as well and founds it again (careledger network found --grown)");
  return fail(ErrorKind::corrupt, blocks + " is gone while the ledger is there: stop the node and move " + parts.layout.ledger() +
                                      " away as well; careledger network recover fetches both from the other members");
}

std::string what_to_do(const Layout& layout) {
  return ": one of the two is an older copy. Put back the other half of the same copy, or move " + layout.ledger() + " and " +
         layout.engine() + " away, and nothing else: careledger network recover fetches both from the other members";
}

}  // namespace

Result<void> check_fit(const Layout& layout, Height ledger, Height begins_above, const EngineBlocks& blocks) {
  const std::string both =
      "the ledger in " + layout.ledger() + " is at block " + std::to_string(ledger.value) + ", and the engine in " + layout.engine();
  if (ledger > begins_above && blocks.newest.value == 0) return fail(ErrorKind::precondition, both + " has none" + what_to_do(layout));
  if (ledger > begins_above && blocks.newest < ledger)
    return fail(ErrorKind::precondition, both + " has none above " + std::to_string(blocks.newest.value) + what_to_do(layout));
  if (blocks.newest.value > 0 && blocks.oldest > next(ledger))
    return fail(ErrorKind::precondition, both + " has none below " + std::to_string(blocks.oldest.value) + what_to_do(layout));
  return {};
}

Result<Height> check_told(const Layout& layout, Height ledger, Height begins_above, const Result<EngineBlocks>& kept,
                          const std::function<void(const std::string&)>& tell) {
  if (!kept) {
    if (tell) tell("what the engine keeps was not compared with the ledger: " + kept.error().message);
    return Height{0};
  }
  CARELEDGER_CHECK(check_fit(layout, ledger, begins_above, *kept));
  return kept->newest;
}

Result<Height> check_blocks(const Member::Parts& parts) {
  const replica::View view = parts.replica.view();
  const Height begins_above = parts.grown != nullptr ? parts.grown->seal_height() : Height{0};
  if (view.height() > begins_above && view.height() < view.first_height())
    return fail(ErrorKind::precondition, "a snapshot of height " + std::to_string(view.height().value) +
                                             " was loaded, and the engine has not gone on from there: run careledger network join "
                                             "(recover, of one that was a member before) again, with --trust");
  const std::string blocks = parts.layout.engine() + "/data/blockstore.db";
  if (view.height() > begins_above) CARELEDGER_CHECK(check_not_gone(parts, blocks));
  if (!system_files().exists(blocks)) return Height{0};
  const auto store = EngineStore::open(parts.layout, parts.network, parts.founding, parts.keys, parts.engine.program, kAskedMax);
  if (store) return check_told(parts.layout, view.height(), begins_above, (*store)->kept(), parts.on_event);
  if (store.error().kind == ErrorKind::not_found) return tl::make_unexpected(store.error());
  return check_told(parts.layout, view.height(), begins_above, tl::make_unexpected(store.error()), parts.on_event);
}

struct Replay::State {
  const Height to;
  std::mutex mutex{};
  std::condition_variable changed{};
  Height reached{};
  bool ended = false;
};

Replay::Replay(replica::Replica& replica, Height to) : state_(std::make_shared<State>(to)) {
  state_->reached = replica.view().height();
  if (state_->reached >= to) return;
  replica.observe([state = state_](const replica::CommittedBlock& block) {
    if (state->reached >= state->to) return;  // written by this thread alone
    const std::lock_guard lock(state->mutex);
    state->reached = block.view.height();
    state->changed.notify_all();
  });
}

void Replay::end() const {
  const std::lock_guard lock(state_->mutex);
  state_->ended = true;
  state_->changed.notify_all();
}

void Replay::await() const {
  std::unique_lock lock(state_->mutex);
  for (Height seen = state_->reached; !state_->ended && seen < state_->to; seen = state_->reached)
    if (!state_->changed.wait_for(lock, kSilentMax, [&] { return state_->ended || state_->reached > seen; })) return;
}

}  // namespace careledger::apps::network
