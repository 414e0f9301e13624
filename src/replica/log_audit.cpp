#include "replica/log_audit.h"

namespace careledger::replica {
namespace {

tl::unexpected<Error> wrong(Height block, const char* what) {
  return fail(ErrorKind::corrupt, "the log at block " + std::to_string(block.value) + ": " + what);
}

std::vector<LogEntry> ok_commands(const StoredBlock& block) {
  std::vector<LogEntry> out;
  for (std::size_t i = 0; i < block.commands.size(); ++i)
    if (block.commands[i].code.ok()) out.push_back({block.commands[i].digest, static_cast<std::uint32_t>(i)});
  return out;
}

}  // namespace

Result<void> LogAudit::begin(Height from) {
  const View::Committed& at = *view_.committed_;
  CARELEDGER_CHECK(
      at.log_store->each_block(at.reader(), 0, view_.log_size(), [&](const LoggedBlock& block) { return make_again(block, from); }));
  if (made_.root() != view_.log_root()) return wrong(newest_, "its entries do not give its root");
  next_ = older_;
  return {};
}

Result<void> LogAudit::make_again(const LoggedBlock& block, Height from) {
  const View::Committed& at = *view_.committed_;
  if (block.height <= newest_ || block.height > view_.height()) return wrong(block.height, "its blocks are out of order");
  newest_ = block.height;
  CARELEDGER_TRY(const std::vector<LogEntry> entries, at.log_store->entries(at.reader(), block));
  Result<void> same;
  const auto compare = [&](proof::LogNodeId id, const Digest& hash) {
    if (id.level < kTileLevel || !same) return;
    const auto stored = at.log_store->node(at.reader(), id);
    if (!stored) same = tl::make_unexpected(stored.error());
    else if (*stored != hash) same = wrong(block.height, "its entries up to there do not give the hash that is stored above them");
  };
  for (const LogEntry& entry : entries)
    made_.append(proof::log_leaf(proof::command_leaf(entry.command, block.height, entry.position)), compare);
  if (block.height < from) older_ = made_.size();
  return same;
}

Result<void> LogAudit::add(const StoredBlock& block) {
  const std::optional<std::uint64_t> expected = std::exchange(next_, std::nullopt);
  if (expected && *expected != block.log_first)
    return fail(ErrorKind::corrupt, "its commands do not stand in the log behind those of the block before it");
  const std::vector<LogEntry> commands = ok_commands(block);
  if (!commands.empty()) {
    const View::Committed& at = *view_.committed_;
    CARELEDGER_TRY(const auto stored, at.log_store->added_at(at.reader(), block.log_first));
    if (!stored || stored->height != block.height || stored->entries != commands)
      return fail(ErrorKind::corrupt, "its commands are not those that stand in the log");
  }
  next_ = block.log_first + commands.size();
  return {};
}

}  // namespace careledger::replica
