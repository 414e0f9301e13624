#include "vault/audit.h"

#include <algorithm>
#include <future>

#include "crypto/hash.h"
#include "vault/audit_state.h"

namespace careledger::vault {

namespace {

constexpr const char* kQueueFull = "too many accesses wait to be recorded: try again shortly";

Result<OpenedEntry> last_entry(const AuditMap::State& state) {
  const std::uint64_t last = state.file->next_index() - 1;
  CARELEDGER_TRY(FilePlace place, state.store->place_before(last));
  for (;;) {
    std::uint64_t next = 0;
    CARELEDGER_TRY(OpenedEntry entry, state.file->read(place, &next));
    if (place.index == last) return entry;
    place = {place.index + 1, next};
  }
}

}  // namespace

AuditMap::AuditMap(std::unique_ptr<State> state) : state_(std::move(state)) {}

AuditMap::~AuditMap() {
  if (!state_) return;
  stop_heads();
  {
    const std::lock_guard lock(state_->queue_mutex);
    state_->closing = true;
    state_->queue_changed.notify_all();
  }
  if (state_->flusher.joinable()) state_->flusher.join();  // everything queued is written first
  // The map knows every entry after a clean stop, so that an older copy of the file is told from this one. What fails here is folded at
  // the next start.
  if (state_->store) static_cast<void>(state_->fold_pending());
}

Result<std::unique_ptr<AuditMap>> AuditMap::open(AuditOptions options, Keystore& keys, Files& files, Clock& clock, Entropy& entropy) {
  auto state = std::unique_ptr<State>(
      new State{std::move(options), clock, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}});
  State& s = *state;
  const bool in_memory = s.options.folder.empty();
  if (in_memory) s.own_files = memory_files();
  if (!in_memory) CARELEDGER_CHECK(files.make_folder(s.options.folder));
  CARELEDGER_TRY(const crypto::Secret audit_key, keys.symmetric(Purpose::audit));
  CARELEDGER_TRY(s.subject_key, keys.symmetric(Purpose::audit_subject));
  CARELEDGER_TRY(s.store, AuditStore::open(in_memory ? std::string() : s.options.folder + "/map", keys, entropy, s.options.room));
  const auto replay = [&s](FilePlace place, OpenedEntry opened) {
    const Recorded& recorded = opened.recorded;
    s.last_time = recorded.time;
    s.last_number = recorded.number;
    s.pending.push_back(
        {opened.entry.subject, vault::audit_key(opened.entry.subject, recorded.time, recorded.number), recorded.commitment, place});
  };
  CARELEDGER_TRY(s.file, AuditFile::open(in_memory ? "audit.log" : s.options.folder + "/audit.log", in_memory ? *s.own_files : files,
                                         audit_key, {s.store->folded(), s.options.entries_min}, entropy, replay));
  if (s.file->torn_bytes() > 0 && s.options.on_alert) {
    s.options.on_alert("the audit file ended in " + std::to_string(s.file->torn_bytes()) +
                       " bytes of an append that was broken off; they were put aside in audit.log.torn");
  }
  s.pending_next = {s.file->next_index(), s.file->next_offset()};
  s.durable = s.file->next_index();
  if (s.pending.empty() && s.durable > 0) {  // the time of the last entry, so that none goes before it
    CARELEDGER_TRY(const OpenedEntry last, last_entry(s));
    s.last_time = last.recorded.time;
    s.last_number = last.recorded.number;
  }
  CARELEDGER_CHECK(s.fold_pending());
  s.keeper = std::make_unique<HeadKeeper>(s, s.store->stored_head());
  s.flusher = std::thread([&s] { s.flush_loop(); });
  return std::unique_ptr<AuditMap>(new AuditMap(std::move(state)));
}

void AuditMap::append(AuditEntry entry, UniqueFunction<void(const Result<Recorded>&)> done) {
  State& s = *state_;
  if (auto fits = check_entry(entry); !fits) return done(tl::make_unexpected(std::move(fits.error())));
  {
    std::unique_lock lock(s.queue_mutex);
    if (s.queue.size() + s.reserved < s.options.queue_max) {
      s.queue.push_back({std::move(entry), std::move(done)});
      if (s.queue.size() == 1) s.queue_changed.notify_one();
      return;
    }
  }
  done(fail(ErrorKind::busy, kQueueFull));
}

AuditMap::Places::~Places() {
  if (state_ == nullptr) return;
  const std::lock_guard lock(state_->queue_mutex);
  state_->reserved -= count_;
}

Result<AuditMap::Places> AuditMap::reserve(std::size_t count) {
  State& s = *state_;
  const std::lock_guard lock(s.queue_mutex);
  const std::size_t used = s.queue.size() + s.reserved;
  if (used != 0 && used + count > s.options.queue_max) return fail(ErrorKind::busy, kQueueFull);
  s.reserved += count;
  return Places(s, count);
}

void AuditMap::append(std::vector<AuditEntry> entries, Places places, UniqueFunction<void(const Result<void>&)> done) {
  if (entries.empty()) return done({});
  State& s = *state_;
  CARELEDGER_ASSERT(places.state_ == &s && entries.size() <= places.count_);
  const std::lock_guard lock(s.queue_mutex);
  for (AuditEntry& entry : entries) s.queue.push_back({std::move(entry)});
  s.queue.back().done = [done = std::move(done)](const Result<Recorded>& last) mutable {
    done(last ? Result<void>() : tl::make_unexpected(last.error()));
  };
  s.reserved -= std::exchange(places.count_, 0);
  s.queue_changed.notify_one();
}

Result<Recorded> AuditMap::append_and_wait(AuditEntry entry) {
  std::promise<Result<Recorded>> promise;
  append(std::move(entry), [&promise](const Result<Recorded>& recorded) { promise.set_value(recorded); });
  return promise.get_future().get();
}

void AuditMap::State::flush_loop() {
  std::unique_lock lock(queue_mutex);
  for (;;) {
    queue_changed.wait(lock, [this] { return !queue.empty() || closing; });
    if (queue.empty()) return;
    std::vector<Queued> batch = std::exchange(queue, {});
    flushing = true;
    lock.unlock();
    flush(std::move(batch));
    lock.lock();
    flushing = false;
    queue_done.notify_all();
  }
}

Recorded AuditMap::State::seal(const AuditEntry& entry, const crypto::HmacSha256& salts, Bytes& buffer, std::vector<Folding>& folding) {
  const BlockTime now = clock.now();
  last_number = now > last_time ? 0 : last_number + 1;
  last_time = std::max(last_time, now);
  Recorded recorded{file->next_index(), last_time, last_number, {}};
  const FilePlace place{recorded.index, file->next_offset()};
  const Bytes shown = entry_bytes(entry);
  recorded.commitment = commit_parts(entry_salt(salts, recorded.index, 'e'), shown, entry_salt(salts, recorded.index, 'd'), entry.details);
  file->seal_next(frame_bytes(recorded, shown, entry.details), buffer);
  folding.push_back({entry.subject, audit_key(entry.subject, recorded.time, recorded.number), recorded.commitment, place, entry.written});
  return recorded;
}

Result<void> AuditMap::State::write(const Bytes& buffer, FilePlace before) {
  const FilePlace after{file->next_index(), file->next_offset()};
  auto written = file->write(buffer, before);
  if (written || !file->usable() || !options.on_full || !options.on_full()) return written;
  file->set_next(after);  // the frames are sealed for these places already
  return file->write(buffer, before);
}

void AuditMap::State::flush(std::vector<Queued> batch) {
  const FilePlace before = file->begin_append();
  const std::pair time_before{last_time, last_number};
  Bytes buffer;
  std::vector<Folding> folding;
  std::vector<Recorded> recorded;
  folding.reserve(batch.size());
  recorded.reserve(batch.size());
  const crypto::HmacSha256 salts = file->salts();
  for (const Queued& one : batch) recorded.push_back(seal(one.entry, salts, buffer, folding));
  const auto written = write(buffer, before);
  if (!written) {
    std::tie(last_time, last_number) = time_before;
    if (options.on_alert)
      options.on_alert("the audit file cannot be written (" + written.error().message + "): nothing is answered until it can");
    for (Queued& one : batch)
      if (one.done) one.done(tl::make_unexpected(written.error()));
    return;
  }
  {
    const std::lock_guard lock(pending_mutex);
    std::move(folding.begin(), folding.end(), std::back_inserter(pending));
    pending_next = {file->next_index(), file->next_offset()};
    durable = pending_next.index;
  }
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (batch[i].done) batch[i].done(recorded[i]);
  keeper->entries_came();
}

Result<void> AuditMap::State::fold_pending() {
  std::vector<Folding> entries;
  FilePlace next;
  {
    const std::lock_guard lock(pending_mutex);
    entries = pending;
    next = pending_next;
  }
  CARELEDGER_CHECK(store->fold(entries, next));
  const std::lock_guard lock(pending_mutex);  // only now: whoever reads finds an entry here or in the store
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(entries.size()));
  return {};
}

std::uint64_t AuditMap::size() const { return state_->durable; }
std::uint64_t AuditMap::torn_bytes() const { return state_->file->torn_bytes(); }
std::uint64_t AuditMap::newest_written() const { return state_->store->newest_written(); }

Subject AuditMap::subject_of(std::string_view patient_id) const {
  return id_cast<Subject>(crypto::hmac_sha256(state_->subject_key.view(), patient_id));
}

void AuditMap::start_heads(ordering::Ordering& ordering, CommandSigner& signer) { state_->keeper->start(ordering, signer); }
void AuditMap::stop_heads() {
  if (state_->keeper) state_->keeper->stop();
  std::unique_lock lock(state_->queue_mutex);
  state_->queue_done.wait(lock, [this] { return state_->queue.empty() && !state_->flushing; });
}
void AuditMap::wait_for_head(std::uint64_t size, UniqueFunction<void(const Result<AuditHead>&)> done) {
  state_->keeper->wait_for(size, std::move(done));
}
std::optional<AuditHead> AuditMap::head() const { return state_->keeper->head(); }
void AuditMap::list(const Subject& subject, const ListRange& range, UniqueFunction<void(Result<AccessList>)> done) {
  state_->keeper->list(subject, range, std::move(done));
}

AuditMap::Figures AuditMap::figures() const {
  const std::uint64_t entries = state_->durable;
  std::uint64_t waiting = 0;
  {
    const std::lock_guard lock(state_->pending_mutex);
    waiting = state_->pending.size();
  }
  const HeadKeeper& keeper = *state_->keeper;
  return {entries, entries - std::min(entries, waiting), keeper.heads(), keeper.refused(), keeper.fold_us_last()};
}

}  // namespace careledger::vault
