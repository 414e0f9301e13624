#include "vault/outbox.h"

#include <algorithm>

#include "contracts/records/records.h"
#include "crypto/hash.h"
#include "proof/log.h"

namespace careledger::vault {
namespace {

constexpr std::size_t kSupersedesMax = 512;        // a command reads and writes that many rows at most, and fits 64 KiB
constexpr std::uint64_t kRetryNs = 2'000'000'000;  // after the ledger refused or could not tell

bool repeats_exception(const kernel::Code& code) {
  using contracts::records::Codes;
  return code.contract.value == contracts::records::kContract.id.value &&
         (code.number == static_cast<std::uint16_t>(Codes::already_erased) ||
          code.number == static_cast<std::uint16_t>(Codes::already_entered_in_error) ||
          code.number == static_cast<std::uint16_t>(Codes::already_superseded));
}

}  // namespace

Result<void> Outbox::load() {
  const auto rows = parts_.store->iterate(kAnchorsColumn, storage::Range::all());
  for (rows->seek_first(); rows->valid(); rows->next()) {
    ByteView key = rows->key();
    const auto first = take_u64(key);
    auto row = decode_anchor_row(rows->value());
    anchored_ = parts_.gaps.skip(anchored_);
    if (!first || !key.empty() || !row || *first != anchored_ || *first + row->commitments.size() > parts_.visible.next_number)
      return corrupt_row("anchors", rows->key());
    if (row->state != Anchoring::final) {  // was under way: the same bytes go again
      flight_ = Flight{*first, std::move(*row), {}};
      break;
    }
    anchored_ = *first + row->commitments.size();
    ++count_;
  }
  anchored_ = parts_.gaps.skip(anchored_);
  return rows->status();
}

void Outbox::start(ordering::Ordering& ordering, CommandSigner& signer) {
  const std::lock_guard lock(mutex_);
  CARELEDGER_ASSERT(!thread_.joinable());
  ordering_ = &ordering;
  signer_ = &signer;
  stopping_ = false;
  link_ = std::make_shared<AnswerLink<Outbox>>(this);
  thread_ = std::thread([this] { run(); });
}

void Outbox::stop() {
  if (link_) link_->cut();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  answer_.reset();
  changed_.notify_all();
  std::thread thread = std::move(thread_);
  lock.unlock();
  if (thread.joinable()) thread.join();
  lock.lock();
  tell(lock, UINT64_MAX, {Anchoring::pending, {}, 0});
}

void Outbox::wake() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void Outbox::when_anchored(std::uint64_t number, UniqueFunction<void(const AnchorState&)> done) {
  std::unique_lock lock(mutex_);
  if (number >= anchored_ && !stopping_) {
    waiters_.emplace(number, std::move(done));
    return;
  }
  const bool stopped = number >= anchored_;
  lock.unlock();
  done(stopped ? AnchorState{} : state_of(number).value_or(AnchorState{}));
}

void Outbox::release_waiting() {
  std::unique_lock lock(mutex_);
  tell(lock, UINT64_MAX, {Anchoring::pending, {}, 0});
}

std::uint64_t Outbox::waiting() const {
  const std::uint64_t next = parts_.seen().next_number;
  const std::lock_guard lock(mutex_);
  return next > anchored_ ? next - anchored_ - (parts_.gaps.count_below(next) - parts_.gaps.count_below(anchored_)) : 0;
}
std::uint64_t Outbox::anchors() const {
  const std::lock_guard lock(mutex_);
  return count_;
}
std::uint64_t Outbox::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void Outbox::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const std::uint64_t now = parts_.clock.monotonic_ns();
    if (now < not_before_ns_) {
      changed_.wait_for(lock, std::chrono::nanoseconds(not_before_ns_ - now));
      continue;
    }
    if (!prepare(lock)) {
      if (!stopping_ && parts_.clock.monotonic_ns() >= not_before_ns_) changed_.wait(lock);
      continue;
    }
    send();
    changed_.wait(lock, [this] { return answer_.has_value() || stopping_; });
    if (stopping_) return;
    const ordering::Answer answer = *answer_;
    answer_.reset();
    judge(lock, answer);
  }
}

// Sees to it that a signed anchor of what waits is in the store.
bool Outbox::prepare(std::unique_lock<std::mutex>& lock) {
  if (flight_ && !flight_->row.signed_command.empty()) return true;
  const std::uint64_t end = parts_.seen().next_number;
  if (anchored_ >= end) return false;
  const std::uint64_t first = anchored_;
  const std::uint64_t most = first < single_until_ ? 1 : parts_.options.anchor_count_max;
  lock.unlock();
  auto flight = make_flight(first, std::min({end, first + most, parts_.gaps.next(first)}));
  if (flight) {
    auto kept = sign_and_keep(*flight);
    if (!kept) flight = tl::make_unexpected(std::move(kept.error()));
  }
  lock.lock();
  if (flight) {
    flight_ = std::move(*flight);
    return true;
  }
  refuse(lock, flight.error().message);
  return false;
}

Result<Outbox::Flight> Outbox::make_flight(std::uint64_t first, std::uint64_t end) const {
  Flight flight{first, {}, {}};
  const auto rows = parts_.store->iterate(kOutboxColumn, {u64_bytes(first), u64_bytes(end)});
  std::uint64_t expected = first;
  for (rows->seek_first(); rows->valid(); rows->next(), ++expected) {
    ByteView key = rows->key();
    const auto row = decode_outbox_row(rows->value());
    if (!row || take_u64(key) != expected) return corrupt_row("outbox", rows->key());
    if (row->supersedes && !drop_supersedes_) {
      if (flight.supersedes.size() == kSupersedesMax) break;
      flight.supersedes.push_back(*row->supersedes);
    }
    flight.row.commitments.push_back(row->commitment);
  }
  CARELEDGER_CHECK(rows->status());
  if (flight.row.commitments.empty()) return corrupt_row("outbox", u64_bytes(first));
  flight.row.padding_seed = parts_.entropy.take(32);
  return flight;
}

Result<void> Outbox::sign_and_keep(Flight& flight) const {
  const std::vector<Digest> leaves = anchor_leaves(flight.row);
  contracts::records::Payload payload;
  auto* anchor = payload.mutable_anchor();
  anchor->set_root(proof::anchor_tree(leaves).root().bytes());
  anchor->set_count(static_cast<std::uint32_t>(leaves.size()));
  std::sort(flight.supersedes.begin(), flight.supersedes.end());
  for (const Digest& old : flight.supersedes) anchor->add_supersedes(old.bytes());
  CARELEDGER_TRY(flight.row.signed_command, signer_->sign(contracts::records::kContract.id, payload.SerializeAsString()));
  storage::Batch batch;
  batch.put(kAnchorsColumn, u64_bytes(flight.first), encode(flight.row));
  return parts_.store->write(batch, storage::Durability::buffered);  // lost with the machine only: then it is made anew
}

// With the lock held: `submit` never blocks, and the answer comes through answer_ even when it comes at once.
void Outbox::send() {
  const std::uint64_t sending = ++sending_;
  mutex_.unlock();
  ordering_->submit(
      parts_.options.organisation, flight_->row.signed_command, ordering::Lane::urgent,
      [link = link_, sending](const ordering::Answer& answer) { link->tell([&](Outbox& outbox) { outbox.receive(sending, answer); }); });
  mutex_.lock();
}

void Outbox::receive(std::uint64_t sending, const ordering::Answer& answer) {
  const std::lock_guard lock(mutex_);
  if (sending != sending_) return;
  answer_ = answer;
  changed_.notify_all();
}

void Outbox::judge(std::unique_lock<std::mutex>& lock, const ordering::Answer& answer) {
  const std::uint64_t now = parts_.clock.monotonic_ns();
  switch (answer.outcome) {
    case ordering::Outcome::busy:
    case ordering::Outcome::sealed: not_before_ns_ = now + std::uint64_t{std::max(answer.retry_after_ms, 1u)} * 1'000'000; return;
    case ordering::Outcome::unknown:  // the same bytes again, later
      not_before_ns_ = now + kRetryNs;
      return;
    case ordering::Outcome::final:
    case ordering::Outcome::refused: break;
  }
  CARELEDGER_ASSERT(answer.receipt.has_value());
  const kernel::Code code = answer.receipt->code;
  if (answer.outcome == ordering::Outcome::final && code.ok()) return land(lock, *answer.receipt);
  const std::size_t count = flight_->row.commitments.size();
  const std::uint64_t first = flight_->first;
  flight_.reset();  // its row is overwritten by the next
  if (wants_new_command(code)) return;
  if (repeats_exception(code)) {  // after a loss of power: an anchor that this store has forgotten said so before
    drop_supersedes_ = count == 1;
    single_until_ = std::max(single_until_, first + count);
    return;
  }
  refuse(lock, "code " + std::to_string(code.contract.value) + "." + std::to_string(code.number));
}

void Outbox::land(std::unique_lock<std::mutex>& lock, const kernel::Receipt& receipt) {
  Flight flight = std::move(*flight_);
  flight_.reset();
  lock.unlock();
  flight.row.state = Anchoring::final;
  flight.row.height = receipt.height;
  flight.row.position = receipt.position;
  storage::Batch batch;
  batch.put(kAnchorsColumn, u64_bytes(flight.first), encode(flight.row));
  for (std::size_t i = 0; i < flight.row.commitments.size(); ++i) batch.erase(kOutboxColumn, u64_bytes(flight.first + i));
  const auto written = parts_.store->write(batch, storage::Durability::buffered);  // lost: sent again, same receipt
  lock.lock();
  if (!written) {
    flight_ = std::move(flight);
    return refuse(lock, written.error().message);
  }
  drop_supersedes_ = false;
  ++count_;
  anchored_ = parts_.gaps.skip(flight.first + flight.row.commitments.size());
  tell(lock, anchored_, {Anchoring::final, receipt.height, receipt.position});
}

// Raises the alert, tells who waits, and tries again after a while: a record is never given up because the ledger would not take its
// anchor.
void Outbox::refuse(std::unique_lock<std::mutex>& lock, const std::string& why) {
  ++refused_;
  not_before_ns_ = parts_.clock.monotonic_ns() + kRetryNs;
  if (parts_.options.on_alert) parts_.options.on_alert("an anchor was refused (" + why + "); it is tried again, and the records stay");
  tell(lock, UINT64_MAX, {Anchoring::refused, {}, 0});
}

void Outbox::tell(std::unique_lock<std::mutex>& lock, std::uint64_t below, const AnchorState& state) {
  std::vector<UniqueFunction<void(const AnchorState&)>> due;
  for (auto it = waiters_.begin(); it != waiters_.end() && it->first < below; it = waiters_.erase(it)) due.push_back(std::move(it->second));
  lock.unlock();
  for (auto& done : due) done(state);
  lock.lock();
}

}  // namespace careledger::vault
