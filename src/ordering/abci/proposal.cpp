#include "ordering/abci/proposal.h"

#include <algorithm>
#include <set>

#include "crypto/hash.h"

namespace careledger::ordering::abci {
namespace {

using kernel::KernelCode;

// One tag byte, the length as a varint, the bytes: what a transaction takes in the engine's block data.
std::int64_t bytes_in_block(ByteView transaction) {
  std::int64_t bytes = 2;
  for (std::size_t left = transaction.size(); left >= 0x80; left >>= 7) ++bytes;
  return bytes + static_cast<std::int64_t>(transaction.size());
}

// Asked one by one, so that an envelope of use costs one command.
KernelCode use_of(const replica::Replica& replica, const std::vector<kernel::ReceivedCommand>& commands, BlockTime time) {
  for (const kernel::ReceivedCommand& command : commands)
    if (command.verdict != KernelCode::ok) return command.verdict;
  const KernelCode first = replica.judge(commands.front(), time);
  const auto consumed = [&](const kernel::ReceivedCommand& command) { return replica.judge(command, time) == KernelCode::ok; };
  return first == KernelCode::ok || std::any_of(commands.begin() + 1, commands.end(), consumed) ? KernelCode::ok : first;
}

KernelCode code_of_refusal(const Error& error) {
  return error.kind == ErrorKind::too_large ? KernelCode::too_large : KernelCode::malformed;
}

Result<KernelCode> judge(const replica::Replica& replica, const kernel::ReceivedBatch& batch, BlockTime time) {
  const replica::View view = replica.view();
  KernelCode code = replica.check_envelope(batch, time);
  if (code == KernelCode::ok) code = use_of(replica, batch.commands, time);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);  // what was read is not to be trusted
  return code;
}

bool must_wait(const kernel::ReceivedBatch& batch, BlockTime time) {
  return std::ranges::any_of(batch.commands, [&](const auto& one) { return one.expires.value - time.value > kernel::kExpiryAheadMaxMs; });
}

}  // namespace

Result<KernelCode> judge_envelope(const replica::Replica& replica, ByteView transaction, BlockTime time) {
  const auto batch = kernel::receive_batch(transaction);
  if (!batch) return code_of_refusal(batch.error());
  return judge(replica, *batch, time);
}

Result<std::vector<Bytes>> pick(const replica::Replica& replica, const Transactions& offered, std::int64_t bytes_max, BlockTime time) {
  std::vector<Bytes> picked;
  std::set<Digest> seen;
  std::int64_t bytes = 0;
  for (const Bytes& transaction : offered) {
    const std::int64_t more = bytes_in_block(transaction);
    if (bytes + more > bytes_max) break;
    const auto batch = kernel::receive_batch(transaction);
    if (!batch || must_wait(*batch, time) || !seen.insert(crypto::sha256(transaction)).second) continue;
    CARELEDGER_TRY(const KernelCode code, judge(replica, *batch, time));
    if (code != KernelCode::ok) continue;
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
