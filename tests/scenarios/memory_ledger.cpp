#include "memory_ledger.h"

#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "proof/merkle_map.h"

namespace careledger::scenarios {

MemoryLedger::MemoryLedger(const Setup& setup)
    : ledger_(kernel::ledger_id(kernel::encode(setup.founding))), contracts_(setup.contracts), time_{setup.founding.created_ms() + 1000} {
  kernel::Overlay genesis(rows_);
  kernel::write_genesis(setup.founding, contracts_, genesis);
  rows_.apply(genesis.take());
}

std::vector<kernel::Code> MemoryLedger::block(std::span<const ledger::SignedCommand> commands) {
  height_ = next(height_);
  const kernel::BlockContext context{ledger_, height_, time_, kernel::protocol_at(kernel::Reader(rows_), height_)};
  time_.value += 1;
  PlainHost host(rows_);
  kernel::Overlay overlay(rows_);
  std::vector<kernel::Code> codes;
  for (const auto& command : commands) {
    const auto received = kernel::receive(command);
    auto effect = kernel::execute_command(received, context, overlay, contracts_, host);
    codes.push_back(effect.code);
    overlay.merge(std::move(effect.changes));
  }
  rows_.apply(overlay.take());
  return codes;
}

PlainHost::PlainHost(const kernel::MemoryRows& rows) {
  for (const auto& [key, value] : rows.rows()) CARELEDGER_ASSERT(add(key));
}

bool PlainHost::holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) {
  return crypto::verify(key, signed_bytes, signature);
}

bool PlainHost::too_deep(const kernel::Key& added) { return !splits_.contains(added) && !add(added); }

bool PlainHost::add(const kernel::Key& added) {
  auto with = splits_;
  auto& own = with[added];
  for (auto& [key, splits] : with) {
    if (key == added) continue;
    const auto bit = proof::split_bit(key.view(), added.view());
    splits.insert(bit);
    own.insert(bit);
    if (splits.size() > proof::kMaxMapDepth) return false;
  }
  if (own.size() > proof::kMaxMapDepth) return false;
  splits_ = std::move(with);
  return true;
}

}  // namespace careledger::scenarios
