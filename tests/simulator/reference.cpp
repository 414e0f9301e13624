#include "simulator/reference.h"

#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "proof/merkle_map.h"

namespace careledger::simulator {
namespace {

class PlainHost final : public kernel::Host {
 public:
  bool holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) override {
    return crypto::verify(key, signed_bytes, signature);
  }
  bool too_deep(const kernel::Key&) override { return false; }  // some hundred keys, and nobody grinds them
};

using Rows = std::map<kernel::Key, Bytes>;

Digest root_between(Rows::const_iterator first, Rows::const_iterator last) {  // at least one row
  const auto back = std::prev(last);
  if (first == back) return proof::map_leaf(first->first.view(), first->second);
  const std::uint32_t bit = proof::split_bit(first->first.view(), back->first.view());
  auto middle = first;
  while (!proof::key_bit(middle->first.view(), bit)) ++middle;
  return proof::map_inner(root_between(first, middle), root_between(middle, last));
}

// The first rule of these that a changed row breaks.
std::string broken_among(std::span<const kernel::Invariant> invariants, const kernel::Call& call, const kernel::Overlay& after) {
  for (const auto& [key, value] : after.changes()) {
    const kernel::RowValue before = after.below().read(key);
    for (const kernel::Invariant& one : invariants)
      if (one.space == key.space() && !one.holds(call, key, before.view(), value.view(), kernel::Reader(after)))
        return std::string(one.name);
  }
  return {};
}

std::string broken(const kernel::Call& call, const kernel::Overlay& after) {
  std::string which = broken_among(kernel::kKernelInvariants, call, after);
  for (const kernel::Contract& contract : contracts::all())
    if (which.empty()) which = broken_among(contract.invariants, call, after);
  return which;
}

}  // namespace

Reference::Reference(const Bytes& document) : ledger_(kernel::ledger_id(document)) {
  kernel::Founding founding;
  CARELEDGER_ASSERT(kernel::parse_canonical(document, founding));
  kernel::Overlay genesis(rows_);
  kernel::write_genesis(founding, contracts::all(), genesis);
  rows_.apply(genesis.take());
}

void Reference::apply(const kernel::Changes& changes) {
  rows_.apply(changes);
  for (const auto& [key, value] : changes) changed_.insert_or_assign(key, value);
}

std::string Reference::run_command(const kernel::ReceivedCommand& command, const kernel::BlockContext& context) {
  PlainHost host;
  kernel::Effect effect = kernel::execute_command(command, context, rows_, contracts::all(), host);
  codes_.push_back(effect.code);
  if (effect.code == kernel::code_of(kernel::KernelCode::invariant_broken)) return "a command was about to break a rule about rows";
  kernel::Overlay after(rows_);
  after.merge(kernel::Changes(effect.changes));
  const kernel::Call call{context.height, context.time, context.protocol, context.ledger, command.actor, command.digest};
  std::string which = broken(call, after);
  apply(effect.changes);
  return which;
}

std::string Reference::run(const Decided& block, Height height) {
  codes_.clear();
  changed_.clear();
  const bool first = height.value == 1;
  time_ = first ? block.time : std::max(block.time, BlockTime{time_.value + 1});  // a header may stand in the millisecond of the one before
  const kernel::BlockContext context{ledger_, height, time_, kernel::protocol_at(kernel::Reader(rows_), height)};
  PlainHost host;
  for (const kernel::Misbehaviour& one : block.misbehaviour)
    apply(kernel::execute_misbehaviour(one, context, rows_, contracts::all(), host));
  for (const Bytes& tx : block.txs) {
    const auto batch = kernel::receive_batch(tx);
    if (!batch || kernel::check_envelope(*batch, time_, rows_, host) != kernel::KernelCode::ok) continue;
    for (const kernel::ReceivedCommand& command : batch->commands)
      if (std::string which = run_command(command, context); !which.empty()) return which;
  }
  return {};
}

bool Reference::agrees(const replica::View& view) const {
  for (const auto& [key, value] : changed_)
    if (!(view.rows().read(key) == value)) return false;
  return true;
}

Digest Reference::root() const {
  const Rows& rows = rows_.rows();
  return rows.empty() ? proof::map_empty_root() : root_between(rows.begin(), rows.end());
}

}  // namespace careledger::simulator
