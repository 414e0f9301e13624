// What a scenario runs against. The same files run on the kernel alone, in memory, and on a replica with its store.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernel/execute.h"
#include "kernel/kernel.pb.h"
#include "kernel/sign.h"

namespace careledger::scenarios {

class LedgerUnderTest {
 public:
  virtual ~LedgerUnderTest() = default;
  virtual LedgerId ledger() const = 0;
  virtual BlockTime next_time() const = 0;  // of the block that block() will make
  virtual void pass_ms(std::int64_t ms) = 0;
  // Whose envelopes carry the commands from now on.
  virtual void send_as(const OrganisationId& /*sender*/, const kernel::Signer& /*batch_signer*/) {}
  // Executes one block with these commands, in order; one code each.
  virtual std::vector<kernel::Code> block(std::span<const ledger::SignedCommand> commands) = 0;
};

struct Setup {
  kernel::Founding founding;
  OrganisationId sender;        // whose envelopes carry the commands: the founder, or a network's first member
  kernel::Signer batch_signer;  // its key for them
  std::span<const kernel::Contract> contracts;
};
using LedgerMaker = std::function<std::unique_ptr<LedgerUnderTest>(const Setup&)>;

}  // namespace careledger::scenarios
