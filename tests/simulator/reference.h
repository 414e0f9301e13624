// What a chain of blocks comes to by the kernel alone: one command after another on rows in memory, each signature by itself. No disk, no
// cache, no threads, and nothing kept between blocks but the rows. The replicas are held against it.
//
// It asks the rules about rows (kernel::Invariant) of every contract by itself, of each row that a command changed: before, after, and in
// the state that the command leaves. Not thread-safe.
#pragma once

#include <string>

#include "contracts/all.h"
#include "kernel/execute.h"
#include "replica/view.h"

namespace careledger::simulator {

struct Decided {  // a block that the network agreed on
  BlockTime time;
  std::vector<Bytes> txs;
  std::vector<kernel::Misbehaviour> misbehaviour{};
};

class Reference {
 public:
  explicit Reference(const Bytes& founding);

  // Nothing, or which rule does not hold any more.
  std::string run(const Decided& block, Height height);
  const std::vector<kernel::Code>& codes() const { return codes_; }  // of the last block's commands, in order
  // The rows that the last block changed are these in the replica's state.
  bool agrees(const replica::View& view) const;
  Digest root() const;  // of the Merkle map over all rows, from nothing

 private:
  std::string run_command(const kernel::ReceivedCommand& command, const kernel::BlockContext& context);
  void apply(const kernel::Changes& changes);

  LedgerId ledger_;
  BlockTime time_;
  kernel::MemoryRows rows_;
  kernel::Changes changed_;  // by the last block
  std::vector<kernel::Code> codes_;
};

}  // namespace careledger::simulator
