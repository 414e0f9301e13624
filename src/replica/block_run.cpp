#include "replica/block_run.h"

#include <algorithm>
#include <chrono>

#include "crypto/hash.h"
#include "kernel/tables.h"

namespace careledger::replica {
namespace {

constexpr std::size_t kChunk = 128;

class Stopwatch {  // metrics only: nothing that is decided depends on it
 public:
  std::uint64_t lap() {
    const auto now = std::chrono::steady_clock::now();
    const auto spent = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    last_ = now;
    return static_cast<std::uint64_t>(spent);
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::uint32_t stored_code(kernel::Code code) { return code.ok() ? 0 : static_cast<std::uint32_t>(code.contract.value) << 16 | code.number; }

// What LastResultsHash covers of a batch: the envelope's code, and one hash over the codes of its commands.
proof::TxResult result_of(const BatchResult& result) {
  Bytes codes;
  for (const std::uint32_t code : result.codes()) append_u32(codes, code);
  return {result.code(), crypto::tagged_hash("careledger/results/1", {codes}).bytes(), 0, 0};
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

Result<void> CachedRows::prefetch(std::vector<kernel::Key> keys, Workers& workers) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  rows_.reserve(rows_.size() + 4 * keys.size());  // with those that rules will ask for
  std::vector<Bytes> unknown;
  for (const kernel::Key& key : keys) {
    if (auto known = cache_.find(key, epoch_)) rows_.try_emplace(key, std::move(*known));
    else unknown.emplace_back(key.view());
  }
  const std::size_t chunks = (unknown.size() + kChunk - 1) / kChunk;
  std::vector<Result<std::vector<std::optional<Bytes>>>> found(chunks);
  const auto part = [&](std::size_t chunk) {
    return std::span<const Bytes>(unknown).subspan(chunk * kChunk, std::min(kChunk, unknown.size() - chunk * kChunk));
  };
  workers.each(chunks, [&](std::size_t chunk) { found[chunk] = below_.reader().multi_get(columns::kState, part(chunk)); });
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    if (!found[chunk]) return tl::make_unexpected(std::move(found[chunk].error()));
    for (std::size_t i = 0; i < part(chunk).size(); ++i) {
      const kernel::Key key = *kernel::Key::from(part(chunk)[i]);
      std::optional<Bytes>& bytes = (*found[chunk])[i];
      kernel::RowValue value = bytes ? kernel::RowValue(std::move(*bytes)) : kernel::RowValue();
      cache_.add(key, value, epoch_);
      rows_.try_emplace(key, std::move(value));
    }
  }
  return {};
}

void collect_signatures(const kernel::ReceivedCommand& command, const kernel::Rows& rows, std::vector<crypto::SignedItem>& items) {
  if (command.verdict != kernel::KernelCode::ok) return;
  const auto account = kernel::Reader(rows).get(kernel::kAccounts, command.actor);
  if (account) kernel::collect_signatures(account->authority(), command.signed_bytes, command.signatures, items);
}

void add_actor_keys(const kernel::ReceivedCommand& command, std::vector<kernel::Key>& keys) {
  if (command.verdict != kernel::KernelCode::ok) return;
  keys.push_back(kernel::kAccounts.key(command.actor));
  keys.push_back(kernel::kSequences.key(command.actor));
}

bool BlockHost::holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) {
  const Digest id = signature_id(key, signed_bytes, signature);
  if (cache_.has(id)) return true;
  if (!crypto::verify(key, signed_bytes, signature)) return false;
  cache_.add(id);
  return true;
}

void BlockRun::receive() {
  batches_.assign(out_.block_.batches.size(), fail(ErrorKind::malformed, ""));
  workers_.each(batches_.size(), [&](std::size_t i) { batches_[i] = kernel::receive_batch(out_.block_.batches[i]); });
}

Result<void> BlockRun::prefetch_and_verify() {
  std::vector<kernel::Key> keys;
  std::vector<const kernel::ReceivedCommand*> commands;
  for (const auto& batch : batches_) {
    if (!batch) continue;
    keys.push_back(kernel::kAccounts.key(batch->organisation));
    for (const kernel::ReceivedCommand& command : batch->commands) {
      if (command.verdict != kernel::KernelCode::ok) continue;
      commands.push_back(&command);
      add_actor_keys(command, keys);
    }
  }
  if (commands.size() >= 1u << 20) return fail(ErrorKind::too_large, "a block has more than a million commands");
  CARELEDGER_CHECK(rows_.prefetch(std::move(keys), workers_));
  std::vector<crypto::SignedItem> items;
  for (const kernel::ReceivedCommand* command : commands) collect_signatures(*command, rows_, items);
  const std::size_t parts = std::min(workers_.width(), items.size() / 64 + 1);
  const std::size_t size = (items.size() + parts - 1) / parts;
  workers_.each(parts, [&](std::size_t part) {
    const std::size_t from = std::min(part * size, items.size());
    cache_.verify(std::span<const crypto::SignedItem>(items).subspan(from, std::min(size, items.size() - from)));
  });
  return {};
}

void BlockRun::run_batch(const Result<kernel::ReceivedBatch>& batch, const kernel::BlockContext& context, BlockHost& host) {
  BatchResult& stored = out_.stored_results_.emplace_back();
  kernel::KernelCode envelope = kernel::KernelCode::malformed;
  if (batch) envelope = kernel::check_envelope(*batch, context.time, overlay_, host);
  stored.set_code(static_cast<std::uint32_t>(envelope));
  if (envelope == kernel::KernelCode::ok) {
    bool all_ok = true;
    stored.set_commands(static_cast<std::uint32_t>(batch->commands.size()));
    for (const kernel::ReceivedCommand& command : batch->commands) {
      kernel::Effect effect = kernel::execute_command(command, context, overlay_, contracts_, host);
      overlay_.merge(std::move(effect.changes));
      const auto position = static_cast<std::uint32_t>(out_.receipts_.size());
      for (kernel::Event& event : effect.events) out_.events_.push_back({position, std::move(event)});
      out_.receipts_.push_back({context.ledger, command.digest, effect.code, context.height, position});
      stored.add_codes(stored_code(effect.code));
      all_ok = all_ok && effect.code.ok();
    }
    out_.results_.push_back(result_of(stored));
    if (all_ok) stored.clear_codes();
    return;
  }
  out_.results_.push_back(result_of(stored));
}

Result<void> BlockRun::run_batches() {
  const Block& block = out_.block_;
  kernel::BlockContext context{out_.base_->ledger, block.height, block.time, {}};
  context.protocol = kernel::protocol_at(kernel::Reader(rows_), block.height);
  if (context.protocol > kernel::newest_protocol(contracts_)) {
    const std::string which = "block " + std::to_string(block.height.value) + " goes by protocol " + std::to_string(context.protocol.value);
    return fail(ErrorKind::newer_format, which + ", which this program does not know: install a newer one");
  }
  BlockHost host(cache_, out_.base_->tree);
  for (const auto& batch : batches_) run_batch(batch, context, host);
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

void BlockRun::finish_log() {
  out_.log_ = out_.base_->log;
  std::vector<Digest> leaves;
  for (const kernel::Receipt& receipt : out_.receipts_)
    if (receipt.code.ok()) leaves.push_back(proof::log_leaf(proof::command_leaf(receipt.command, receipt.height, receipt.position)));
  append_to_log(out_.log_, out_.block_.height, leaves, out_.log_rows_, out_.log_keys_);
}

Result<void> BlockRun::run() {
  Stopwatch watch;
  receive();
  CARELEDGER_CHECK(prefetch_and_verify());
  times_.signatures += watch.lap();
  CARELEDGER_CHECK(run_batches());
  times_.decide_apply += watch.lap();
  CARELEDGER_CHECK(finish_state());
  finish_log();
  times_.merkle += watch.lap();
  if (auto fault = out_.base_->rows.fault()) return tl::make_unexpected(std::move(*fault));
  return {};
}

}  // namespace careledger::replica
