#include "replica/replica.h"

#include <algorithm>

#include "base/assert.h"
#include "base/lap_timer.h"
#include "kernel/tables.h"
#include "replica/block_run.h"
#include "replica/packed_row.h"

namespace careledger::replica {
namespace {

void fill_tip(Tip& tip, const LedgerId& ledger, Height height, BlockTime time, const StateTree& tree, const proof::CompactRange& log) {
  tip.set_ledger(ledger.bytes());
  tip.set_height(height.value);
  tip.set_time_ms(time.value);
  tip.set_log_size(log.size());
  tip.set_log_root(log.root().bytes());
  tip.set_state_root(tree.root().bytes());
}

template <class Value>  // a row's or a stored value, or none
void add_undo(Bytes& rows, ByteView key, const Value& value) {
  append_field(rows, key);
  rows.push_back(value ? '\1' : '\0');
  append_field(rows, value ? ByteView(*value) : ByteView());
}

Result<void> restore(ByteView rows, storage::Column column, storage::Batch& batch) {
  while (!rows.empty()) {
    const auto key = take_field(rows);
    const auto present = take_bytes(rows, 1);
    const auto value = take_field(rows);
    if (!key || !present || !value) return fail(ErrorKind::corrupt, "ledger: what the last block changed is not readable");
    if (present->front() != '\0') batch.put(column, *key, *value);
    else batch.erase(column, *key);
  }
  return {};
}

tl::unexpected<Error> mismatch(const char* what, std::uint64_t height) {
  return fail(ErrorKind::corrupt, std::string("ledger: ") + what + " stored do not give the root of height " + std::to_string(height) +
                                      ": restore from a backup, or from another member");
}

}  // namespace

Digest Execution::app_hash() const { return proof::app_hash({log_.root(), log_.size(), tree_.root()}); }

std::vector<std::span<const kernel::Receipt>> Execution::receipts_by_batch() const {
  std::vector<std::span<const kernel::Receipt>> out;
  std::size_t from = 0;
  for (const BatchResult& result : stored_results_) {
    out.push_back(receipts().subspan(from, result.commands()));
    from += result.commands();
  }
  return out;
}

Replica::Replica(const Config& config, std::shared_ptr<storage::Store> store, std::span<const kernel::Contract> contracts)
    : config_(config),
      store_(std::move(store)),
      contracts_(contracts),
      workers_(config.threads),
      signatures_(config.signatures_cached),
      row_cache_(config.row_cache_bytes),
      blocks_(std::make_shared<BlockStore>()),
      log_store_(std::make_shared<LogStore>(*blocks_)),
      shown_(std::make_shared<ShownRows>(config.shown_cache_bytes)) {}

Replica::~Replica() = default;

Result<std::unique_ptr<Replica>> Replica::open(const Config& config, std::shared_ptr<storage::Store> store,
                                               std::span<const kernel::Contract> contracts) {
  std::unique_ptr<Replica> replica(new Replica(config, std::move(store), contracts));
  CARELEDGER_TRY(const auto tip, replica->store_->get(columns::kMeta, kTipKey));
  if (!tip) CARELEDGER_CHECK(replica->found());
  CARELEDGER_TRY(const auto stored, replica->store_->get(columns::kMeta, kTipKey));
  CARELEDGER_ASSERT(stored.has_value());
  CARELEDGER_CHECK(replica->load(*stored));
  return replica;
}

Result<void> Replica::found() {
  CARELEDGER_TRY(const auto loading, store_->get(columns::kMeta, kLoadingKey));
  if (loading) return fail(ErrorKind::corrupt, "ledger: the loading of a snapshot was cut off: begin it again");
  const auto rows = store_->iterate(columns::kState, storage::Range::all());
  rows->seek_first();
  CARELEDGER_CHECK(rows->status());
  if (rows->valid()) return fail(ErrorKind::corrupt, "ledger: there is state, but no record of its height: restore from a backup");
  const auto founding = kernel::decode_canonical<kernel::Founding>(config_.founding);
  if (!founding || !kernel::is_sound(*founding)) return fail(ErrorKind::invalid, "ledger: the founding document is not sound");
  const kernel::MemoryRows nothing;
  kernel::Overlay genesis(nothing);
  kernel::write_genesis(*founding, contracts_, genesis);
  storage::Batch batch;
  std::vector<RowChange> changes;
  for (const auto& [key, value] : genesis.changes()) {
    batch.put(columns::kState, key.view(), *value);
    changes.push_back({key.view(), std::nullopt, ByteView(*value)});
  }
  CARELEDGER_TRY(const StateTree tree, StateTree().apply(changes, workers_));
  Tip tip;
  fill_tip(tip, kernel::ledger_id(config_.founding), {0}, {founding->created_ms()}, tree, {});
  tip.set_first_height(1);
  batch.put(columns::kMeta, kTipKey, tip.SerializeAsString());
  return store_->write(batch, storage::Durability::synced);
}

Result<void> Replica::load(ByteView tip_bytes) {
  Tip tip;
  if (!tip.ParseFromArray(tip_bytes.data(), static_cast<int>(tip_bytes.size())) || tip.ledger().size() != LedgerId::size)
    return fail(ErrorKind::corrupt, "ledger: the record of its height does not parse");
  ledger_ = *LedgerId::from(tip.ledger());
  if (!config_.founding.empty() && kernel::ledger_id(config_.founding) != ledger_)
    return fail(ErrorKind::invalid, "the ledger that is stored here is another one, " + ledger_.hex() +
                                        ", than its founding document founds: " + kernel::ledger_id(config_.founding).hex() +
                                        "; put back the folder that was here");
  const auto snapshot = store_->snapshot();
  CARELEDGER_TRY(StateTree tree, StateTree::build({snapshot.get(), columns::kState}, workers_));
  if (tree.root().view() != tip.state_root()) return mismatch("the rows", tip.height());
  CARELEDGER_TRY(const bool has_log, log_store_->begins(*snapshot));
  if (tip.log_size() > 0 && !has_log)
    return fail(ErrorKind::unsupported,
                "ledger: it began with a snapshot of an earlier build, without the log before that: fetch it again");
  CARELEDGER_TRY(proof::CompactRange log, proof::range_at(LogAt(*log_store_, *snapshot), tip.log_size()));
  if (log.root().view() != tip.log_root()) return mismatch("the log's entries", tip.height());
  const std::lock_guard lock(mutex_);
  first_height_ = {tip.first_height()};
  recent_.clear();
  CARELEDGER_TRY(Committed newest, make_committed({tip.height()}, {tip.time_ms()}, std::move(tree), std::move(log)));
  recent_.push_back(std::move(newest));
  row_cache_.reset(recent_.back()->epoch);
  return {};
}

Result<Replica::Committed> Replica::make_committed(Height height, BlockTime time, StateTree tree, proof::CompactRange log) {
  const std::shared_ptr<View::Committed> made(new View::Committed{++epochs_, ledger_, height, time, first_height_, std::move(tree),
                                                                  std::move(log), StoredRows(store_->snapshot()), log_store_, blocks_,
                                                                  shown_});
  made->protocol = kernel::protocol_at(kernel::Reader(made->rows), next(height));
  if (auto fault = made->rows.fault()) return tl::make_unexpected(std::move(*fault));
  return Committed(made);
}

Replica::Committed Replica::committed() const {
  const std::lock_guard lock(mutex_);
  return recent_.back();
}

View Replica::view() const { return View(committed()); }

Result<View> Replica::view_at(Height height) const {
  const std::lock_guard lock(mutex_);
  for (const Committed& at : recent_)
    if (at->height == height) return View(at);
  return fail(ErrorKind::not_found, "height " + std::to_string(height.value) + " is not among the last " + std::to_string(recent_.size()));
}

kernel::BlockContext Replica::context_after(const View::Committed& base, BlockTime now) const {
  const BlockTime time = std::max(base.time, now);
  return {ledger_, next(base.height), time, base.protocol};
}

kernel::Code Replica::check(const kernel::ReceivedCommand& command, BlockTime now) const {
  const Committed base = committed();
  const CachedRows rows(*base, row_cache_);
  BlockHost host(signatures_, base->tree);
  return kernel::check_command(command, context_after(*base, now), rows, contracts_, host);
}

std::vector<kernel::Code> Replica::check(std::span<const kernel::ReceivedCommand> commands, BlockTime now) const {
  LapTimer timer;
  const Committed base = committed();
  const kernel::BlockContext context = context_after(*base, now);
  std::vector<kernel::Code> codes(commands.size());
  // One part a thread: large batches of signatures cost less each.
  const std::size_t parts = std::min(workers_.width(), commands.size() / 64 + 1);
  const std::size_t size = (commands.size() + parts - 1) / parts;
  workers_.each(parts, [&](std::size_t part) {
    const std::size_t from = std::min(part * size, commands.size());
    const auto mine = commands.subspan(from, std::min(size, commands.size() - from));
    CachedRows rows(*base, row_cache_);
    std::vector<std::unique_ptr<const kernel::Prepared>> prepared;
    std::vector<kernel::Key> keys;
    for (const kernel::ReceivedCommand& command : mine) {
      prepared.push_back(kernel::prepare(command, contracts_));
      add_keys(command, prepared.back().get(), keys);
    }
    static_cast<void>(rows.prefetch(keys, workers_));  // what fails here fails again at its read, which remembers the fault
    std::vector<crypto::SignedItem> items;
    for (const kernel::ReceivedCommand& command : mine)
      if (command.verdict == kernel::KernelCode::ok)
        collect_signatures(command.actor, command.signed_bytes, command.signatures, rows, items);
    BlockHost host(signatures_, base->tree);
    host.remember(items, signatures_.verify(items));
    for (std::size_t i = 0; i < mine.size(); ++i)
      codes[from + i] = kernel::check_command(mine[i], context, rows, contracts_, host, prepared[i].get());
  });
  times_.check += timer.lap();
  return codes;
}

kernel::KernelCode Replica::check_envelope(const kernel::ReceivedBatch& batch, BlockTime now) const {
  const Committed base = committed();
  const CachedRows rows(*base, row_cache_);
  BlockHost host(signatures_, base->tree);
  return kernel::check_envelope(batch, std::max(base->time, now), rows, host);
}

kernel::KernelCode Replica::judge(const kernel::ReceivedCommand& command, BlockTime now) const {
  const Committed base = committed();
  const CachedRows rows(*base, row_cache_);
  BlockHost host(signatures_, base->tree);
  return kernel::judge_command(command, context_after(*base, now), rows, contracts_, host);
}

Result<void> Replica::usable() const {
  const std::lock_guard lock(mutex_);
  if (failed_) return tl::make_unexpected(*failed_);
  return {};
}

tl::unexpected<Error> Replica::stop_at(Error error) {
  const std::lock_guard lock(mutex_);
  if (!failed_) failed_ = std::move(error);
  return tl::make_unexpected(*failed_);
}

Result<Execution> Replica::execute(Block block) const {
  CARELEDGER_CHECK(usable());
  Execution execution;
  execution.base_ = committed();
  const View::Committed& base = *execution.base_;
  const bool first = base.height.value == 0;
  if (block.height != next(base.height) || block.time < base.time || (!first && block.time == base.time))
    return fail(ErrorKind::invalid,
                "block " + std::to_string(block.height.value) + " does not follow height " + std::to_string(base.height.value));
  execution.block_ = std::move(block);
  CARELEDGER_CHECK(BlockRun(execution, contracts_, signatures_, row_cache_, workers_, times_).run());
  return execution;
}

// The lowest block that is left. The log of an earlier build needs blocks: where one of those cannot be read, all stay.
Result<Height> Replica::drop_blocks(const View::Committed& base, Height keep_from, storage::Batch& batch) const {
  const Height until = std::min({keep_from, base.height, Height{first_height_.value + kDroppedAtOnce}});
  if (until <= first_height_) return first_height_;
  CARELEDGER_CHECK(log_store_->keep_entries(base.reader(), base.log.size(), first_height_, until, batch));
  for (Height height = first_height_; height < until; height = next(height)) batch.erase(columns::kBlocks, block_key(height));
  return until;
}

Result<storage::Batch> Replica::batch_of(const Execution& execution, std::span<const SideRow> side_rows, Height first) const {
  const Block& block = execution.block_;
  storage::Batch batch;
  Undo undo;
  undo.set_height(block.height.value);
  for (const auto& [key, before] : execution.before_) add_undo(*undo.mutable_rows(), key.view(), before);
  for (const auto& [key, value] : execution.changes_) {
    if (value) batch.put(columns::kState, key.view(), *value);
    else batch.erase(columns::kState, key.view());
  }
  BlockRow row;
  row.set_time_ms(block.time.value);
  row.set_log_first(execution.base_->log.size());
  for (const Bytes& bytes : block.batches) row.add_batches(bytes);
  for (const BatchResult& result : execution.stored_results_) *row.add_results() = result;
  for (const kernel::Misbehaviour& one : block.misbehaviour) *row.add_misbehaviour() = stored(one);
  batch.put(columns::kBlocks, block_key(block.height), pack_row(row.SerializeAsString()));
  std::vector<Bytes> index;  // in ascending order, as the store likes it
  for (const kernel::Receipt& receipt : execution.receipts_)
    if (kernel::consumes_number(receipt.code)) index.push_back(index_key(receipt.command, {receipt.height, receipt.position}));
  std::sort(index.begin(), index.end());
  for (const Bytes& key : index) batch.put(columns::kIndex, key, {});
  batch.append(execution.log_rows_);
  for (const Bytes& key : execution.log_keys_) undo.add_log_keys(key);
  for (const SideRow& side : side_rows) {
    const Bytes key = side_key(side.key);
    CARELEDGER_TRY(const auto before, store_->get(columns::kMeta, key));
    add_undo(*undo.mutable_side_rows(), key, before);
    batch.put(columns::kMeta, key, side.value);
  }
  CARELEDGER_TRY(const auto old_tip, store_->get(columns::kMeta, kTipKey));
  Tip tip;
  if (!old_tip || !tip.ParseFromString(*old_tip)) return fail(ErrorKind::corrupt, "ledger: the record of its height is gone");
  *undo.mutable_before() = tip;
  fill_tip(tip, ledger_, block.height, block.time, execution.tree_, execution.log_);
  tip.set_first_height(first.value);
  batch.put(columns::kMeta, kTipKey, tip.SerializeAsString());
  batch.put(columns::kMeta, kUndoKey, pack_row(undo.SerializeAsString()));
  return batch;
}

void Replica::publish(Committed committed) {
  const std::lock_guard lock(mutex_);
  recent_.push_back(std::move(committed));
  if (recent_.size() > config_.views_kept) recent_.erase(recent_.begin());
}

Result<View> Replica::commit(Execution execution, std::span<const SideRow> side_rows, Height keep_from) {
  CARELEDGER_CHECK(usable());
  CARELEDGER_ASSERT(execution.base_ == committed());
  LapTimer timer;
  storage::Batch dropped;
  const Result<Height> lowest = drop_blocks(*execution.base_, keep_from, dropped);
  not_dropped_ = lowest ? std::nullopt : std::optional(lowest.error());
  if (!lowest) dropped.clear();
  const Height first = lowest.value_or(first_height_);
  auto batch = batch_of(execution, side_rows, first);
  if (!batch) return stop_at(batch.error());
  batch->append(dropped);
  if (auto written = store_->write(*batch, storage::Durability::synced); !written) return stop_at(std::move(written.error()));
  first_height_ = first;
  auto next = make_committed(execution.block_.height, execution.block_.time, std::move(execution.tree_), std::move(execution.log_));
  if (!next) return stop_at(std::move(next.error()));
  row_cache_.advance((*next)->epoch, std::make_shared<const kernel::Changes>(std::move(execution.changes_)));
  publish(std::move(*next));
  times_.durable += timer.lap();
  View now = view();
  for (auto& observer : observers_) observer({now, execution.receipts_, execution.events_});
  return now;
}

Result<View> Replica::undo_last() {
  CARELEDGER_CHECK(usable());
  const Committed base = committed();
  CARELEDGER_TRY(const auto bytes, store_->get(columns::kMeta, kUndoKey));
  Undo undo;
  if (!bytes || !parse_row(undo, *bytes) || undo.height() != base->height.value)
    return fail(ErrorKind::precondition,
                "the block at height " + std::to_string(base->height.value) + " cannot be undone: only the last one can, once");
  CARELEDGER_TRY(const auto block, blocks_->read(base->reader(), base->height));
  storage::Batch batch;
  CARELEDGER_CHECK(restore(undo.rows(), columns::kState, batch));
  CARELEDGER_CHECK(restore(undo.side_rows(), columns::kMeta, batch));
  for (std::uint32_t i = 0; i < block->commands.size(); ++i)
    batch.erase(columns::kIndex, index_key(block->commands[i].digest, {base->height, i}));
  for (const Bytes& key : undo.log_keys()) batch.erase(columns::kLog, key);
  batch.erase(columns::kBlocks, block_key(base->height));
  batch.erase(columns::kMeta, kUndoKey);
  undo.mutable_before()->set_first_height(first_height_.value);
  const Bytes tip = undo.before().SerializeAsString();
  batch.put(columns::kMeta, kTipKey, tip);
  if (auto written = store_->write(batch, storage::Durability::synced); !written) return stop_at(std::move(written.error()));
  blocks_->forget();
  log_store_->forget();
  if (auto loaded = load(tip); !loaded) return stop_at(std::move(loaded.error()));
  return view();
}

void Replica::observe(UniqueFunction<void(const CommittedBlock&)> observer) { observers_.push_back(std::move(observer)); }

}  // namespace careledger::replica
