#include "ordering/abci/retention.h"

namespace careledger::ordering::abci {

Height keep_from(const Retention& retention, const KeptBlocks& kept, const std::function<std::optional<BlockTime>(Height)>& time_of) {
  if (retention.blocks == 0) return kept.from;
  const Height from{kept.from.value + retention.step};
  const Height youngest{from.value - 1};  // that would go
  if (youngest >= kept.newest || kept.newest.value - youngest.value <= retention.blocks) return kept.from;
  if (kept.needed && from > *kept.needed) return kept.from;
  const std::optional<BlockTime> made = time_of(youngest);
  if (!made || kept.newest_time.value - made->value <= retention.milliseconds) return kept.from;
  return from;
}

}  // namespace careledger::ordering::abci
