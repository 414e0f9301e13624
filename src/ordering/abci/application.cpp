#include "ordering/abci/application.h"

#include <algorithm>

#include "base/assert.h"
#include "base/printable.h"
#include "contracts/governance/governance.h"
#include "crypto/hash.h"
#include "kernel/tables.h"
#include "ordering/abci/peer_filter.h"
#include "ordering/abci/snapshot_results.h"
#include "ordering/headers_kept.h"
#include "ordering/state_query.h"

namespace careledger::ordering::abci {
namespace {

namespace wire = careledger::abci;

constexpr std::string_view kAbci = "2.0.";  // 2.1 is spoken by the retracted v1, which nobody tried
constexpr std::size_t kVersionShown = 40;
constexpr std::int32_t kAccept = 1;
constexpr std::int32_t kReject = 2;
constexpr std::uint32_t kShareUsedUp = 1;  // of codespace "pool"
constexpr std::int32_t kAgain = 1;         // the type of a check: it waits in the pool since before the newest block
constexpr std::int64_t kAnyGas = -1;
constexpr std::int64_t kSecondsMax = 253'402'300'800;  // the year 10000

// A ledger that is there takes no snapshot. An error would stop the engine.
wire::Response no_snapshot_taken(const wire::Request& request) {
  wire::Response response;
  if (request.has_offer_snapshot()) set(*response.mutable_offer_snapshot(), OfferResult::reject);
  else set(*response.mutable_apply_snapshot_chunk(), ChunkResult::abort);
  return response;
}

Result<wire::Response> of_another_chain(const std::string& what) {
  return fail(ErrorKind::conflict, what + ": the engine runs another chain than this folder's ledger");
}

kernel::Misbehaviour misbehaviour_of(const wire::Misbehavior& from) {
  const std::int64_t seconds = from.time().seconds();
  const bool of_this_era = seconds > 0 && seconds < kSecondsMax;
  return {from.validator().address(),
          static_cast<std::uint32_t>(from.type()),
          from.height(),
          of_this_era ? proof::block_time({seconds, from.time().nanos()}) : BlockTime{0},
          from.validator().power(),
          from.total_voting_power()};
}

}  // namespace

// By the protocols' numbers: the next line of CometBFT names another version of itself than the one that it is.
Result<void> check_engine(const wire::RequestInfo& asked) {
  if (asked.abci_version().starts_with(kAbci) && asked.block_version() == proof::kBlockProtocol) return {};
  return fail(ErrorKind::unsupported, "the engine calls itself version " + printable(asked.version().substr(0, kVersionShown)) +
                                          " and speaks ABCI " + printable(asked.abci_version().substr(0, kVersionShown)) +
                                          " over blocks of protocol " + std::to_string(asked.block_version()) +
                                          "; this node needs ABCI 2.0 over blocks of protocol " + std::to_string(proof::kBlockProtocol) +
                                          ": install CometBFT v0.38.25 and name it with --engine");
}

bool is_of_disk(const Error& error) { return error.kind == ErrorKind::storage || error.kind == ErrorKind::corrupt; }

Result<wire::Response> Application::handle(const Request& request) {
  if (config_.on_call) config_.on_call();
  Result<Response> response = answer(request);
  if (!response && config_.on_failure && is_of_disk(response.error())) config_.on_failure(response.error());
  return response;
}

Result<wire::Response> Application::answer(const Request& request) {
  switch (request.value_case()) {
    case Request::kInfo: return info(request.info());
    case Request::kInitChain: return init_chain(request.init_chain());
    case Request::kQuery: return query(request.query());
    case Request::kCheckTx: return check_tx(request.check_tx());
    case Request::kPrepareProposal: return prepare_proposal(request.prepare_proposal());
    case Request::kProcessProposal: return process_proposal(request.process_proposal());
    case Request::kFinalizeBlock: return finalize_block(request.finalize_block());
    case Request::kCommit: return commit();
    case Request::kListSnapshots: return list_snapshots();
    case Request::kLoadSnapshotChunk: return load_chunk(request.load_snapshot_chunk());
    case Request::kOfferSnapshot:
    case Request::kApplySnapshotChunk: return no_snapshot_taken(request);
    default: return fail(ErrorKind::unsupported, "ABCI call " + std::to_string(request.value_case()) + " is not offered");
  }
}

BlockTime Application::time_of(const comet::Timestamp& time) const {
  const replica::View view = replica_.view();
  const BlockTime least{view.time().value + (view.height().value > 0 ? 1 : 0)};
  return std::max(least, proof::block_time({time.seconds(), time.nanos()}));
}

// A Commit that an engine which died left behind is waited for: or the next one would be told the height before it.
Result<wire::Response> Application::info(const wire::RequestInfo& asked) {
  CARELEDGER_CHECK(check_engine(asked));
  const std::lock_guard lock(mutex_);
  if (config_.on_start) config_.on_start();
  pool_.clear();
  const replica::View view = replica_.view();
  Response response;
  auto& info = *response.mutable_info();
  info.set_data("careledger");
  info.set_version(config_.version);
  info.set_app_version(config_.app_version);
  if (view.height() <= config_.base) return response;  // so that it begins with its genesis, and all members get the same first header
  info.set_last_block_height(static_cast<std::int64_t>(view.height().value));
  info.set_last_block_app_hash(view.app_hash().bytes());
  return response;
}

Result<wire::Response> Application::init_chain(const wire::RequestInitChain& asked) {
  const std::lock_guard lock(mutex_);
  const replica::View view = replica_.view();
  const std::string chain = kernel::chain_id(replica_.ledger());
  if (asked.chain_id() != chain) return of_another_chain("chain " + asked.chain_id() + " was founded, not " + chain);
  if (asked.initial_height() != static_cast<std::int64_t>(next(view.height()).value))
    return of_another_chain("the first height is " + std::to_string(asked.initial_height()) + ", and the ledger stands at " +
                            std::to_string(view.height().value));
  const std::string named = config_.app_state.empty() ? std::string() : '"' + to_hex(config_.app_state) + '"';
  if (!named.empty() && asked.app_state_bytes() != named)
    return of_another_chain("its genesis names another state than this ledger grew with");
  executed_.reset();
  Response response;
  response.mutable_init_chain()->set_app_hash(view.app_hash().bytes());
  return response;
}

Result<wire::Response> Application::check_tx(const wire::RequestCheckTx& asked) {
  BlockTime time = replica_.view().time();
  if (config_.now) time = std::max(time, config_.now());
  CARELEDGER_TRY(const auto judged, proposals_.judge(asked.tx(), time));
  Response response;
  auto& check = *response.mutable_check_tx();
  check.set_code(static_cast<std::uint32_t>(judged.code));
  if (judged.code != kernel::KernelCode::ok) {
    check.set_codespace("kernel");
  } else if (asked.type() == kAgain) {
    const auto passed_over = pool_.waits(judged.envelope, judged.sender, asked.tx().size());
    if (passed_over && config_.on_passed_over) config_.on_passed_over(*passed_over);
  } else if (!pool_.take(judged.envelope, judged.sender, asked.tx().size())) {
    check.set_code(kShareUsedUp);
    check.set_codespace("pool");
  }
  return response;
}

Result<wire::Response> Application::query(const wire::RequestQuery& asked) const {
  Response response;
  auto& answer = *response.mutable_query();
  if (auto about_peer = answer_about_peer(asked.path(), config_.is_peer)) {
    answer = std::move(*about_peer);
    return response;
  }
  answer.set_key(asked.data());
  if (asked.data().empty() || asked.data().size() > kQueryKeyMax) {
    answer.set_code(static_cast<std::uint32_t>(QueryCode::not_answered));
    answer.set_log("data must be a key of 1 to 256 bytes");
    return response;
  }
  QueryAnswer found = query_state(replica_, replica_.view().height(), asked.path(), asked.data(), asked.height());
  answer.set_code(static_cast<std::uint32_t>(found.code));
  answer.set_log(found.log);
  answer.set_height(static_cast<std::int64_t>(found.height.value));
  if (found.code != QueryCode::ok) return response;
  if (found.value) answer.set_value(std::move(*found.value));
  CARELEDGER_ASSERT(answer.mutable_proof_ops()->ParseFromString(found.operations));
  return response;
}

Result<wire::Response> Application::prepare_proposal(const wire::RequestPrepareProposal& asked) const {
  CARELEDGER_TRY(auto picked, proposals_.pick(asked.txs(), asked.max_tx_bytes(), time_of(asked.time())));
  Response response;
  auto& proposal = *response.mutable_prepare_proposal();
  for (Bytes& transaction : picked) *proposal.add_txs() = std::move(transaction);
  return response;
}

Result<wire::Response> Application::process_proposal(const wire::RequestBlock& asked) const {
  if (config_.on_proposal) config_.on_proposal();
  CARELEDGER_TRY(const bool accepted, proposals_.accepts(asked.txs(), time_of(asked.time())));
  Response response;
  response.mutable_process_proposal()->set_status(accepted ? kAccept : kReject);
  return response;
}

// What members voted in the block before begins to hold in the next one, of which the engine is told with this one: from the committed
// state, so that a replay tells it the same.
Result<std::optional<std::int64_t>> Application::block_bytes_after(Height height) const {
  namespace governance = contracts::governance;
  const replica::View view = replica_.view();
  const auto voted = governance::value_beginning(view.state(), governance::Parameter::block_bytes, next(height));
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return voted ? std::optional(static_cast<std::int64_t>(*voted)) : std::nullopt;
}

Result<wire::Response> Application::finalize_block(const wire::RequestBlock& asked) {
  const std::lock_guard lock(mutex_);
  executed_.reset();
  if (asked.height() < 1) return fail(ErrorKind::invalid, "a block of height " + std::to_string(asked.height()));
  attendance_.add(asked.height() - 1, asked.last_commit());
  std::vector<kernel::Misbehaviour> misbehaviour;
  for (const auto& one : asked.misbehavior()) misbehaviour.push_back(misbehaviour_of(one));
  if (config_.on_misbehaviour) std::ranges::for_each(misbehaviour, config_.on_misbehaviour);
  std::vector<Digest> envelopes;
  for (const Bytes& transaction : asked.txs()) envelopes.push_back(crypto::sha256(transaction));
  const BlockTime time = time_of(asked.time());
  replica::Block block{
      {static_cast<std::uint64_t>(asked.height())}, time, {asked.txs().begin(), asked.txs().end()}, std::move(misbehaviour)};
  CARELEDGER_TRY(replica::Execution executed, replica_.execute(std::move(block)));
  Response response;
  auto& finalized = *response.mutable_finalize_block();
  for (const proof::TxResult& result : executed.results()) {
    auto& to = *finalized.add_tx_results();
    to.set_code(result.code);
    to.set_data(result.data);
    to.set_gas_wanted(result.gas_wanted);
    to.set_gas_used(result.gas_used);
  }
  for (const proof::Validator& update : executed.validator_updates()) {
    auto& to = *finalized.add_validator_updates();
    to.mutable_pub_key()->set_ed25519(update.key.bytes());
    to.set_power(update.power);
  }
  CARELEDGER_TRY(const auto block_bytes, block_bytes_after({static_cast<std::uint64_t>(asked.height())}));
  if (block_bytes) {
    auto& limits = *finalized.mutable_consensus_param_updates()->mutable_block();
    limits.set_max_bytes(*block_bytes);
    limits.set_max_gas(kAnyGas);
  }
  finalized.set_app_hash(executed.app_hash().bytes());
  const bool has_header_time = time == proof::block_time({asked.time().seconds(), asked.time().nanos()});
  executed_ = Finalized{std::move(executed), time, std::move(envelopes), asked.proposer_address(), has_header_time};
  return response;
}

Result<Application::Kept> Application::kept_after(const Finalized& block) {
  if (config_.retention.blocks == 0) return Kept{};
  const replica::View before = replica_.view();
  CARELEDGER_TRY(const Height first, first_header(before));
  const Height from = std::max(first, next(config_.base));
  const auto time_of = [&](Height height) {
    const auto stored = before.block(height);
    tell_unreadable(stored ? std::nullopt : std::optional(stored.error()), told_unreadable_);
    return stored ? std::optional((*stored)->time) : std::nullopt;
  };
  const Height kept = keep_from(config_.retention, {from, block.execution.height(), block.time, snapshots_.oldest()}, time_of);
  // What came from an embedded ledger nobody else has.
  const bool all_from_engine = before.first_height() > config_.base;
  return Kept{kept, kept != from, all_from_engine ? from : Height{}};
}

void Application::tell_unreadable(const std::optional<Error>& error, bool& told) const {
  if (error && !told && config_.on_unreadable) config_.on_unreadable(*error);
  told = error.has_value();
}

Result<wire::Response> Application::commit() {
  const std::lock_guard lock(mutex_);
  if (!executed_) return fail(ErrorKind::conflict, "the engine commits a block that it did not finalise");
  Finalized executed = std::move(*executed_);
  executed_.reset();
  std::vector<Ordered> ordered;
  for (const auto& receipts : executed.execution.receipts_by_batch())
    ordered.push_back({executed.envelopes[ordered.size()], {receipts.begin(), receipts.end()}});
  CARELEDGER_TRY(const Kept kept, kept_after(executed));
  std::vector<replica::SideRow> rows;
  if (kept.changed) rows.push_back(headers_from(kept.from));  // first remembered, then dropped
  CARELEDGER_TRY(const replica::View view, replica_.commit(std::move(executed.execution), rows, kept.own));
  tell_unreadable(replica_.not_dropped(), told_undropped_);
  pool_.block(executed.proposer);
  // Who takes a snapshot knows its time from the verified header alone.
  if (executed.has_header_time) snapshots_.committed(view);
  if (config_.on_commit) config_.on_commit(view, std::move(ordered));
  Response response;
  response.mutable_commit()->set_retain_height(static_cast<std::int64_t>(kept.from.value));
  return response;
}

Result<wire::Response> Application::list_snapshots() const {
  Response response;
  auto& list = *response.mutable_list_snapshots();
  for (const auto& one : snapshots_.offered(replica_.view().height())) {
    auto& to = *list.add_snapshots();
    to.set_height(one->height.value);
    to.set_format(replica::kSnapshotFormat);
    to.set_chunks(static_cast<std::uint32_t>(one->chunks()));
    to.set_hash(crypto::sha256(one->header).bytes());
    to.set_metadata(one->header);
  }
  return response;
}

// What is not kept is answered with nothing, which the engine tells its peer as missing.
Result<wire::Response> Application::load_chunk(const wire::RequestLoadSnapshotChunk& asked) {
  Response response;
  auto& loaded = *response.mutable_load_snapshot_chunk();
  if (asked.format() != replica::kSnapshotFormat) return response;
  auto chunk = snapshots_.chunk(replica_.view(), {asked.height()}, asked.chunk());
  if (chunk) loaded.set_chunk(std::move(*chunk));
  else if (is_of_disk(chunk.error())) return tl::make_unexpected(std::move(chunk.error()));
  return response;
}

}  // namespace careledger::ordering::abci
