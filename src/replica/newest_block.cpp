#include "replica/newest_block.h"

#include "replica/ledger_store.h"
#include "replica/packed_row.h"
#include "replica/replica.pb.h"

namespace careledger::replica {

namespace {

Result<std::optional<Tip>> tip_of(const storage::Reader& store) {
  CARELEDGER_TRY(const auto stored, store.get(columns::kMeta, kTipKey));
  if (!stored) return std::optional<Tip>();
  Tip tip;
  if (!tip.ParseFromString(*stored)) return fail(ErrorKind::corrupt, "ledger: the record of its height does not read");
  return std::optional(std::move(tip));
}

}  // namespace

Result<std::optional<BlockTime>> newest_block_time(const storage::Reader& store) {
  CARELEDGER_TRY(const auto tip, tip_of(store));
  return tip ? std::optional(BlockTime{tip->time_ms()}) : std::nullopt;
}

Result<std::optional<StoredHeights>> stored_heights(const storage::Reader& store) {
  CARELEDGER_TRY(const auto tip, tip_of(store));
  return tip ? std::optional(StoredHeights{{tip->height()}, {tip->first_height()}}) : std::nullopt;
}

Result<bool> newest_can_be_undone(const storage::Reader& store) {
  CARELEDGER_TRY(const auto tip, tip_of(store));
  CARELEDGER_TRY(const auto stored, store.get(columns::kMeta, kUndoKey));
  Undo undo;
  return tip && stored && parse_row(undo, *stored) && undo.height() == tip->height();
}

}  // namespace careledger::replica
