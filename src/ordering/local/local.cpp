#include "ordering/local/local.h"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/assert.h"
#include "base/lap_timer.h"
#include "base/recent.h"
#include "kernel/tables.h"
#include "ordering/envelopes.h"
#include "ordering/local/chain_rows.h"
#include "ordering/local/chain_writer.h"
#include "ordering/local/intake.h"

namespace careledger::ordering::local {
namespace {

class LocalOrdering final : public Ordering {
 public:
  // `proven`: the newest header carries the app hash of the newest block, because that block changed nothing.
  LocalOrdering(replica::Replica& replica, const Clock& clock, const Config& config, ChainMaker maker, Tip tip, bool proven)
      : replica_(replica),
        clock_(clock),
        config_(config),
        times_(config.times ? config.times : std::make_shared<StageTimes>()),
        maker_(std::move(maker)),
        tip_(std::move(tip)),
        owes_empty_block_(!proven),  // a crash may have come between a write and the empty block that proves it
        provable_(proven ? tip_.height.value : tip_.height.value - 1),
        height_(tip_.height.value),
        last_block_ns_(clock.monotonic_ns()),
        intake_(replica, clock, config.pending_max, config.epoch_ms, config.block_commands_max) {
    sequencer_ = std::thread([this] { run(); });
  }
  ~LocalOrdering() override { stop(); }

  void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) override {
    intake_.submit({organisation, std::move(signed_command), lane, {}, std::move(done)});
  }

  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) override {
    envelopes_.host(organisation, std::move(signer));
  }

  Result<proof::SignedHeader> header(Height height) const override {
    if (const auto known = headers_.find(height.value)) return **known;
    CARELEDGER_TRY(auto header, read_header(replica_.view(), height));
    headers_.keep(height.value, std::make_shared<const proof::SignedHeader>(header));
    return header;
  }
  Result<proof::ValidatorSet> validators(Height height) const override {
    if (height.value == 0 || height.value > height_ + 1) return fail(ErrorKind::not_found, "there is no block of this height yet");
    return maker_.validators();
  }
  Height height() const override { return {height_}; }

  void when_provable(Height height, UniqueFunction<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      if (height.value > provable_ && !ended_) {
        waiting_.emplace(height.value, std::move(done));
        return;
      }
    }
    done();
  }

  bool has_quorum() const override { return !failed_ && !intake_.closed(); }

  void stop() override {
    stopping_ = true;
    std::vector<Pending> left = intake_.close();
    if (sequencer_.joinable()) sequencer_.join();
    for (Pending& pending : left) pending.done(Answer{});
    end_waiting();
  }

 private:
  void run() {
    while (!stopping_) {
      // What is owed goes out at once, with whatever is ready; otherwise the day's block is the last resort.
      const std::uint64_t deadline = owes_empty_block_ ? 0 : last_block_ns_ + config_.quiet_ms_max * 1'000'000u;
      std::vector<Pending> taken = intake_.take(deadline);
      if (stopping_) {
        for (Pending& pending : taken) pending.done(Answer{});
        return;
      }
      const bool quiet_too_long = clock_.monotonic_ns() >= last_block_ns_ + config_.quiet_ms_max * 1'000'000u;
      if (taken.empty() && !owes_empty_block_ && !quiet_too_long) continue;
      make_block(std::move(taken));
    }
  }

  void make_block(std::vector<Pending> taken) {
    const std::size_t count = taken.size();
    if (failed_) return answer_unknown(taken);
    LapTimer timer;
    Sealed sealed = envelopes_.seal(std::move(taken));
    std::vector<Bytes> batches;
    for (Envelope& one : sealed.envelopes) batches.push_back(std::move(one.bytes));
    const bool empty = batches.empty();
    times_->envelopes += timer.lap();
    const Bytes app_hash_before = tip_.app_hash;
    const auto added = add_block(replica_, maker_, tip_, std::move(batches), clock_.now());
    if (!added) return give_up(sealed);
    CARELEDGER_ASSERT(!empty || tip_.app_hash == app_hash_before);  // or empty blocks would follow for ever
    height_ = tip_.height.value;
    last_block_ns_ = clock_.monotonic_ns();
    owes_empty_block_ = !empty;
    times_->header += added->header_ns;
    timer.lap();
    for (Pending& pending : sealed.not_hosted) answer_refused(pending);
    for (std::size_t i = 0; i < sealed.envelopes.size(); ++i) answer(sealed.envelopes[i].commands, added->receipts[i]);
    times_->answers += timer.lap();
    intake_.answered(count);
    tell_provable(empty);
  }

  void answer_refused(Pending& pending) {
    const kernel::Code code = kernel::code_of(kernel::KernelCode::actor_not_active);
    pending.done({Outcome::refused, kernel::Receipt{replica_.ledger(), pending.digest, code, {}, 0}, 0});
  }

  // The receipts of an envelope that held are those of its commands, in order; one that did not hold has none.
  void answer(std::vector<Pending>& commands, const std::vector<kernel::Receipt>& receipts) {
    if (receipts.empty()) {
      for (Pending& pending : commands) answer_refused(pending);
      return;
    }
    CARELEDGER_ASSERT(receipts.size() == commands.size());
    const replica::View view = replica_.view();
    for (std::size_t i = 0; i < commands.size(); ++i) {
      Answer answer{Outcome::final, receipts[i], 0};
      if (!kernel::consumes_number(receipts[i].code))
        if (const auto first = view.find_receipt(commands[i].digest); first && *first) answer.receipt = **first;
      commands[i].done(answer);
    }
  }

  // A block that changed nothing is provable by its own header, which carries the same app hash.
  void tell_provable(bool empty) {
    std::vector<UniqueFunction<void()>> due;
    {
      const std::lock_guard lock(mutex_);
      provable_ = empty ? tip_.height.value : tip_.height.value - 1;
      const auto end = waiting_.upper_bound(provable_);
      for (auto it = waiting_.begin(); it != end; ++it) due.push_back(std::move(it->second));
      waiting_.erase(waiting_.begin(), end);
    }
    for (auto& done : due) done();
  }

  void give_up(Sealed& sealed) {
    failed_ = true;
    owes_empty_block_ = false;
    answer_unknown(sealed.not_hosted);
    for (Envelope& one : sealed.envelopes) answer_unknown(one.commands);
    end_waiting();
  }

  void end_waiting() {
    std::multimap<std::uint64_t, UniqueFunction<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      waiting_.swap(waiting);
    }
    for (auto& [height, done] : waiting) done();
  }

  void answer_unknown(std::vector<Pending>& taken) {
    for (Pending& pending : taken) pending.done(Answer{});
    intake_.answered(taken.size());
    last_block_ns_ = clock_.monotonic_ns();
  }

  replica::Replica& replica_;
  const Clock& clock_;
  const Config config_;
  const std::shared_ptr<StageTimes> times_;
  const ChainMaker maker_;
  EnvelopeMaker envelopes_{kernel::kBatchSizeMax};

  Tip tip_;                // the sequencer's
  bool owes_empty_block_;  // the sequencer's

  // Read lately: every proof of a moment wants the same one.
  mutable Recent<std::uint64_t, std::shared_ptr<const proof::SignedHeader>, std::hash<std::uint64_t>> headers_{32};

  mutable std::mutex mutex_;
  std::multimap<std::uint64_t, UniqueFunction<void()>> waiting_;
  bool ended_ = false;      // nothing more becomes provable
  std::uint64_t provable_;  // highest height whose app hash a durable header carries

  std::atomic<std::uint64_t> height_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::uint64_t last_block_ns_;  // the sequencer's
  Intake intake_;
  std::thread sequencer_;
};

}  // namespace

Result<std::unique_ptr<Ordering>> start(replica::Replica& replica, crypto::SigningKey validator, const Clock& clock, const Config& config) {
  if (config.epoch_ms < 1 || config.epoch_ms > 3'600'000 || config.block_commands_max < 1)
    return fail(ErrorKind::invalid, "ordering: an epoch lasts 1 ms to one hour, a block holds at least one command");
  ChainMaker maker(kernel::chain_id(replica.ledger()), config.app_version, std::move(validator));
  const replica::View view = replica.view();
  CARELEDGER_TRY(Tip tip, read_tip(view));
  bool proven = true;
  if (tip.height.value > 0) {
    CARELEDGER_TRY(const proof::SignedHeader newest, read_header(view, tip.height));
    proven = newest.header.app_hash == tip.app_hash;
    CARELEDGER_TRY(const proof::ValidatorSet stored, read_validators(view));
    if (proof::hash_of(stored) != proof::hash_of(maker.validators()))
      return fail(ErrorKind::corrupt,
                  "the keystore's validator key is not the one that signed this ledger; restore the keystore of this ledger");
  }
  return std::unique_ptr<Ordering>(new LocalOrdering(replica, clock, config, std::move(maker), std::move(tip), proven));
}

}  // namespace careledger::ordering::local
