#include "apps/ledger.h"

#include <chrono>
#include <future>
#include <thread>

#include "apps/network/engine_parts.h"
#include "apps/network/grown_file.h"
#include "base/assert.h"
#include "contracts/all.h"
#include "contracts/governance/governance.h"
#include "kernel/kernel.pb.h"
#include "kernel/tables.h"
#include "ordering/abci/engine_home.h"
#include "ordering/continued.h"
#include "ordering/local/chain_maker.h"
#include "ordering/resting.h"
#include "replica/ledger_store.h"
#include "replica/newest_block.h"

namespace careledger::apps {
namespace {

constexpr std::chrono::seconds kAnswerTime{30};  // a network without a quorum does not answer
constexpr std::chrono::seconds kProvablePatience{5};

// Founding writes a row for each member since members decide by votes. A network of an earlier build has none, and can get none.
Result<void> check_members(const replica::Replica& replica, const Layout& layout) {
  const replica::View view = replica.view();
  const bool none = view.state().scan(contracts::governance::kMembers, Limit{1}).empty();
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (!none) return {};
  return fail(ErrorKind::unsupported,
              "the network in " + layout.folder +
                  " was founded by an earlier build of careledger, whose ledger this one cannot go on with: export "
                  "what is needed with that build, then found it anew (careledger network describe, network found)");
}

proof::ValidatorSet founders_of(const kernel::Founding& founding) {
  proof::ValidatorSet set;
  for (const auto& one : network::founding_validators(founding)) set.validators.push_back({one.key, one.power, 0});
  proof::sort(set);
  return set;
}

// Of a network that an embedded ledger became. The configuration tells, which is written last: until then the ledger is what it was.
Result<std::optional<ordering::Grown>> grown_of(const Layout& layout, const kernel::Founding& founding) {
  if (founding.format() == kernel::kFoundedTogether || !system_files().exists(layout.config())) return std::optional<ordering::Grown>();
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!config.network) return std::optional<ordering::Grown>();
  CARELEDGER_TRY(ordering::Grown grown, network::kept_grown(layout));
  return std::optional(std::move(grown));
}

// Its first block is the engine's, but the state below came with a file: nothing that other members have can bring it back.
Result<void> check_there(const storage::Reader& store, const ordering::Grown& grown, const Layout& layout) {
  CARELEDGER_TRY(const auto heights, replica::stored_heights(store));
  if (heights && heights->newest >= grown.seal_height()) return {};
  return fail(ErrorKind::corrupt,
              "the ledger in " + layout.ledger() +
                  " is gone, and it began with what an embedded ledger handed over: move the engine's folder away as well and found "
                  "it again (careledger network found --grown), or restore a backup");
}

}  // namespace

Result<Bytes> own_founding(const Layout& layout, const LedgerId& ledger) {
  constexpr const char* kWhere = "; every member of a network has the same founding.pb, and each backup has the folder's own";
  auto founding = system_files().read_all(layout.founding(), kFoundingBytesMax);
  if (!founding) return fail(founding.error().kind, founding.error().message + ": put it back" + kWhere);
  const LedgerId founded = kernel::ledger_id(*founding);
  if (founded == ledger) return founding;
  return fail(ErrorKind::corrupt, layout.founding() + " founds the ledger " + founded.hex() + ", and careledger.json names " +
                                      ledger.hex() +
                                      ": one of the two was changed, or is of another ledger. Put back the one that was here" + kWhere);
}

Result<std::unique_ptr<Ledger>> Ledger::open_store(const Layout& layout, Bytes founding, vault::Keystore& keys,
                                                   std::shared_ptr<storage::Room> room) {
  auto ledger = std::unique_ptr<Ledger>(new Ledger);
  if (!kernel::parse_canonical(founding, ledger->founding_))
    return fail(ErrorKind::corrupt, layout.founding() + " does not read as a founding document");
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  options.room = std::move(room);
  CARELEDGER_TRY(std::unique_ptr<storage::Store> store, replica::open_ledger_store(options));
  ledger->store_ = std::move(store);
  CARELEDGER_TRY(auto grown, grown_of(layout, ledger->founding_));
  if (grown) CARELEDGER_CHECK(check_there(*ledger->store_, *grown, layout));
  replica::Config config;
  config.founding = std::move(founding);
  config.threads = std::max(1u, std::thread::hardware_concurrency()) - 1;
  CARELEDGER_TRY(ledger->replica_, replica::Replica::open(config, ledger->store_, contracts::all()));
  CARELEDGER_TRY(crypto::SigningKey log, keys.signing(vault::Purpose::cosign));
  ledger->checkpoints_ = std::make_unique<ordering::CheckpointKeeper>(kernel::chain_id(ledger->replica_->ledger()), std::move(log));
  if (ledger->founding_.format() != kernel::kFoundedTogether && !grown) return ledger;
  CARELEDGER_CHECK(check_members(*ledger->replica_, layout));
  CARELEDGER_TRY(auto together, ledger->make_together(std::move(grown)));
  ledger->publish(std::move(together));
  return ledger;
}

Result<std::unique_ptr<Ledger::Together>> Ledger::make_together(std::optional<ordering::Grown> grown) {
  auto together = std::make_unique<Together>();
  together->walks = std::make_unique<ordering::WalkKeeper>(
      grown ? grown->successors : founders_of(founding_), [this](Height height) { return ordering::light_block(ordering(), height); },
      grown ? next(grown->seal_height()) : Height{1});
  together->grown = std::move(grown);
  return together;
}

void Ledger::publish(std::unique_ptr<Together> together) {
  CARELEDGER_ASSERT(!together_);
  together_ = std::move(together);
  now_together_.store(together_.get(), std::memory_order_release);
}

Result<std::unique_ptr<network::Member>> Ledger::start_member(const Layout& layout, vault::Keystore& keys, const Clock& clock,
                                                              const Engine& engine, const Together& together) {
  return network::Member::start({layout, engine.network, engine.own, founding_, *replica_, keys, clock, engine.choice,
                                 together.grown ? &*together.grown : nullptr, engine.on_event, engine.on_look});
}

Result<std::unique_ptr<Ledger>> Ledger::open(const Layout& layout, Bytes founding, vault::Keystore& keys, const Clock& clock,
                                             std::shared_ptr<storage::Room> room, const Engine* engine) {
  kernel::Founding document;
  const bool reads = kernel::parse_canonical(founding, document);
  CARELEDGER_TRY(const auto grown, grown_of(layout, document));
  if (engine == nullptr && reads && (grown || document.format() == kernel::kFoundedTogether))
    return fail(ErrorKind::unsupported,
                "this ledger is ordered by a network: start the node (careledger serve), which this command asks then. What wants the node "
                "stopped and a ledger that goes on is not offered in a network yet");
  CARELEDGER_TRY(auto ledger, open_store(layout, std::move(founding), keys, std::move(room)));
  if (ledger->embedded()) {
    CARELEDGER_CHECK(ledger->start_alone(keys, clock));
  } else {
    Together& together = *ledger->together_;
    CARELEDGER_TRY(together.member, ledger->start_member(layout, keys, clock, *engine, together));
  }
  return ledger;
}

Result<std::unique_ptr<Ledger>> Ledger::open_at_rest(const Layout& layout, Bytes founding, vault::Keystore& keys, const Clock& clock,
                                                     std::shared_ptr<storage::Room> room) {
  CARELEDGER_TRY(auto ledger, open_store(layout, std::move(founding), keys, std::move(room)));
  if (ledger->embedded()) {
    CARELEDGER_CHECK(ledger->start_alone(keys, clock));
  } else {
    ledger->ordering_ = ordering::rest(*ledger->replica_);
    if (const ordering::Grown* grown = ledger->grown())
      ledger->ordering_ = ordering::continue_chain(std::move(ledger->ordering_), *ledger->replica_, *grown);
  }
  return ledger;
}

Result<void> Ledger::become_member(const Layout& layout, vault::Keystore& keys, const Clock& clock, const Engine& engine) {
  CARELEDGER_ASSERT(sealed());
  CARELEDGER_TRY(auto grown, grown_of(layout, founding_));
  if (!grown) return fail(ErrorKind::corrupt, layout.config() + " names no network, although the ledger has grown into one");
  local_->stop();  // its thread made the blocks; from now on one of the engine's connections does
  CARELEDGER_TRY(auto together, make_together(std::move(grown)));
  CARELEDGER_TRY(together->member, start_member(layout, keys, clock, engine, *together));
  succession_->follow(together->member->ordering());
  publish(std::move(together));
  return {};
}

const ordering::Grown* Ledger::grown() const {
  const Together* now = together();
  return now != nullptr && now->grown ? &*now->grown : nullptr;
}

bool Ledger::failed() const {
  if (const Together* now = together()) return now->member && now->member->failed();
  const bool has_quorum = local_->has_quorum();  // first: the seal, which never ends, may come between the two
  return !has_quorum && !local_->sealed();
}

bool Ledger::engine_answers() const {
  const Together* now = together();
  return now != nullptr && now->member && now->member->engine_answers();
}

Result<void> Ledger::start_alone(vault::Keystore& keys, const Clock& clock) {
  CARELEDGER_TRY(crypto::SigningKey validator, keys.signing(vault::Purpose::validator));
  ordering::local::Config config;
  config.app_version = kProtocol;
  config.epoch_ms = epoch_ms();
  CARELEDGER_TRY(auto started, ordering::local::start(*replica_, std::move(validator), clock, config));
  local_ = started.get();
  auto succession = std::make_unique<ordering::Succession>(std::move(started));
  succession_ = succession.get();
  ordering_ = std::move(succession);
  return sealed() ? keys.promote(vault::Purpose::validator) : Result<void>();  // when a crash came between the seal and that
}

Result<network::Standing> Ledger::standing() const {
  if (embedded()) return fail(ErrorKind::not_found, "this ledger is embedded: it has no other members");
  if (at_rest()) return fail(ErrorKind::unavailable, "the engine of this node does not run");
  return together()->member->standing();
}

Result<network::ValidatorKeys*> Ledger::validator_keys() {
  if (const Together* now = together(); now != nullptr && now->member) return &now->member->validator_keys();
  return fail(ErrorKind::unsupported, "no network orders this ledger while this node runs: it has no validator's key to change");
}

Result<ordering::chain_json::Rules> Ledger::rules_at(Height height) const {
  using ordering::chain_json::Rules;
  const Together* now = together();
  const bool old = now == nullptr || (now->grown && height <= now->grown->seal_height());
  if (old) return Rules{{ordering::local::kBlockBytesMax, -1}, {}};
  CARELEDGER_TRY(const proof::BlockLimits limits, network::block_limits_at(*replica_, height));
  return Rules{limits, ordering::abci::kEvidence};
}

Result<proof::ValidatorSet> Ledger::first_validators() {
  if (embedded()) return ordering().validators({1});
  const ordering::Grown* before = grown();
  return before != nullptr ? before->successors : founders_of(founding_);
}

Result<proof::ValidatorSet> Ledger::trusted_validators() {
  const ordering::Grown* before = grown();
  if (before != nullptr && ordering().height() <= before->seal_height()) return before->validators;
  return first_validators();
}

// Up to the seal the old chain's key signed, which trust files from before name: it alone has, until the network makes its first block.
bool Ledger::is_of_old_chain(const Together& together, const proof::Header& header) {
  return together.grown && Height{static_cast<std::uint64_t>(header.height)} <= together.grown->seal_height();
}

Result<void> Ledger::add_walk(proof::Bundle& bundle) {
  const Together* now = together();
  if (now == nullptr || is_of_old_chain(*now, bundle.signed_header.header)) return {};
  auto walk = now->walks->lead_to({bundle.signed_header, bundle.validators});
  if (!walk && walk.error().kind == ErrorKind::not_found)
    return fail(
        ErrorKind::unavailable,
        "other validators sign now than those that trust files name, and this node has not the blocks that lead from them to these: it "
        "began with a snapshot or drops old blocks; ask the node of a member that keeps all");
  if (!walk) return tl::make_unexpected(walk.error());
  bundle.walk = std::move(*walk);
  return {};
}

Ledger::~Ledger() { stop(); }

void Ledger::stop() {
  if (together_ && together_->member) together_->member->stop();
  if (ordering_) ordering_->stop();
}

Result<kernel::Receipt> Ledger::submit_and_wait(const OrganisationId& organisation, Bytes command) {
  const auto promise = std::make_shared<std::promise<ordering::Answer>>();
  ordering().submit(organisation, std::move(command), ordering::Lane::urgent,
                    [promise](const ordering::Answer& answer) { promise->set_value(answer); });
  auto answered = promise->get_future();
  if (answered.wait_for(kAnswerTime) != std::future_status::ready)
    return fail(ErrorKind::unavailable,
                "the network did not answer in time; the command may still become final: look before you repeat it");
  const ordering::Answer answer = answered.get();
  if (answer.outcome == ordering::Outcome::busy)
    return fail(ErrorKind::unavailable,
                "the ledger has more to do than it can; nothing was sent: try again in " + std::to_string(answer.retry_after_ms) + " ms");
  if (answer.outcome == ordering::Outcome::sealed)
    return fail(ErrorKind::unavailable,
                "this ledger has grown into a network and its own chain is sealed: nothing was sent; it takes commands again once this "
                "node and most of the members serve as such: start it anew (careledger serve) if it goes on saying this");
  if (!answer.receipt) return fail(ErrorKind::unavailable, "the ledger did not answer; look at its disk and try again");
  if (answer.outcome != ordering::Outcome::final || !answer.receipt->code.ok())
    return fail(ErrorKind::conflict, "the ledger refused the command: " + describe(*replica_, answer.receipt->code));
  return *answer.receipt;
}

Result<void> Ledger::wait_provable(Height height) {
  const auto provable = std::make_shared<std::promise<void>>();
  ordering().when_provable(height, [provable] { provable->set_value(); });
  const std::future<void> waited = provable->get_future();
  if (waited.wait_for(std::chrono::seconds(0)) == std::future_status::ready) return {};
  const bool comes = ordering().has_quorum();  // else whoever asks would hold a thread for nothing
  if (comes && waited.wait_for(kProvablePatience) == std::future_status::ready) return {};
  return fail(ErrorKind::unavailable, "the block that proves the newest state is still to come; ask again in a moment");
}

std::string describe(const replica::Replica& replica, const kernel::Code& code) {
  const kernel::Contract* contract = kernel::find_contract(replica.contracts(), code.contract);
  const std::string_view name = kernel::code_name(replica.contracts(), code);
  return (contract == nullptr ? std::string("kernel") : std::string(contract->name)) + ": " + std::string(name);
}

}  // namespace careledger::apps
