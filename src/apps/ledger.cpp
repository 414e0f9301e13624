#include "apps/ledger.h"

#include <chrono>
#include <future>
#include <thread>

#include "apps/network/engine_parts.h"
#include "apps/network/grown_file.h"
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
  CARELEDGER_TRY(ledger->grown_, grown_of(layout, ledger->founding_));
  if (ledger->grown_) CARELEDGER_CHECK(check_there(*ledger->store_, *ledger->grown_, layout));
  replica::Config config;
  config.founding = std::move(founding);
  config.threads = std::max(1u, std::thread::hardware_concurrency()) - 1;
  CARELEDGER_TRY(ledger->replica_, replica::Replica::open(config, ledger->store_, contracts::all()));
  if (!ledger->embedded()) CARELEDGER_CHECK(check_members(*ledger->replica_, layout));
  CARELEDGER_TRY(crypto::SigningKey log, keys.signing(vault::Purpose::cosign));
  ledger->checkpoints_ = std::make_unique<ordering::CheckpointKeeper>(kernel::chain_id(ledger->replica_->ledger()), std::move(log));
  if (ledger->embedded()) return ledger;
  CARELEDGER_TRY(proof::ValidatorSet first, ledger->first_validators());
  ledger->walks_ = std::make_unique<ordering::WalkKeeper>(
      std::move(first), [owner = ledger.get()](Height height) { return ordering::light_block(owner->ordering(), height); },
      ledger->grown_ ? next(ledger->grown_->seal_height()) : Height{1});
  return ledger;
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
    CARELEDGER_TRY(ledger->member_,
                   network::Member::start({layout, engine->network, engine->own, ledger->founding_, *ledger->replica_, keys, clock,
                                           engine->choice, ledger->grown_ ? &*ledger->grown_ : nullptr, engine->on_event}));
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
    if (ledger->grown_) ledger->ordering_ = ordering::continue_chain(std::move(ledger->ordering_), *ledger->replica_, *ledger->grown_);
  }
  return ledger;
}

bool Ledger::failed() const {
  if (member_) return member_->failed();
  return embedded() && !sealed() && !ordering_->has_quorum();
}

Result<void> Ledger::start_alone(vault::Keystore& keys, const Clock& clock) {
  CARELEDGER_TRY(crypto::SigningKey validator, keys.signing(vault::Purpose::validator));
  ordering::local::Config config;
  config.app_version = kProtocol;
  config.epoch_ms = epoch_ms();
  CARELEDGER_TRY(auto started, ordering::local::start(*replica_, std::move(validator), clock, config));
  local_ = started.get();
  ordering_ = std::move(started);
  return sealed() ? keys.promote(vault::Purpose::validator) : Result<void>();  // when a crash came between the seal and that
}

Result<network::Standing> Ledger::standing() const {
  if (embedded()) return fail(ErrorKind::not_found, "this ledger is embedded: it has no other members");
  if (at_rest()) return fail(ErrorKind::unavailable, "the engine of this node does not run");
  return member_->standing();
}

Result<network::ValidatorKeys*> Ledger::validator_keys() {
  if (member_) return &member_->validator_keys();
  return fail(ErrorKind::unsupported, "no network orders this ledger while this node runs: it has no validator's key to change");
}

proof::BlockLimits Ledger::block_limits() const {
  return embedded() ? proof::BlockLimits{ordering::local::kBlockBytesMax, -1} : network::kBlockLimits;
}

ordering::chain_json::EvidenceRules Ledger::evidence_rules() const {
  return embedded() ? ordering::chain_json::EvidenceRules{} : ordering::abci::kEvidence;
}

Result<proof::ValidatorSet> Ledger::first_validators() {
  if (embedded()) return ordering().validators({1});
  if (grown_) return grown_->successors;
  proof::ValidatorSet set;
  for (const auto& one : network::founding_validators(founding_)) set.validators.push_back({one.key, one.power, 0});
  proof::sort(set);
  return set;
}

Result<void> Ledger::add_walk(proof::Bundle& bundle) {
  if (!walks_) return {};
  auto walk = walks_->lead_to({bundle.signed_header, bundle.validators});
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
  if (member_) member_->stop();
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
                "this ledger has grown into a network and its own chain is sealed: nothing was sent; it takes commands again once "
                "careledger serve was started anew here and at most of the members");
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
