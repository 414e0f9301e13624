#include "kernel/execute.h"

#include <algorithm>

#include "kernel/sequence.h"
#include "kernel/tables.h"

namespace careledger::kernel {

namespace {

// Rows that one command reads are read again when its changes are judged: each is fetched once.
class ReadOnce final : public Rows {
 public:
  explicit ReadOnce(const Rows& below) : below_(&below) { kept_.reserve(kKeptMax); }
  RowValue read(const Key& key) const override {
    for (const auto& [kept, value] : kept_) {
      if (kept == key) return value;
    }
    auto value = below_->read(key);
    if (kept_.size() < kKeptMax) kept_.emplace_back(key, value);
    return value;
  }
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override { return below_->read_prefix(prefix, limit); }

 private:
  static constexpr std::size_t kKeptMax = 12;
  const Rows* below_;
  mutable std::vector<std::pair<Key, RowValue>> kept_;
};

// Everything that is judged before the actor's number is consumed. On ok `window` is the actor's, not yet changed.
KernelCode judge(const ReceivedCommand& command, const BlockContext& block, const Reader& state, const Contract* contract,
                 SignatureVerdicts& verdicts, SequenceWindow& window) {
  if (command.verdict != KernelCode::ok) return command.verdict;
  if (command.ledger != block.ledger) return KernelCode::wrong_ledger;
  if (contract == nullptr) return KernelCode::unknown_contract;
  if (block.protocol < contract->since) return KernelCode::contract_not_active;
  if (command.expires <= block.time) return KernelCode::expired;
  if (command.expires.value - block.time.value > kExpiryAheadMaxMs) return KernelCode::expiry_too_far;
  const auto account = state.get(kAccounts, command.actor);
  if (!account) return KernelCode::unknown_actor;
  if (account->status() != static_cast<std::uint32_t>(AccountStatus::active)) return KernelCode::actor_not_active;
  const auto signatures =
      judge_signatures(account->authority(), KeyRole::command, block.time, command.signed_bytes, command.signatures, verdicts);
  if (signatures != KernelCode::ok) return signatures;
  if (auto row = state.get(kSequences, command.actor)) window = std::move(*row);
  return judge_sequence(window, command.sequence);
}

bool invariants_hold(std::span<const Invariant> invariants, const Call& call, const Overlay& overlay, const Reader& after) {
  for (const auto& [key, value] : overlay.changes()) {
    for (const auto& invariant : invariants) {
      if (invariant.space != key.space()) continue;
      const auto before = overlay.below().read(key);
      if (!invariant.holds(call, key, before.view(), value.view(), after)) return false;
    }
  }
  return true;
}

bool all_invariants_hold(std::span<const Contract> contracts, const Call& call, const Overlay& overlay) {
  const Reader after(overlay);
  if (!invariants_hold(kKernelInvariants, call, overlay, after)) return false;
  for (const auto& contract : contracts) {
    if (!invariants_hold(contract.invariants, call, overlay, after)) return false;
  }
  return true;
}

bool any_too_deep(const Overlay& overlay, Host& host) {
  for (const auto& [key, value] : overlay.changes()) {
    if (value && !overlay.below().read(key) && host.too_deep(key)) return true;
  }
  return false;
}

Call call_of(const ReceivedCommand& command, const BlockContext& block) {
  return {block.height, block.time, block.protocol, block.ledger, command.actor, command.digest};
}

std::unique_ptr<const Prepared> decode(const Contract& contract, ByteView payload) {
  auto prepared = contract.decode(payload);
  return prepared ? std::move(*prepared) : nullptr;
}

// The command's own rows onto `overlay`, which already holds the consumed number. Anything but ok: the overlay is to be dropped.
Code run(const Prepared* prepared, ContractId contract, const Call& call, Overlay& overlay, std::vector<Event>& events) {
  if (prepared == nullptr) return code_of(KernelCode::payload_malformed);
  Meter meter;
  const Code decided = prepared->decide(call, Reader(overlay, &meter));
  if (!meter.within_limits()) return code_of(KernelCode::limit_exceeded);
  if (!decided.ok()) return decided;
  Writer writer(overlay, meter, contract, events);
  prepared->apply(call, writer);
  return meter.within_limits() ? decided : code_of(KernelCode::limit_exceeded);
}

}  // namespace

std::unique_ptr<const Prepared> prepare(const ReceivedCommand& command, std::span<const Contract> contracts) {
  if (command.verdict != KernelCode::ok) return nullptr;
  const Contract* contract = find_contract(contracts, command.contract);
  return contract == nullptr ? nullptr : decode(*contract, command.payload);
}

Effect execute_command(const ReceivedCommand& command, const BlockContext& block, const Rows& committed,
                       std::span<const Contract> contracts, Host& host, const Prepared* prepared) {
  const ReadOnce state(committed);
  const Contract* contract = find_contract(contracts, command.contract);
  SequenceWindow window;
  const auto judged = judge(command, block, Reader(state), contract, host, window);
  if (judged != KernelCode::ok) return {code_of(judged), {}, {}};

  consume_sequence(window, command.sequence);
  Overlay overlay(state);
  const Key sequence = kSequences.key(command.actor);
  overlay.put(sequence, encode(window));
  if (any_too_deep(overlay, host)) return {code_of(KernelCode::too_deep), {}, {}};
  const RowValue consumed = overlay.read(sequence);  // what stays of a command that is refused from here on

  const Call call = call_of(command, block);
  std::vector<Event> events;
  const auto decoded = prepared == nullptr ? decode(*contract, command.payload) : nullptr;
  Code code = run(prepared == nullptr ? decoded.get() : prepared, contract->id, call, overlay, events);
  if (code.ok() && any_too_deep(overlay, host)) code = code_of(KernelCode::too_deep);
  if (code.ok() && !all_invariants_hold(contracts, call, overlay)) code = code_of(KernelCode::invariant_broken);
  if (!code.ok()) return {code, {{sequence, consumed}}, {}};
  return {code, overlay.take(), std::move(events)};
}

Changes execute_misbehaviour(const Misbehaviour& misbehaviour, const BlockContext& block, const Rows& state,
                             std::span<const Contract> contracts, Host& host) {
  if (!is_sound(misbehaviour, block.height)) return {};
  Overlay overlay(state);
  Meter meter;                // the engine bounds how much of this a block holds
  std::vector<Event> events;  // and nobody is told: it is no command's
  for (const auto& contract : contracts) {
    if (contract.misbehaved == nullptr || block.protocol < contract.since) continue;
    Writer writer(overlay, meter, contract.id, events);
    contract.misbehaved(misbehaviour, block.height, writer);
  }
  return any_too_deep(overlay, host) ? Changes() : overlay.take();
}

KernelCode judge_command(const ReceivedCommand& command, const BlockContext& block, const Rows& committed,
                         std::span<const Contract> contracts, SignatureVerdicts& verdicts) {
  SequenceWindow window;
  return judge(command, block, Reader(committed), find_contract(contracts, command.contract), verdicts, window);
}

Code check_command(const ReceivedCommand& command, const BlockContext& block, const Rows& committed, std::span<const Contract> contracts,
                   SignatureVerdicts& verdicts, const Prepared* prepared) {
  const ReadOnce state(committed);
  const Contract* contract = find_contract(contracts, command.contract);
  SequenceWindow window;
  const auto judged = judge(command, block, Reader(state), contract, verdicts, window);
  if (judged != KernelCode::ok) return code_of(judged);
  const auto decoded = prepared == nullptr ? decode(*contract, command.payload) : nullptr;
  if (prepared == nullptr) prepared = decoded.get();
  if (prepared == nullptr) return code_of(KernelCode::payload_malformed);
  Meter meter;
  const Code decided = prepared->decide(call_of(command, block), Reader(state, &meter));
  return meter.within_limits() ? decided : code_of(KernelCode::limit_exceeded);
}

KernelCode check_envelope(const ReceivedBatch& batch, BlockTime time, const Rows& state, SignatureVerdicts& verdicts) {
  const auto account = Reader(state).get(kAccounts, batch.organisation);
  const auto is = [&](AccountKind kind) { return account && account->kind() == static_cast<std::uint32_t>(kind); };
  if (!is(AccountKind::founder) && !is(AccountKind::organisation)) return KernelCode::unknown_actor;
  if (account->status() != static_cast<std::uint32_t>(AccountStatus::active)) return KernelCode::actor_not_active;
  return judge_signatures(account->authority(), KeyRole::batch, time, batch.signed_bytes, batch.signatures, verdicts);
}

ProtocolVersion newest_protocol(std::span<const Contract> contracts) {
  ProtocolVersion newest = kProtocolNewest;
  for (const auto& contract : contracts) newest = std::max(newest, contract.since);
  return newest;
}

const Contract* find_contract(std::span<const Contract> contracts, ContractId id) {
  for (const auto& contract : contracts) {
    if (contract.id == id) return &contract;
  }
  return nullptr;
}

std::string_view code_name(std::span<const Contract> contracts, Code code) {
  std::span<const CodeName> names = kKernelCodes;
  if (code.contract != kKernel) {
    const Contract* contract = find_contract(contracts, code.contract);
    if (contract == nullptr) return {};
    names = contract->codes;
  }
  for (const auto& [number, name] : names) {
    if (number == code.number) return name;
  }
  return {};
}

}  // namespace careledger::kernel
