#include "replica/log_store.h"

#include <algorithm>

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

Digest leaf_of(Height height, const LogEntry& entry) { return proof::log_leaf(proof::command_leaf(entry.command, height, entry.position)); }

std::optional<LoggedBlock> block_row(const storage::Iterator& at) {  // but for its count
  ByteView key = at.key().substr(1);
  ByteView value = at.value();
  const auto first = take_u64(key);
  const auto height = take_u64(value);
  if (!first || !height) return std::nullopt;
  return LoggedBlock{{*height}, *first, 0};
}

Bytes row_of(std::span<const LogEntry> entries) {
  Bytes row;
  row.reserve(entries.size() * kLogEntryBytes);
  for (const LogEntry& entry : entries) append_entry(row, entry);
  return row;
}

tl::unexpected<Error> damaged(std::uint64_t index) {
  return fail(ErrorKind::corrupt, "log: the hash of entry " + std::to_string(index) + " cannot be found");
}

}  // namespace

void append_entry(Bytes& out, const LogEntry& entry) {
  append_u32(out, entry.position);
  out += entry.command.view();
}

std::vector<LogEntry> entries_in(ByteView row) {
  std::vector<LogEntry> out;
  out.reserve(row.size() / kLogEntryBytes);
  while (row.size() >= kLogEntryBytes) {
    const std::uint32_t position = *take_u32(row);
    out.push_back({*Digest::from(*take_bytes(row, Digest::size)), position});
  }
  return out;
}

void append_to_log(proof::CompactRange& range, Height height, std::span<const LogEntry> entries, storage::Batch& batch,
                   std::vector<Bytes>& keys) {
  if (entries.empty()) return;
  const auto put = [&](Bytes key, ByteView value) {
    batch.put(columns::kLog, key, value);
    keys.push_back(std::move(key));
  };
  put(numbered_key('b', range.size()), u64_bytes(height.value));
  put(numbered_key('e', range.size()), row_of(entries));
  const auto sink = [&](proof::LogNodeId id, const Digest& hash) {
    if (id.level >= kTileLevel) put(node_key(id), hash.view());
  };
  for (const LogEntry& entry : entries) range.append(leaf_of(height, entry), sink);
}

Result<std::vector<LogEntry>> LogStore::entries_of_block(const storage::Reader& reader, std::uint64_t first, Height height) {
  CARELEDGER_TRY(const auto kept, reader.get(columns::kLog, numbered_key('e', first)));
  if (kept) return entries_in(*kept);
  CARELEDGER_TRY(const auto block, blocks_.read(reader, height));
  std::vector<LogEntry> out;
  for (std::size_t i = 0; i < block->commands.size(); ++i)
    if (block->commands[i].code.ok()) out.push_back({block->commands[i].digest, static_cast<std::uint32_t>(i)});
  return out;
}

Result<std::vector<LogEntry>> LogStore::entries(const storage::Reader& reader, const LoggedBlock& block) {
  CARELEDGER_TRY(std::vector<LogEntry> out, entries_of_block(reader, block.first, block.height));
  if (out.size() != block.count) return damaged(block.first + out.size());
  return out;
}

Result<bool> LogStore::begins(const storage::Reader& reader) const {
  CARELEDGER_TRY(const auto first, reader.get(columns::kLog, numbered_key('b', 0)));
  return first.has_value();
}

Result<void> LogStore::each_block(const storage::Reader& reader, std::uint64_t from, std::uint64_t until,
                                  const std::function<Result<void>(const LoggedBlock&)>& visit) const {
  const auto at = reader.iterate(columns::kLog, storage::Range::prefix("b"));
  at->seek(numbered_key('b', from));
  for (std::uint64_t begins = from; begins < until;) {
    CARELEDGER_CHECK(at->status());
    const auto row = at->valid() ? block_row(*at) : std::nullopt;
    if (!row || row->first != begins) return damaged(begins);
    at->next();
    const auto after = at->valid() ? block_row(*at) : std::nullopt;
    const std::uint64_t ends = after ? after->first : until;
    if (ends <= begins || ends > until) return damaged(begins);
    CARELEDGER_CHECK(visit({row->height, begins, ends - begins}));
    begins = ends;
  }
  return at->status();
}

// The lowest of that height or above, but for its count. Blocks follow each other in the log: halves the stretch that it can begin in until
// one row is left.
Result<std::optional<LoggedBlock>> LogStore::first_from(const storage::Reader& reader, std::uint64_t size, Height height) const {
  const auto blocks = reader.iterate(columns::kLog, storage::Range::prefix("b"));
  std::optional<LoggedBlock> found;
  std::uint64_t from = 0;
  std::uint64_t until = size;
  while (from < until) {
    const std::uint64_t middle = from + (until - from) / 2;
    blocks->seek_backward(numbered_key('b', middle));
    CARELEDGER_CHECK(blocks->status());
    if (!blocks->valid()) return std::optional<LoggedBlock>{};
    const auto at = block_row(*blocks);
    if (!at) return damaged(middle);
    if (at->height < height) {
      from = middle + 1;
    } else {
      found = at;
      if (at->height == height) break;
      until = at->first;
    }
  }
  return found;
}

Result<std::optional<std::uint64_t>> LogStore::find(const storage::Reader& reader, std::uint64_t size, Height height,
                                                    const LogEntry& entry) {
  CARELEDGER_TRY(const auto block, first_from(reader, size, height));
  if (!block || block->height != height) return std::optional<std::uint64_t>{};
  CARELEDGER_TRY(const std::vector<LogEntry> all, entries_of_block(reader, block->first, height));
  const auto found = std::find(all.begin(), all.end(), entry);
  if (found == all.end()) return std::optional<std::uint64_t>{};
  return std::optional(block->first + static_cast<std::uint64_t>(found - all.begin()));
}

Result<std::optional<LogStore::Added>> LogStore::added_at(const storage::Reader& reader, std::uint64_t first) {
  CARELEDGER_TRY(const auto row, reader.get(columns::kLog, numbered_key('b', first)));
  if (!row) return std::optional<Added>{};
  ByteView rest = *row;
  const auto height = take_u64(rest);
  if (!height) return damaged(first);
  CARELEDGER_TRY(std::vector<LogEntry> entries, entries_of_block(reader, first, {*height}));
  return std::optional(Added{{*height}, std::move(entries)});
}

Result<void> LogStore::keep_entries(const storage::Reader& reader, std::uint64_t size, Height from, Height until, storage::Batch& batch) {
  CARELEDGER_TRY(const auto lowest, first_from(reader, size, from));
  if (!lowest) return {};
  const auto at = reader.iterate(columns::kLog, storage::Range::prefix("b"));
  for (at->seek(numbered_key('b', lowest->first)); at->valid(); at->next()) {
    const auto block = block_row(*at);
    if (!block) return damaged(lowest->first);
    if (block->height >= until) break;
    const Bytes key = numbered_key('e', block->first);
    CARELEDGER_TRY(const auto kept, reader.get(columns::kLog, key));
    if (kept) continue;
    CARELEDGER_TRY(const std::vector<LogEntry> entries, entries_of_block(reader, block->first, block->height));
    batch.put(columns::kLog, key, row_of(entries));
  }
  return at->status();
}

Result<std::optional<CommandPlace>> LogStore::place_of(const storage::Reader& reader, std::uint64_t size, const Digest& command) {
  if (const auto known = places_.find(command); known && known->index < size) return known;
  CARELEDGER_TRY(const std::vector<Location> places, find_places(reader, command));
  for (const Location& at : places) {
    CARELEDGER_TRY(const auto index, find(reader, size, at.height, {command, at.position}));
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
    const auto block = block_row(*at);
    if (!block) return damaged(first);
    CARELEDGER_TRY(const std::vector<LogEntry> all, entries_of_block(reader, block->first, block->height));
    const std::uint64_t wanted = first + out.size();
    if (wanted < block->first || wanted >= block->first + all.size()) return damaged(wanted);
    for (std::uint64_t i = wanted - block->first; i < all.size() && out.size() < count; ++i) out.append(leaf_of(block->height, all[i]));
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
