#include "replica/index_audit.h"

#include <algorithm>

#include "kernel/codes.h"

namespace careledger::replica {
namespace {

constexpr std::int64_t kNotAdded = -1;

std::string in_words(std::size_t missing, std::size_t of) {
  return "the index of commands does not lead to " + std::to_string(missing) + " of its " + std::to_string(of);
}

}  // namespace

IndexAudit::IndexAudit(View view, Height from, Height until) : view_(std::move(view)), from_(from), until_(until) {}

Result<std::size_t> IndexAudit::missing(std::span<const Bytes> keys) const {
  const std::vector<ByteView> views(keys.begin(), keys.end());
  CARELEDGER_TRY(const auto rows, view_.committed_->reader().multi_get(columns::kIndex, views));
  return static_cast<std::size_t>(std::ranges::count_if(rows, [](const auto& row) { return !row.has_value(); }));
}

Result<std::vector<IndexAudit::Found>> IndexAudit::begin(std::size_t found_max) {
  std::vector<Found> found;
  const View::Committed& at = *view_.committed_;
  const auto look_at = [&](const LoggedBlock& block) -> Result<void> {
    if (block.height >= from_ || found.size() >= found_max) return {};
    CARELEDGER_TRY(const std::vector<LogEntry> entries, at.log_store->entries(at.reader(), block));
    std::vector<Bytes> keys;
    for (const LogEntry& entry : entries) keys.push_back(index_key(entry.command, {block.height, entry.position}));
    CARELEDGER_TRY(const std::size_t gone, missing(keys));
    if (gone > 0) found.push_back({block.height, in_words(gone, keys.size()) + " entries of the log"});
    return {};
  };
  CARELEDGER_CHECK(at.log_store->each_block(at.reader(), 0, view_.log_size(), look_at));
  return found;
}

Result<void> IndexAudit::add(const StoredBlock& block) {
  std::vector<Bytes> keys;
  for (std::size_t i = 0; i < block.commands.size(); ++i)
    if (kernel::consumes_number(block.commands[i].code))
      keys.push_back(index_key(block.commands[i].digest, {block.height, static_cast<std::uint32_t>(i)}));
  CARELEDGER_TRY(const std::size_t gone, missing(keys));
  if (counts(block.height)) {  // grown as blocks are there: what the ledger says of its height nobody signed
    const std::size_t at = block.height.value - from_.value;
    if (at >= expected_.size()) expected_.resize(at + 1, kNotAdded);
    expected_[at] = static_cast<std::int64_t>(keys.size() - gone);
  }
  if (gone > 0) return fail(ErrorKind::corrupt, in_words(gone, keys.size()) + " commands");
  return {};
}

void IndexAudit::pass_over(Height height) {
  if (counts(height) && height.value - from_.value < expected_.size()) expected_[height.value - from_.value] = kNotAdded;
}

Result<std::vector<IndexAudit::Found>> IndexAudit::end(std::size_t found_max) const {
  std::vector<Found> found;
  std::vector<std::int64_t> rows(expected_.size());
  const auto at = view_.committed_->reader().iterate(columns::kIndex, storage::Range::all());
  for (at->seek_first(); at->valid() && found.size() < found_max; at->next()) {
    const auto place = location_of(at->key());
    if (!place) found.push_back({{}, "the index of commands has a row that does not read: " + to_hex(at->key())});
    else if (place->height > view_.height())
      found.push_back({place->height, "the index of commands leads to it, and it is above the newest block"});
    else if (counts(place->height) && place->height.value - from_.value < rows.size()) ++rows[place->height.value - from_.value];
  }
  CARELEDGER_CHECK(at->status());
  for (std::size_t i = 0; i < rows.size() && found.size() < found_max; ++i)
    if (expected_[i] != kNotAdded && rows[i] != expected_[i])
      found.push_back(
          {{from_.value + i},
           "the index of commands leads to " + std::to_string(rows[i] - expected_[i]) + " places in it where no such command stands"});
  return found;
}

}  // namespace careledger::replica
