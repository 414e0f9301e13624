#include "vault/vault.h"

#include <algorithm>

#include "base/files.h"
#include "vault/outbox.h"
#include "vault/parts.h"

namespace careledger::vault {

Result<void> SyncGroup::sync() {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = ++wanted_;
  while (done_ < ticket) {
    if (!failure_) return failure_;
    if (running_) {
      changed_.wait(lock);
      continue;
    }
    running_ = true;  // this thread syncs for everybody who has written by now
    const std::uint64_t covers = wanted_;
    lock.unlock();
    storage::Batch mark;  // the store syncs its journal with a row; which row does not matter
    mark.put(kStateColumn, "synced", {});
    auto synced = store_.write(mark, storage::Durability::synced);
    lock.lock();
    running_ = false;
    if (synced) {
      done_ = covers;
    } else {
      failure_ = std::move(synced);  // never tried again
    }
    changed_.notify_all();
  }
  return {};
}

namespace {

Result<std::unique_ptr<storage::Store>> open_store(const VaultOptions& options, Keystore& keys, Entropy& entropy) {
  storage::StoreOptions store = store_options(options.folder.empty() ? std::string() : options.folder + "/store");
  if (options.open_store) return options.open_store(store);
  if (options.folder.empty()) return storage::open_memory_store(store);
  CARELEDGER_CHECK(system_files().make_folder(options.folder));
  CARELEDGER_TRY(const crypto::Secret root, keys.symmetric(Purpose::files));
  store.disk = storage::encrypted_disk(root, entropy);
  store.cache_bytes = options.cache_bytes;
  store.write_buffer_bytes = options.write_buffer_bytes;
  store.room = options.room;
  return storage::open_rocks_store(store);
}

}  // namespace

Result<Visible> visible_of(const storage::Reader& reader) {
  CARELEDGER_TRY(const auto bytes, reader.get(kStateColumn, kVisibleKey));
  if (!bytes) return Visible{};
  const auto visible = decode_visible(*bytes);
  if (!visible) return corrupt_row("state", kVisibleKey);
  return *visible;
}

Vault::Vault(std::unique_ptr<VaultParts> parts) : parts_(std::move(parts)) {}
Vault::~Vault() { stop_anchoring(); }

Result<std::unique_ptr<Vault>> Vault::open(VaultOptions options, Keystore& keys, Clock& clock, Entropy& entropy) {
  CARELEDGER_ASSERT(options.chunk_bytes > 0 && options.anchor_count_max > 0);
  CARELEDGER_TRY(auto store, open_store(options, keys, entropy));
  CARELEDGER_TRY(auto tree, KeyTree::open(options.folder.empty() ? std::string() : options.folder + "/keys", keys, entropy));
  auto parts = std::unique_ptr<VaultParts>(
      new VaultParts{std::move(options), keys, clock, entropy, std::move(store), std::move(tree), {}, {}, {}, {}, {}, {}, {}, {}});
  parts->syncs = std::make_unique<SyncGroup>(*parts->store);
  CARELEDGER_CHECK(roll_back_journal(*parts->store));
  CARELEDGER_TRY(parts->visible, visible_of(*parts->store));
  parts->head = parts->visible;
  CARELEDGER_TRY(parts->gaps, Gaps::of(*parts->store));
  parts->outbox = std::make_unique<Outbox>(*parts);
  CARELEDGER_CHECK(parts->outbox->load());
  auto vault = std::unique_ptr<Vault>(new Vault(std::move(parts)));
  CARELEDGER_CHECK(vault->finish_erasures());
  return vault;
}

View Vault::view() const { return View(parts_.get(), parts_->seen().sequence); }

Result<View> Vault::view_at(std::uint64_t sequence) const {
  if (sequence > parts_->seen().sequence) return fail(ErrorKind::invalid, "no such commit yet");
  return View(parts_.get(), sequence);
}

void Vault::start_anchoring(ordering::Ordering& ordering, CommandSigner& signer) { parts_->outbox->start(ordering, signer); }
void Vault::stop_anchoring() {
  if (parts_ && parts_->outbox) parts_->outbox->stop();
}
void Vault::when_anchored(std::uint64_t number, UniqueFunction<void(const AnchorState&)> done) {
  parts_->outbox->when_anchored(number, std::move(done));
}
void Vault::release_waiting() { parts_->outbox->release_waiting(); }
Result<AnchorState> Vault::anchor_state(std::uint64_t number) const {
  if (number == 0 || number >= parts_->seen().next_number || parts_->gaps.skip(number) != number)
    return fail(ErrorKind::not_found, "no such version number");
  return parts_->outbox->state_of(number);
}
std::uint64_t Vault::waiting_for_anchor() const { return parts_->outbox->waiting(); }

Vault::Figures Vault::figures() const {
  const Visible seen = parts_->seen();
  return {seen.next_number - 1 - parts_->gaps.count_below(seen.next_number), parts_->outbox->anchors(), parts_->outbox->waiting(),
          parts_->outbox->refused(), seen.next_number - 1};
}

}  // namespace careledger::vault
