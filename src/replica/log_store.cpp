#include "replica/log_store.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace careledger::replica {
namespace {

Bytes node_key(proof::LogNodeId id) {
  Bytes key = "n";
  key.push_back(static_cast<char>(id.level));
  append_u64(key, id.index);
  return key;
}
Bytes numbered_key(char kind, std::uint64_t first) { return Bytes(1, kind) + u64_bytes(first); }

tl::unexpected<Error> damaged(std::uint64_t index) {
  return fail(ErrorKind::corrupt, "log: the hash of entry " + std::to_string(index) + " cannot be found");
}

}  // namespace

void append_to_log(proof::CompactRange& range, Height height, std::span<const Digest> leaves, storage::Batch& batch,
                   std::vector<Bytes>& keys) {
  if (leaves.empty()) return;
  const auto put = [&](Bytes key, ByteView value) {
    batch.put(columns::kLog, key, value);
    keys.push_back(std::move(key));
  };
  put(numbered_key('b', range.size()), u64_bytes(height.value));
  Bytes hashes;
  hashes.reserve(leaves.size() * Digest::size);
  for (const Digest& leaf : leaves) hashes += leaf.view();
  put(numbered_key('l', range.size()), hashes);
  const auto sink = [&](proof::LogNodeId id, const Digest& hash) {
    if (id.level >= kTileLevel) put(node_key(id), hash.view());
  };
  for (const Digest& leaf : leaves) range.append(leaf, sink);
}

Result<void> keep_log_end(const proof::CompactRange& range, std::uint64_t height, const std::vector<Bytes>& tail, storage::Batch& batch) {
  const std::uint64_t whole = range.size() - range.size() % kTileLeaves;
  if (tail.size() != range.size() - whole) return fail(ErrorKind::invalid, "log: the number of its last entries does not fit its size");
  std::uint64_t first = 0;
  std::size_t peak = 0;
  for (std::uint64_t rest = whole; rest != 0; rest &= ~std::bit_floor(rest), ++peak) {
    const auto level = static_cast<std::uint8_t>(std::countr_zero(std::bit_floor(rest)));
    batch.put(columns::kLog, node_key({level, first >> level}), range.peaks()[peak].view());
    first += std::bit_floor(rest);
  }
  if (tail.empty()) return {};
  Bytes hashes;
  for (const Bytes& leaf : tail) hashes += leaf;
  batch.put(columns::kLog, numbered_key('b', whole), u64_bytes(height));
  batch.put(columns::kLog, numbered_key('l', whole), hashes);
  return {};
}

Result<LogStore::Leaves> LogStore::leaves_of_block(const storage::Reader& reader, std::uint64_t first, Height height) {
  auto out = std::make_shared<std::vector<Digest>>();
  CARELEDGER_TRY(const auto kept, reader.get(columns::kLog, numbered_key('l', first)));
  if (kept) {
    for (std::size_t at = 0; at + Digest::size <= kept->size(); at += Digest::size)
      out->push_back(*Digest::from(ByteView(*kept).substr(at, Digest::size)));
    return Leaves(out);
  }
  CARELEDGER_TRY(const auto block, blocks_.read(reader, height));
  for (std::size_t i = 0; i < block->commands.size(); ++i) {
    if (!block->commands[i].code.ok()) continue;
    out->push_back(proof::log_leaf(proof::command_leaf(block->commands[i].digest, height, static_cast<std::uint32_t>(i))));
  }
  return Leaves(out);
}

// Blocks follow each other in the log: halves the stretch that the block can begin in until one row is left.
Result<std::optional<std::uint64_t>> LogStore::find(const storage::Reader& reader, std::uint64_t size, Height height, const Digest& leaf) {
  const auto blocks = reader.iterate(columns::kLog, storage::Range::prefix("b"));
  std::uint64_t from = 0;
  std::uint64_t until = size;
  while (from < until) {
    const std::uint64_t middle = from + (until - from) / 2;
    blocks->seek_backward(numbered_key('b', middle));
    CARELEDGER_CHECK(blocks->status());
    if (!blocks->valid()) return std::optional<std::uint64_t>{};
    ByteView key = blocks->key().substr(1);
    ByteView value = blocks->value();
    const auto first = take_u64(key);
    const auto at = take_u64(value);
    if (!first || !at) return damaged(middle);
    if (*at < height.value) {
      from = middle + 1;
    } else if (*at > height.value) {
      until = *first;
    } else {
      CARELEDGER_TRY(const Leaves leaves, leaves_of_block(reader, *first, height));
      const auto found = std::find(leaves->begin(), leaves->end(), leaf);
      if (found == leaves->end()) return std::optional<std::uint64_t>{};
      return std::optional(*first + static_cast<std::uint64_t>(found - leaves->begin()));
    }
  }
  return std::optional<std::uint64_t>{};
}

Result<std::optional<CommandPlace>> LogStore::place_of(const storage::Reader& reader, std::uint64_t size, const Digest& command) {
  if (const auto known = places_.find(command); known && known->index < size) return known;
  CARELEDGER_TRY(const std::vector<Location> places, find_places(reader, command));
  for (const Location& at : places) {
    const Digest leaf = proof::log_leaf(proof::command_leaf(command, at.height, at.position));
    CARELEDGER_TRY(const auto index, find(reader, size, at.height, leaf));
    if (!index) continue;
    places_.keep(command, {at, *index});
    return std::optional(CommandPlace{at, *index});
  }
  return std::optional<CommandPlace>{};
}

// As many as there are, at most `count`.
Result<proof::LogTree> LogStore::leaves(const storage::Reader& reader, std::uint64_t first, std::uint64_t count) {
  proof::LogTree out;
  const auto at = reader.iterate(columns::kLog, storage::Range::prefix("b"));
  for (at->seek_backward(numbered_key('b', first)); at->valid() && out.size() < count; at->next()) {
    ByteView key = at->key().substr(1);
    ByteView value = at->value();
    const auto start = take_u64(key);
    const auto height = take_u64(value);
    if (!start || !height) return damaged(first);
    CARELEDGER_TRY(const Leaves block, leaves_of_block(reader, *start, {*height}));
    const std::uint64_t wanted = first + out.size();
    if (wanted < *start || wanted >= *start + block->size()) return damaged(wanted);
    for (std::uint64_t i = wanted - *start; i < block->size() && out.size() < count; ++i) out.append((*block)[i]);
  }
  CARELEDGER_CHECK(at->status());
  return out;
}

// At least the first `count` hashes of a tile. The last tile grows; what is there of it never changes.
Result<LogStore::Tile> LogStore::tile(const storage::Reader& reader, std::uint64_t index, std::uint64_t count) {
  if (const auto known = tiles_.find(index); known && (*known)->size() >= count) return *known;
  CARELEDGER_TRY(proof::LogTree hashes, leaves(reader, index * kTileLeaves, kTileLeaves));
  if (hashes.size() < count) return damaged(index * kTileLeaves + hashes.size());
  Tile shared = std::make_shared<const proof::LogTree>(std::move(hashes));
  tiles_.keep(index, shared);
  return shared;
}

Result<Digest> LogStore::node(const storage::Reader& reader, proof::LogNodeId id) {
  if (id.level < kTileLevel) {
    const std::uint64_t first = (id.index << id.level) % kTileLeaves;
    CARELEDGER_TRY(const Tile hashes, tile(reader, (id.index << id.level) / kTileLeaves, first + (1ull << id.level)));
    return hashes->node({id.level, first >> id.level});
  }
  if (const auto known = nodes_.find(id)) return *known;
  CARELEDGER_TRY(const auto bytes, reader.get(columns::kLog, node_key(id)));
  const auto hash = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!hash) return damaged(id.index << id.level);
  nodes_.keep(id, *hash);
  return *hash;
}

void LogStore::forget() {
  tiles_.clear();
  nodes_.clear();
  places_.clear();
}

}  // namespace careledger::replica
