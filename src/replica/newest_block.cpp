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

Result<std::optional<proof::AppState>> state_before_newest(const storage::Reader& store) {
  CARELEDGER_TRY(const auto tip, tip_of(store));
  CARELEDGER_TRY(const auto stored, store.get(columns::kMeta, kUndoKey));
  if (!tip || !stored) return std::optional<proof::AppState>();
  Undo undo;
  const bool reads = parse_row(undo, *stored);
  if (reads && undo.height() != tip->height()) return std::optional<proof::AppState>();
  const auto log_root = Digest::from(undo.before().log_root());
  const auto state_root = Digest::from(undo.before().state_root());
  if (!reads || !log_root || !state_root)
    return fail(ErrorKind::corrupt, "ledger: the record of what its newest block changed does not read");
  return std::optional(proof::AppState{*log_root, undo.before().log_size(), *state_root});
}

}  // namespace careledger::replica
