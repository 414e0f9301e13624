#include "replica/stored_block.h"

#include "crypto/hash.h"
#include "kernel/command.h"
#include "replica/packed_row.h"

namespace careledger::replica {
namespace {

tl::unexpected<Error> damaged(Height height, const char* what) {
  return fail(ErrorKind::corrupt, "block " + std::to_string(height.value) + ": " + what);
}

kernel::Code code_from(std::uint32_t number, ContractId contract) {
  if (number == 0) return {contract, 0};
  return {{static_cast<std::uint16_t>(number >> 16)}, static_cast<std::uint16_t>(number & 0xFFFFu)};
}

}  // namespace

Misbehaviour stored(const kernel::Misbehaviour& misbehaviour) {
  Misbehaviour out;
  out.set_validator(misbehaviour.validator);
  out.set_kind(misbehaviour.kind);
  out.set_height(misbehaviour.height);
  out.set_time_ms(misbehaviour.time.value);
  out.set_power(misbehaviour.power);
  out.set_total_power(misbehaviour.total_power);
  return out;
}

std::uint32_t stored_code(kernel::Code code) { return code.ok() ? 0 : static_cast<std::uint32_t>(code.contract.value) << 16 | code.number; }

proof::TxResult result_of(std::uint32_t envelope, std::span<const std::uint32_t> codes) {
  Bytes bytes;
  for (const std::uint32_t code : codes) append_u32(bytes, code);
  return {envelope, crypto::tagged_hash("careledger/results/1", {bytes}).bytes(), 0, 0};
}

std::vector<proof::TxResult> results_of(const StoredBlock& block) {
  std::vector<std::vector<std::uint32_t>> codes(block.batches.size());
  for (const StoredCommand& command : block.commands) codes[command.batch].push_back(stored_code(command.code));
  std::vector<proof::TxResult> out;
  for (std::size_t i = 0; i < codes.size(); ++i) out.push_back(result_of(static_cast<std::uint32_t>(block.envelopes[i]), codes[i]));
  return out;
}

Result<StoredBlock> decode_block_row(Height height, ByteView bytes) {
  BlockRow row;
  if (!parse_row(row, bytes)) return damaged(height, "does not parse");
  if (row.batches_size() != row.results_size()) return damaged(height, "has not one result for each batch");
  StoredBlock block{height, {row.time_ms()}, row.log_first(), {}, {}, {}, {}};
  for (const Misbehaviour& one : row.misbehaviour())
    block.misbehaviour.push_back({one.validator(), one.kind(), one.height(), {one.time_ms()}, one.power(), one.total_power()});
  for (int i = 0; i < row.batches_size(); ++i) {
    const BatchResult& result = row.results(i);
    block.batches.push_back(row.batches(i));
    block.envelopes.push_back(static_cast<kernel::KernelCode>(result.code()));
    if (result.code() != 0) continue;
    const auto batch = kernel::receive_batch(row.batches(i));
    if (!batch || batch->commands.size() != result.commands()) return damaged(height, "a batch does not fit its result");
    const bool all_ok = result.codes_size() == 0;
    if (!all_ok && result.codes_size() != static_cast<int>(batch->commands.size())) return damaged(height, "results are missing");
    for (std::size_t c = 0; c < batch->commands.size(); ++c) {
      const std::uint32_t number = all_ok ? 0 : result.codes(static_cast<int>(c));
      const kernel::ReceivedCommand& command = batch->commands[c];
      block.commands.push_back(
          {command.digest, code_from(number, command.contract), static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(c)});
    }
  }
  return block;
}

Result<std::shared_ptr<const StoredBlock>> BlockStore::read(const storage::Reader& reader, Height height) {
  {
    const std::lock_guard lock(mutex_);
    for (auto at = recent_.begin(); at != recent_.end(); ++at) {
      if ((*at)->height != height) continue;
      recent_.splice(recent_.begin(), recent_, at);
      return recent_.front();
    }
  }
  CARELEDGER_TRY(const auto bytes, reader.get(columns::kBlocks, block_key(height)));
  if (!bytes) return fail(ErrorKind::not_found, "block " + std::to_string(height.value) + " is not kept here");
  CARELEDGER_TRY(StoredBlock block, decode_block_row(height, *bytes));
  auto shared = std::make_shared<const StoredBlock>(std::move(block));
  const std::lock_guard lock(mutex_);
  recent_.push_front(shared);
  if (recent_.size() > kKeep) recent_.pop_back();
  return shared;
}

void BlockStore::forget() {
  const std::lock_guard lock(mutex_);
  recent_.clear();
}

Result<std::vector<Location>> find_places(const storage::Reader& reader, const Digest& digest) {
  std::vector<Location> places;
  const auto at = reader.iterate(columns::kIndex, storage::Range::prefix(digest.view().substr(0, kIndexPrefix)));
  for (at->seek_first(); at->valid(); at->next()) {
    const auto place = location_of(at->key());
    if (!place) return fail(ErrorKind::corrupt, "command index: a key has the wrong size");
    places.push_back(*place);
  }
  CARELEDGER_CHECK(at->status());
  return places;
}

Result<std::optional<Found>> find_command(const storage::Reader& reader, BlockStore& blocks, Height first, const Digest& digest) {
  CARELEDGER_TRY(const std::vector<Location> places, find_places(reader, digest));
  for (const Location& place : places) {
    if (place.height < first) continue;
    CARELEDGER_TRY(const auto block, blocks.read(reader, place.height));
    if (place.position >= block->commands.size()) return damaged(place.height, "the command index points beyond its end");
    const StoredCommand& command = block->commands[place.position];
    if (command.digest == digest) return std::optional<Found>(Found{place, command.code});
  }
  return std::optional<Found>{};
}

}  // namespace careledger::replica
