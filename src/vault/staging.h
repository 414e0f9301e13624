// The rows of one transaction on their way into the store: kept in memory while they are few, spilled in chunks when they are many,
// each chunk with the journal rows that take it back. For src/vault alone. One thread.
#pragma once

#include <vector>

#include "storage/store.h"
#include "vault/layout.h"

namespace careledger::vault {

class Staging {
 public:
  Staging(storage::Store& store, std::size_t chunk_bytes) : store_(store), chunk_bytes_(chunk_bytes) {}

  void add(storage::Column column, ByteView key, ByteView value);  // a key that is not there yet
  void change(storage::Column column, ByteView key, ByteView before, ByteView value);
  void forget(storage::Column column, Bytes key);  // with the last chunk; never taken back
  Result<void> spill();                            // writes a chunk when enough has gathered
  Result<void> finish(ByteView visible);  // the rest, the row that makes it all visible, and the end of the journal: one batch, buffered
  Result<void> roll_back();               // nothing of it stays

 private:
  struct Row {
    storage::Column column;
    Bytes key;
    Bytes value;
  };
  void keep(storage::Column column, ByteView key, ByteView value);
  storage::Batch take_batch();  // the rows so far, in order of column and key, which spares the store half its work

  storage::Store& store_;
  const std::size_t chunk_bytes_;
  std::vector<Row> rows_;
  std::vector<std::pair<storage::Column, Bytes>> forgotten_;
  std::size_t bytes_ = 0;     // of rows_
  Bytes undo_;                // of rows_
  std::uint32_t chunks_ = 0;  // spilled
};

}  // namespace careledger::vault
