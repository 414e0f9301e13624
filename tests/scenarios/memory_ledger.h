// The kernel alone, on rows in memory.
#pragma once

#include <map>
#include <set>

#include "ledger_under_test.h"

namespace careledger::scenarios {

class MemoryLedger final : public LedgerUnderTest {
 public:
  explicit MemoryLedger(const Setup& setup);
  LedgerId ledger() const override { return ledger_; }
  BlockTime next_time() const override { return time_; }
  void pass_ms(std::int64_t ms) override { time_.value += ms; }
  std::vector<kernel::Code> block(std::span<const ledger::SignedCommand> commands) override;
  const kernel::MemoryRows& rows() const { return rows_; }

 private:
  LedgerId ledger_;
  std::span<const kernel::Contract> contracts_;
  kernel::MemoryRows rows_;
  Height height_{0};
  BlockTime time_;
};

// Judges depth by its definition, over all keys: a key lies as deep as there are bit positions at which it parts from some other one.
class PlainHost final : public kernel::Host {
 public:
  explicit PlainHost(const kernel::MemoryRows& rows);
  bool holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) override;
  bool too_deep(const kernel::Key& added) override;

 private:
  bool add(const kernel::Key& added);  // false: some key would lie too deep
  std::map<kernel::Key, std::set<std::uint32_t>> splits_;
};

}  // namespace careledger::scenarios
