#include "ordering/abci/proposal.h"

#include <algorithm>
#include <set>

#include "crypto/hash.h"
#include "kernel/sequence.h"
#include "kernel/tables.h"

namespace careledger::ordering::abci {
namespace {

using kernel::KernelCode;

// One tag byte, the length as a varint, the bytes: what a transaction takes in the engine's block data.
std::int64_t bytes_in_block(ByteView transaction) {
  std::int64_t bytes = 2;
  for (std::size_t left = transaction.size(); left >= 0x80; left >>= 7) ++bytes;
  return bytes + static_cast<std::int64_t>(transaction.size());
}

bool is_used_up(const kernel::Reader& state, const kernel::ReceivedCommand& command) {
  if (command.verdict != KernelCode::ok) return true;
  const auto window = state.get(kernel::kSequences, command.actor);
  return window && kernel::judge_sequence(*window, command.sequence) != KernelCode::ok;
}

// Asked one by one, so that a new envelope costs one read.
bool all_used_up(const kernel::Reader& state, const std::vector<kernel::ReceivedCommand>& commands) {
  return std::ranges::all_of(commands, [&](const auto& command) { return is_used_up(state, command); });
}

KernelCode code_of_refusal(const Error& error) {
  return error.kind == ErrorKind::too_large ? KernelCode::too_large : KernelCode::malformed;
}

}  // namespace

Result<KernelCode> judge_envelope(const replica::Replica& replica, ByteView transaction, BlockTime time) {
  const auto batch = kernel::receive_batch(transaction);
  if (!batch) return code_of_refusal(batch.error());
  const replica::View view = replica.view();
  KernelCode code = replica.check_envelope(*batch, time);
  if (code == KernelCode::ok && all_used_up(view.state(), batch->commands)) code = KernelCode::replayed;
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);  // what was read is not to be trusted
  return code;
}

Result<std::vector<Bytes>> pick(const replica::Replica& replica, const Transactions& offered, std::int64_t bytes_max, BlockTime time) {
  std::vector<Bytes> picked;
  std::set<Digest> seen;
  std::int64_t bytes = 0;
  for (const Bytes& transaction : offered) {
    const std::int64_t more = bytes_in_block(transaction);
    if (bytes + more > bytes_max) break;
    CARELEDGER_TRY(const KernelCode code, judge_envelope(replica, transaction, time));
    if (code != KernelCode::ok || !seen.insert(crypto::sha256(transaction)).second) continue;
    bytes += more;
    picked.push_back(transaction);
  }
  return picked;
}

Result<bool> accepts(const replica::Replica& replica, const Transactions& proposed, BlockTime time) {
  std::set<Digest> seen;
  for (const Bytes& transaction : proposed) {
    if (!seen.insert(crypto::sha256(transaction)).second) return false;
    CARELEDGER_TRY(const KernelCode code, judge_envelope(replica, transaction, time));
    if (code != KernelCode::ok) return false;
  }
  return true;
}

}  // namespace careledger::ordering::abci
