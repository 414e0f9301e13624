#include "replica/block_run.h"

#include <algorithm>
#include <map>

#include "base/lap_timer.h"
#include "kernel/tables.h"

namespace careledger::replica {
namespace {

constexpr std::size_t kChunk = 128;

std::vector<ByteView> views_of(const std::vector<kernel::Key>& keys) {
  std::vector<ByteView> views(keys.size());
  std::transform(keys.begin(), keys.end(), views.begin(), [](const kernel::Key& key) { return key.view(); });
  return views;
}

proof::TxResult hashed(const BatchResult& result) {
  return result_of(result.code(), std::span(result.codes().data(), static_cast<std::size_t>(result.codes_size())));
}

}  // namespace

kernel::RowValue CachedRows::read(const kernel::Key& key) const {
  const auto [at, added] = rows_.try_emplace(key);
  if (!added) return at->second;
  if (auto known = cache_.find(key, epoch_)) {
    at->second = std::move(*known);
  } else {
    at->second = below_.read(key);
    cache_.add(key, at->second, epoch_);
  }
  return at->second;
}

Result<void> CachedRows::prefetch(std::span<const kernel::Key> keys, Workers& workers) {
  rows_.reserve(rows_.size() + keys.size());
  std::vector<kernel::Key> unknown;
  for (const kernel::Key& key : keys) {
    if (rows_.contains(key)) continue;
    if (auto known = cache_.find(key, epoch_)) rows_.try_emplace(key, std::move(*known));
    else unknown.push_back(key);
  }
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  const std::vector<ByteView> views = views_of(unknown);
  const std::size_t chunks = (views.size() + kChunk - 1) / kChunk;
  std::vector<Result<std::vector<std::optional<Bytes>>>> found(chunks);
  workers.each(chunks, [&](std::size_t chunk) {
    const std::size_t from = chunk * kChunk;
    found[chunk] = below_.reader().multi_get(columns::kState, std::span(views).subspan(from, std::min(kChunk, views.size() - from)));
  });
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    auto& answers = found[i / kChunk];
    if (!answers) return tl::make_unexpected(std::move(answers.error()));
    std::optional<Bytes>& bytes = (*answers)[i % kChunk];
    kernel::RowValue value = bytes ? kernel::RowValue(std::move(*bytes)) : kernel::RowValue();
    cache_.add(unknown[i], value, epoch_);
    rows_.try_emplace(unknown[i], std::move(value));
  }
  return {};
}

void collect_signatures(const AccountId& actor, ByteView signed_bytes, std::span<const kernel::KeySignature> signatures,
                        const kernel::Rows& rows, std::vector<crypto::SignedItem>& items) {
  const auto account = kernel::Reader(rows).get(kernel::kAccounts, actor);
  if (account) kernel::collect_signatures(account->authority(), signed_bytes, signatures, items);
}

void add_keys(const kernel::ReceivedCommand& command, const kernel::Prepared* prepared, std::vector<kernel::Key>& keys) {
  if (command.verdict != kernel::KernelCode::ok) return;
  keys.push_back(kernel::kAccounts.key(command.actor));
  keys.push_back(kernel::kSequences.key(command.actor));
  if (prepared != nullptr) prepared->foresee(command.actor, keys);
}

void BlockHost::remember(std::span<const crypto::SignedItem> items, const std::vector<bool>& holds) {
  held_.reserve(held_.size() + items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    if (holds[i]) held_.emplace(items[i].message.data(), items[i]);
}

bool BlockHost::holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) {
  const auto [from, until] = held_.equal_range(signed_bytes.data());
  for (auto at = from; at != until; ++at) {
    const crypto::SignedItem& item = at->second;
    if (item.message.size() == signed_bytes.size() && item.key == key && item.signature.view() == signature.view()) return true;
  }
  const Digest id = signature_id(key, signed_bytes, signature);
  if (cache_.has(id)) return true;
  if (!crypto::verify(key, signed_bytes, signature)) return false;
  cache_.add(id);
  return true;
}

void BlockRun::receive() {
  batches_ = std::vector<Incoming>(out_.block_.batches.size());
  workers_.each(batches_.size(), [&](std::size_t i) {
    auto& [batch, prepared] = batches_[i];
    batch = kernel::receive_batch(out_.block_.batches[i]);
    if (!batch) return;
    prepared.reserve(batch->commands.size());
    for (const kernel::ReceivedCommand& command : batch->commands) prepared.push_back(kernel::prepare(command, contracts_));
  });
}

Result<void> BlockRun::prefetch_and_verify() {
  std::vector<kernel::Key> keys;
  std::vector<const kernel::ReceivedCommand*> commands;
  for (const auto& [batch, prepared] : batches_) {
    if (!batch) continue;
    keys.push_back(kernel::kAccounts.key(batch->organisation));
    for (std::size_t i = 0; i < batch->commands.size(); ++i) {
      const kernel::ReceivedCommand& command = batch->commands[i];
      if (command.verdict != kernel::KernelCode::ok) continue;
      commands.push_back(&command);
      add_keys(command, prepared[i].get(), keys);
    }
  }
  if (commands.size() >= 1u << 20) return fail(ErrorKind::too_large, "a block has more than a million commands");
  CARELEDGER_CHECK(rows_.prefetch(keys, workers_));
  std::vector<crypto::SignedItem> items;
  for (const auto& [batch, prepared] : batches_)
    if (batch) collect_signatures(batch->organisation, batch->signed_bytes, batch->signatures, rows_, items);
  for (const kernel::ReceivedCommand* command : commands)
    collect_signatures(command->actor, command->signed_bytes, command->signatures, rows_, items);
  verify(items);
  return {};
}

void BlockRun::verify(std::span<const crypto::SignedItem> items) {
  const std::size_t parts = std::min(workers_.width(), items.size() / 64 + 1);
  const std::size_t size = (items.size() + parts - 1) / parts;
  const auto part_of = [&](std::size_t part) {
    const std::size_t from = std::min(part * size, items.size());
    return items.subspan(from, std::min(size, items.size() - from));
  };
  std::vector<std::vector<bool>> holds(parts);
  workers_.each(parts, [&](std::size_t part) { holds[part] = cache_.verify(part_of(part)); });
  for (std::size_t part = 0; part < parts; ++part) host_.remember(part_of(part), holds[part]);
}

void BlockRun::run_batch(const Incoming& incoming, const kernel::BlockContext& context) {
  const auto& [batch, prepared] = incoming;
  BatchResult& stored = out_.stored_results_.emplace_back();
  kernel::KernelCode envelope = kernel::KernelCode::malformed;
  if (batch) envelope = kernel::check_envelope(*batch, context.time, overlay_, host_);
  stored.set_code(static_cast<std::uint32_t>(envelope));
  if (envelope == kernel::KernelCode::ok) {
    bool all_ok = true;
    stored.set_commands(static_cast<std::uint32_t>(batch->commands.size()));
    for (std::size_t i = 0; i < batch->commands.size(); ++i) {
      const kernel::ReceivedCommand& command = batch->commands[i];
      kernel::Effect effect = kernel::execute_command(command, context, overlay_, contracts_, host_, prepared[i].get());
      overlay_.merge(std::move(effect.changes));
      const auto position = static_cast<std::uint32_t>(out_.receipts_.size());
      for (kernel::Event& event : effect.events) out_.events_.push_back({position, std::move(event)});
      out_.receipts_.push_back({context.ledger, command.digest, effect.code, context.height, position});
      stored.add_codes(stored_code(effect.code));
      all_ok = all_ok && effect.code.ok();
    }
    out_.results_.push_back(hashed(stored));
    if (all_ok) stored.clear_codes();
    return;
  }
  out_.results_.push_back(hashed(stored));
}

Result<void> BlockRun::run_batches() {
  const Block& block = out_.block_;
  const kernel::BlockContext context{out_.base_->ledger, block.height, block.time, out_.base_->protocol};
  if (context.protocol > kernel::newest_protocol(contracts_)) {
    const std::string which = "block " + std::to_string(block.height.value) + " goes by protocol " + std::to_string(context.protocol.value);
    return fail(ErrorKind::newer_format, which + ", which this program does not know: install a newer one");
  }
  for (const kernel::Misbehaviour& one : out_.block_.misbehaviour)
    overlay_.merge(kernel::execute_misbehaviour(one, context, overlay_, contracts_, host_));
  for (const Incoming& incoming : batches_) run_batch(incoming, context);
  return {};
}

Result<void> BlockRun::finish_state() {
  out_.changes_ = overlay_.take();
  std::vector<RowChange> changes;
  for (auto at = out_.changes_.begin(); at != out_.changes_.end();) {
    kernel::RowValue before = rows_.read(at->first);
    if (before == at->second) {  // nothing changed after all
      at = out_.changes_.erase(at);
      continue;
    }
    changes.push_back({at->first.view(), before.view(), at->second.view()});
    out_.before_.emplace_back(at->first, std::move(before));
    ++at;
  }
  CARELEDGER_TRY(out_.tree_, out_.base_->tree.apply(changes, workers_));
  return {};
}

// What ordering is to count with: the votes whose rows changed. Keys that were given up come first, so that one which another member took
// in the same block stays his.
void BlockRun::finish_validators() {
  std::map<Bytes, std::uint64_t> powers;
  const auto read = [](const kernel::RowValue& row) {
    kernel::Validator out;
    CARELEDGER_ASSERT(out.ParseFromArray((*row).data(), static_cast<int>((*row).size())));
    return out;
  };
  for (const auto& [key, before] : out_.before_)
    if (key.space() == kernel::kValidators.space && before) powers[read(before).key()] = 0;
  for (const auto& [key, before] : out_.before_) {
    if (key.space() != kernel::kValidators.space) continue;
    if (const auto& after = out_.changes_.at(key)) powers[read(after).key()] = read(after).power();
  }
  for (const auto& [key, power] : powers)
    out_.validator_updates_.push_back({*crypto::PublicKey::from(key), static_cast<std::int64_t>(power), 0});
}

void BlockRun::finish_log() {
  out_.log_ = out_.base_->log;
  std::vector<LogEntry> entries;
  for (const kernel::Receipt& receipt : out_.receipts_)
    if (receipt.code.ok()) entries.push_back({receipt.command, receipt.position});
  append_to_log(out_.log_, out_.block_.height, entries, out_.log_rows_, out_.log_keys_);
}

Result<void> BlockRun::run() {
  LapTimer timer;
  receive();
  CARELEDGER_CHECK(prefetch_and_verify());
  times_.signatures += timer.lap();
  CARELEDGER_CHECK(run_batches());
  times_.decide_apply += timer.lap();
  CARELEDGER_CHECK(finish_state());
  finish_validators();
  finish_log();
  times_.merkle += timer.lap();
  if (auto fault = out_.base_->rows.fault()) return tl::make_unexpected(std::move(*fault));
  return {};
}

}  // namespace careledger::replica
