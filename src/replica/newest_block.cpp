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

Result<std::optional<LogEnd>> log_before_newest(const storage::Reader& store) {
  CARELEDGER_TRY(const auto tip, tip_of(store));
  CARELEDGER_TRY(const auto stored, store.get(columns::kMeta, kUndoKey));
  Undo undo;
  if (!tip || !stored || !parse_row(undo, *stored) || undo.height() != tip->height()) return std::optional<LogEnd>();
  const auto root = Digest::from(undo.before().log_root());
  if (!root) return fail(ErrorKind::corrupt, "ledger: the record of what its newest block changed does not read");
  return std::optional(LogEnd{undo.before().log_size(), *root});
}

}  // namespace careledger::replica
