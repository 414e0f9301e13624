#include "replica/ledger_store.h"

#include "base/assert.h"

namespace careledger::replica {
namespace {

storage::StoreOptions store_options(const LedgerStoreOptions& options) {
  storage::StoreOptions out;
  out.folder = options.folder;
  // Rows of the state are digests for the most part: nothing to compress, and every update of the Merkle map reads a block.
  out.columns = {
      {"state", true, false}, {"blocks", false, true}, {"index", false, true, true}, {"log", false, true}, {"meta", false, true}};
  out.format = "careledger/ledger";
  out.format_version = kLedgerFormat;
  out.create = options.create;
  out.read_only = options.read_only;
  out.cache_bytes = options.cache_bytes;
  out.write_buffer_bytes = options.write_buffer_bytes;
  out.disk = options.disk;
  out.room = options.room;
  return out;
}

}  // namespace

Result<std::unique_ptr<storage::Store>> open_ledger_store(const LedgerStoreOptions& options) {
  return storage::open_rocks_store(store_options(options));
}

std::unique_ptr<storage::Store> memory_ledger_store() { return storage::open_memory_store(store_options({})); }

Bytes block_key(Height height) { return u64_bytes(height.value); }

Bytes side_key(ByteView key) { return "s" + Bytes(key); }

Bytes index_key(const Digest& command, const Location& at) {
  CARELEDGER_ASSERT(at.height.value < 1ull << 40 && at.position < 1u << 24);
  Bytes key(command.view().substr(0, kIndexPrefix));
  key += u64_bytes(at.height.value).substr(3);
  key += u32_bytes(at.position).substr(1);
  return key;
}

std::optional<Location> location_of(ByteView index_key) {
  if (index_key.size() != kIndexPrefix + 5 + 3) return std::nullopt;
  const Bytes height = Bytes(3, '\0') + Bytes(index_key.substr(kIndexPrefix, 5));
  const Bytes position = Bytes(1, '\0') + Bytes(index_key.substr(kIndexPrefix + 5));
  ByteView h = height;
  ByteView p = position;
  return Location{{*take_u64(h)}, *take_u32(p)};
}

}  // namespace careledger::replica
