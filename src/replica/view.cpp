#include "replica/view.h"

#include <algorithm>

#include "kernel/codes.h"
#include "replica/ledger_store.h"
#include "replica/packed_row.h"

namespace careledger::replica {

void StoredRows::remember(Error error) const {
  const std::lock_guard lock(mutex_);
  if (!fault_) fault_ = std::move(error);
  faulty_.store(true, std::memory_order_release);
}

std::optional<Error> StoredRows::fault() const {
  if (!faulty_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return fault_;
}

kernel::RowValue StoredRows::read(const kernel::Key& key) const {
  auto value = reader_->get(columns::kState, key.view());
  if (value) return *value ? kernel::RowValue(std::move(**value)) : kernel::RowValue();
  remember(std::move(value.error()));
  return {};
}

std::vector<kernel::Rows::Entry> StoredRows::read_prefix(ByteView prefix, Limit limit) const {
  std::vector<Entry> rows;
  const auto at = reader_->iterate(columns::kState, storage::Range::prefix(prefix));
  for (at->seek_first(); at->valid() && rows.size() < limit.value; at->next()) {
    const auto key = kernel::Key::from(at->key());
    if (!key) {
      remember({ErrorKind::corrupt, "state: a key has the wrong size: " + to_hex(at->key())});
      break;
    }
    rows.emplace_back(*key, Bytes(at->value()));
  }
  if (auto status = at->status(); !status) remember(std::move(status.error()));
  return rows;
}

Result<std::optional<proof::MapPath>> View::path(ByteView key) const { return committed_->tree.path(committed_->source(), key); }

Result<proof::MapNeighbours> View::neighbours(ByteView key) const { return committed_->tree.neighbours(committed_->source(), key); }

Result<proof::MapCut> View::prove(std::span<const Bytes> keys) const { return committed_->tree.prove(committed_->source(), keys); }

Result<StateTree::RangeCut> View::prove_range(const storage::Range& range, Limit limit) const {
  return committed_->tree.prove_range(committed_->source(), range, limit.value, SIZE_MAX);
}

Result<std::optional<kernel::Receipt>> View::find_receipt(const Digest& command) const {
  CARELEDGER_TRY(const auto found, find_command(committed_->reader(), *committed_->blocks, first_height(), command));
  if (found) return std::optional<kernel::Receipt>({committed_->ledger, command, found->code, found->at.height, found->at.position});
  if (first_height().value == 1) return std::optional<kernel::Receipt>{};
  CARELEDGER_TRY(const auto place, committed_->log_store->place_of(committed_->reader(), log_size(), command));
  if (!place) return std::optional<kernel::Receipt>{};
  return std::optional<kernel::Receipt>(
      {committed_->ledger, command, kernel::code_of(kernel::KernelCode::ok), place->at.height, place->at.position});
}

// The log itself says whether a command was ok there: no block is read.
Result<CommandProof> View::prove_command(const Digest& command) const {
  CARELEDGER_TRY(const auto place, committed_->log_store->place_of(committed_->reader(), log_size(), command));
  if (!place) return fail(ErrorKind::not_found, "no command of this digest stands in the log");
  CommandProof out{place->at, place->index, {}};
  CARELEDGER_TRY(out.path, prove_inclusion(place->index));
  return out;
}

Result<void> View::check_kept(Height height) const {
  if (height >= first_height() || first_height().value == 1) return {};
  return fail(ErrorKind::not_found, "block " + std::to_string(height.value) + ": this node has none below block " +
                                        std::to_string(first_height().value) +
                                        " (it began with a snapshot, or dropped them: serve --keep-blocks): ask a member that keeps all");
}

Result<proof::Path> View::prove_inclusion(std::uint64_t index) const {
  return proof::prove_inclusion(LogAt(*committed_->log_store, committed_->reader()), index, log_size());
}

Result<proof::Path> View::prove_consistency(std::uint64_t older_size) const {
  return proof::prove_consistency(LogAt(*committed_->log_store, committed_->reader()), older_size, log_size());
}

Result<proof::CompactRange> View::log_at(std::uint64_t size) const {
  if (size > log_size()) return fail(ErrorKind::invalid, "log: it has not " + std::to_string(size) + " entries");
  return proof::range_at(LogAt(*committed_->log_store, committed_->reader()), size);
}

Result<std::shared_ptr<const StoredBlock>> View::block(Height height) const {
  CARELEDGER_CHECK(check_kept(height));
  auto found = committed_->blocks->read(committed_->reader(), height);
  if (!found && found.error().kind == ErrorKind::not_found && height.value > 0 && height <= this->height())
    return fail(ErrorKind::corrupt, "block " + std::to_string(height.value) + " is gone from the ledger's store");
  return found;
}

Result<Height> View::lowest_block() const {
  const auto rows = committed_->reader().iterate(columns::kBlocks, storage::Range::all());
  rows->seek_first();
  CARELEDGER_CHECK(rows->status());
  if (!rows->valid()) return next(height());
  ByteView key = rows->key();
  const auto lowest = take_u64(key);
  if (!lowest || !key.empty()) return fail(ErrorKind::corrupt, "ledger: a block is stored under no height");
  return Height{*lowest};
}

// From what is stored to take that block back.
Result<kernel::RowValue> View::row_before(const kernel::Key& key) const {
  CARELEDGER_TRY(const auto bytes, committed_->reader().get(columns::kMeta, kUndoKey));
  Undo undo;
  if (bytes && !parse_row(undo, *bytes)) return fail(ErrorKind::corrupt, "ledger: what the last block changed is not readable");
  if (!bytes || undo.height() != height().value)
    return fail(ErrorKind::not_found, "what block " + std::to_string(height().value) + " changed is not known here");
  for (ByteView rows = undo.rows(); !rows.empty();) {
    const auto changed = take_field(rows);
    const auto present = take_bytes(rows, 1);
    const auto value = take_field(rows);
    if (!changed || !present || !value) return fail(ErrorKind::corrupt, "ledger: what the last block changed is not readable");
    if (*changed == key.view()) return present->front() == '\0' ? kernel::RowValue() : kernel::RowValue(Bytes(*value));
  }
  return committed_->rows.read(key);
}

Result<std::optional<Bytes>> View::side_row(ByteView key) const { return committed_->reader().get(columns::kMeta, side_key(key)); }

}  // namespace careledger::replica
