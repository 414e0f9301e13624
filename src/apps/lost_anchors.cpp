#include "apps/lost_anchors.h"

#include <algorithm>

#include "contracts/records/records.h"
#include "kernel/command.h"

namespace careledger::apps {
namespace {

bool is_anchor(const kernel::ReceivedCommand& command, const OrganisationId& organisation) {
  contracts::records::Payload payload;
  return command.verdict == kernel::KernelCode::ok && command.actor == organisation &&
         command.contract == contracts::records::kContract.id && payload.ParseFromString(command.payload) && payload.has_anchor();
}

bool was_applied(const replica::StoredBlock& block, const Digest& command) {
  return std::ranges::any_of(block.commands, [&](const replica::StoredCommand& one) { return one.digest == command && one.code.ok(); });
}

}  // namespace

Result<LostAnchors> lost_anchors(const replica::View& ledger, const OrganisationId& organisation, const std::set<Digest>& known) {
  LostAnchors lost;
  for (Height height = ledger.first_height(); height <= ledger.height(); height = next(height)) {
    CARELEDGER_TRY(const auto block, ledger.block(height));
    for (const Bytes& bytes : block->batches) {
      const auto batch = kernel::receive_batch(bytes);
      if (!batch || batch->organisation != organisation) continue;
      for (const kernel::ReceivedCommand& command : batch->commands) {
        if (!is_anchor(command, organisation) || known.contains(command.digest) || !was_applied(*block, command.digest)) continue;
        if (lost.count++ == 0) lost.first = height;
        lost.last = height;
      }
    }
  }
  return lost;
}

}  // namespace careledger::apps
