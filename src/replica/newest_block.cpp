#include "replica/newest_block.h"

#include "replica/ledger_store.h"
#include "replica/replica.pb.h"

namespace careledger::replica {

Result<std::optional<BlockTime>> newest_block_time(const storage::Reader& store) {
  CARELEDGER_TRY(const auto stored, store.get(columns::kMeta, kTipKey));
  if (!stored) return std::optional<BlockTime>();
  Tip tip;
  if (!tip.ParseFromString(*stored)) return fail(ErrorKind::corrupt, "ledger: the record of its height does not read");
  return std::optional(BlockTime{tip.time_ms()});
}

}  // namespace careledger::replica
