#include "vault/staging.h"

#include <algorithm>
#include <tuple>

#include "vault/encoding.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

// undo = u8 column ‖ u8 (0 erase, 1 put) ‖ field key ‖ field value, any number of times
void append_undo(Bytes& undo, storage::Column column, bool put, ByteView key, ByteView value) {
  undo.push_back(static_cast<char>(column.index));
  undo.push_back(put ? '\1' : '\0');
  append_field(undo, key);
  append_field(undo, value);
}

Result<void> apply_undo(storage::Batch& batch, ByteView undo, ByteView journal_key) {
  while (!undo.empty()) {
    const auto column = take_u8(undo);
    const auto put = take_u8(undo);
    const auto key = take_field(undo);
    const auto value = take_field(undo);
    if (!column || !put || *put > 1 || !key || !value) return corrupt_row("journal", journal_key);
    if (*put == 1) {
      batch.put({*column}, *key, *value);
    } else {
      batch.erase({*column}, *key);
    }
  }
  return {};
}

}  // namespace

void Staging::keep(storage::Column column, ByteView key, ByteView value) {
  rows_.push_back({column, Bytes(key), Bytes(value)});
  bytes_ += key.size() + value.size() + 16;
}

void Staging::add(storage::Column column, ByteView key, ByteView value) {
  keep(column, key, value);
  append_undo(undo_, column, false, key, {});
}

void Staging::change(storage::Column column, ByteView key, ByteView before, ByteView value) {
  keep(column, key, value);
  append_undo(undo_, column, true, key, before);
}

void Staging::forget(storage::Column column, Bytes key) { forgotten_.emplace_back(column, std::move(key)); }

storage::Batch Staging::take_batch() {
  std::sort(rows_.begin(), rows_.end(),
            [](const Row& a, const Row& b) { return std::tie(a.column.index, a.key) < std::tie(b.column.index, b.key); });
  storage::Batch batch;
  for (const Row& row : rows_) batch.put(row.column, row.key, row.value);
  rows_.clear();
  bytes_ = 0;
  return batch;
}

Result<void> Staging::spill() {
  if (bytes_ < chunk_bytes_) return {};
  storage::Batch batch = take_batch();
  batch.put(kJournalColumn, u32_bytes(chunks_), undo_);
  CARELEDGER_CHECK(store_.write(batch, storage::Durability::buffered));
  ++chunks_;
  undo_.clear();
  return {};
}

Result<void> Staging::finish(ByteView visible) {
  storage::Batch batch = take_batch();
  batch.put(kStateColumn, kVisibleKey, visible);
  for (const auto& [column, key] : forgotten_) batch.erase(column, key);
  for (std::uint32_t chunk = 0; chunk < chunks_; ++chunk) batch.erase(kJournalColumn, u32_bytes(chunk));
  return store_.write(batch, storage::Durability::buffered);
}

Result<void> Staging::roll_back() { return chunks_ == 0 ? Result<void>{} : roll_back_journal(store_); }

// Chunks newest first; each is taken back and forgotten in one batch, so that a crash in between only leaves less to do.
Result<void> roll_back_journal(storage::Store& store) {
  const auto rows = store.iterate(kJournalColumn, storage::Range::all());
  for (rows->seek_last(); rows->valid(); rows->prev()) {
    storage::Batch batch;
    CARELEDGER_CHECK(apply_undo(batch, rows->value(), rows->key()));
    batch.erase(kJournalColumn, rows->key());
    CARELEDGER_CHECK(store.write(batch, storage::Durability::buffered));
  }
  return rows->status();
}

}  // namespace careledger::vault
