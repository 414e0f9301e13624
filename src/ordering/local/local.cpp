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
#include "ordering/growth.h"
#include "ordering/local/chain_rows.h"
#include "ordering/local/chain_writer.h"
#include "ordering/local/intake.h"

namespace careledger::ordering::local {
namespace {

constexpr std::uint32_t kSealedAgainMs = 5'000;  // this node is a member in a moment, the others when people have started theirs

tl::unexpected<Error> refuse_sealed() { return fail(ErrorKind::precondition, "this ledger has grown already, and its chain is sealed"); }

class LocalOrdering final : public Local {
 public:
  // `proven`: the newest header carries the app hash of the newest block, because that block changed nothing. Without a maker: sealed.
  LocalOrdering(replica::Replica& replica, const Clock& clock, const Config& config, proof::ValidatorSet validators,
                std::optional<ChainMaker> maker, Tip tip, bool proven)
      : replica_(replica),
        clock_(clock),
        config_(config),
        times_(config.times ? config.times : std::make_shared<StageTimes>()),
        validators_(std::move(validators)),
        maker_(std::move(maker)),
        tip_(std::move(tip)),
        owes_empty_block_(!proven),  // a crash may have come between a write and the empty block that proves it
        provable_(proven ? tip_.height.value : tip_.height.value - 1),
        height_(tip_.height.value),
        sealed_(!maker_),
        last_block_ns_(clock.monotonic_ns()),
        intake_(replica, clock, config.pending_max, config.epoch_ms, config.block_commands_max) {
    sequencer_ = std::thread([this] { run(); });
  }
  ~LocalOrdering() override { stop(); }

  void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) override {
    if (sealed_) return done(kSealed);
    intake_.submit({organisation, std::move(signed_command), lane, {}, std::move(done)});
  }

  void put_alone(OrganisationId organisation, Make make, UniqueFunction<void(const Result<kernel::Receipt>&)> done) override {
    {
      const std::lock_guard lock(mutex_);
      if (!sealed_ && !ended_ && !alone_) {
        alone_ = Alone{organisation, std::move(make), std::move(done)};
        intake_.wake();
        return;
      }
    }
    if (sealed_) done(refuse_sealed());
    else done(fail(ErrorKind::unavailable, "the ledger was stopped, or its disk failed"));
  }
  bool sealed() const override { return sealed_; }

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
    if (sealed_ && height.value > height_) return voters(replica_.view());
    return validators_;
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

  bool has_quorum() const override { return !failed_ && !sealed_ && !intake_.closed(); }

  void stop() override {
    stopping_ = true;
    std::vector<Pending> left = close_intake();
    if (sequencer_.joinable()) sequencer_.join();
    for (Pending& pending : left) pending.done(Answer{});
    end_waiting();
  }

 private:
  struct Alone {  // a command that wants a block of its own
    OrganisationId organisation;
    Make make;
    UniqueFunction<void(const Result<kernel::Receipt>&)> done;
  };
  static constexpr Answer kSealed{Outcome::sealed, std::nullopt, kSealedAgainMs};

  std::vector<Pending> close_intake() {
    const std::lock_guard one_at_a_time(closing_);
    return intake_.close();
  }

  void run() {
    while (!stopping_ && !sealed_) {
      // What is owed goes out at once, with whatever is ready; otherwise the day's block is the last resort.
      const std::uint64_t deadline = owes_empty_block_ ? 0 : last_block_ns_ + config_.quiet_ms_max * 1'000'000u;
      std::vector<Pending> taken = intake_.take(deadline);
      if (stopping_) {
        for (Pending& pending : taken) pending.done(Answer{});
        return;
      }
      const bool quiet_too_long = clock_.monotonic_ns() >= last_block_ns_ + config_.quiet_ms_max * 1'000'000u;
      if (!taken.empty() || owes_empty_block_ || quiet_too_long) {
        const std::size_t count = taken.size();
        make_block(std::move(taken));
        intake_.answered(count);
      }
      if (auto alone = take_alone()) make_alone(std::move(*alone));
    }
    if (!sealed_) return;
    for (Pending& pending : close_intake()) pending.done(kSealed);
    end_waiting();
  }

  std::optional<Alone> take_alone() {
    const std::lock_guard lock(mutex_);
    return std::exchange(alone_, std::nullopt);
  }

  void make_alone(Alone alone) {
    if (sealed_) return alone.done(refuse_sealed());
    if (tip_.height.value == 0) return alone.done(fail(ErrorKind::precondition, "this ledger has no block yet"));
    const replica::View view = replica_.view();
    const auto newest = read_header(view, tip_.height);
    if (!newest) return alone.done(tl::make_unexpected(newest.error()));
    auto command = alone.make({*newest, view});
    if (!command) return alone.done(tl::make_unexpected(command.error()));
    const kernel::ReceivedCommand received = kernel::receive_bytes(*command);
    const kernel::Code code = replica_.check(received, clock_.now());
    if (!code.ok()) return alone.done(kernel::Receipt{replica_.ledger(), received.digest, code, {}, 0});
    Result<kernel::Receipt> outcome =
        fail(ErrorKind::unavailable, "the disk failed: whether the command stands on the ledger shows the next start");
    std::vector<Pending> one;
    one.push_back({alone.organisation, std::move(*command), Lane::owed, received.digest, [&outcome](const Answer& answer) {
                     if (answer.receipt) outcome = *answer.receipt;
                   }});
    make_block(std::move(one));
    alone.done(outcome);
  }

  // Ends the chain: after the block that grew the ledger, one more, whose header names who signs from then on.
  Result<void> seal(const replica::View& view) {
    const proof::ValidatorSet successors = voters(view);
    CARELEDGER_CHECK(add_block(replica_, *maker_, tip_, {}, clock_.now(), &successors));
    const std::lock_guard lock(mutex_);
    height_ = tip_.height.value;
    sealed_ = true;
    maker_.reset();  // what it has of the key signs nothing any more
    return {};
  }

  bool has_grown(const replica::View& view) const {
    const auto growth = growth_of(view);
    return growth && growth->height() == tip_.height.value;
  }

  void make_block(std::vector<Pending> taken) {
    if (failed_) return answer_unknown(taken);
    LapTimer timer;
    Sealed sealed = envelopes_.seal(std::move(taken));
    std::vector<Bytes> batches;
    for (Envelope& one : sealed.envelopes) batches.push_back(std::move(one.bytes));
    const bool empty = batches.empty();
    times_->envelopes += timer.lap();
    const Bytes app_hash_before = tip_.app_hash;
    const auto added = add_block(replica_, *maker_, tip_, std::move(batches), clock_.now());
    if (!added) return give_up(sealed);
    CARELEDGER_ASSERT(!empty || tip_.app_hash == app_hash_before);  // or empty blocks would follow for ever
    height_ = tip_.height.value;
    last_block_ns_ = clock_.monotonic_ns();
    if (!empty && has_grown(added->view) && !seal(added->view)) return give_up(sealed);
    owes_empty_block_ = !empty && !sealed_;
    times_->header += added->header_ns;
    timer.lap();
    for (Pending& pending : sealed.not_hosted) answer_refused(pending);
    for (std::size_t i = 0; i < sealed.envelopes.size(); ++i) answer(sealed.envelopes[i].commands, added->receipts[i]);
    times_->answers += timer.lap();
    tell_provable(empty || sealed_);
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
    if (auto alone = take_alone()) alone->done(fail(ErrorKind::unavailable, "the ledger was stopped, or its disk failed"));
  }

  void answer_unknown(std::vector<Pending>& taken) {
    for (Pending& pending : taken) pending.done(Answer{});
    last_block_ns_ = clock_.monotonic_ns();
  }

  replica::Replica& replica_;
  const Clock& clock_;
  const Config config_;
  const std::shared_ptr<StageTimes> times_;
  const proof::ValidatorSet validators_;
  std::optional<ChainMaker> maker_;  // the sequencer's
  EnvelopeMaker envelopes_{kernel::kBatchSizeMax};

  Tip tip_;                // the sequencer's
  bool owes_empty_block_;  // the sequencer's

  // Read lately: every proof of a moment wants the same one.
  mutable Recent<std::uint64_t, std::shared_ptr<const proof::SignedHeader>, std::hash<std::uint64_t>> headers_{32};

  mutable std::mutex mutex_;
  std::multimap<std::uint64_t, UniqueFunction<void()>> waiting_;
  std::optional<Alone> alone_;
  bool ended_ = false;      // nothing more becomes provable
  std::uint64_t provable_;  // highest height whose app hash a durable header carries

  std::atomic<std::uint64_t> height_;
  std::atomic<bool> sealed_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::uint64_t last_block_ns_;  // the sequencer's
  std::mutex closing_;           // of the intake's close() alone
  Intake intake_;
  std::thread sequencer_;
};

tl::unexpected<Error> edited(const Tip& tip, const std::string& what) {
  return fail(ErrorKind::corrupt,
              what + " the newest block, " + std::to_string(tip.height.value) + ": somebody changed what is stored; restore from a backup");
}

// Whether the newest header names what the newest block led to. What was edited at rest must not be signed over: that header holds itself,
// the results are those of the block, and one without commands changed nothing.
Result<bool> is_proven(const replica::View& view, const Tip& tip, const proof::ValidatorSet& validators) {
  CARELEDGER_TRY(const proof::SignedHeader newest, read_header(view, tip.height));
  if (const auto held = proof::verify_commit(newest, validators); !held)
    return edited(tip, "the ledger's key did not sign (" + held.error().message + ") the header that is stored of");
  CARELEDGER_TRY(const auto block, view.block(tip.height));
  if (proof::results_hash(replica::results_of(*block)) != tip.results_hash) return edited(tip, "two results are stored, which differ, of");
  const bool proven = newest.header.app_hash == tip.app_hash;
  if (!proven && newest.header.data_hash == proof::data_hash({}))
    return edited(tip, "state and log as they are stored are not those that the header names of");
  return proven;
}

}  // namespace

Result<std::unique_ptr<Local>> start(replica::Replica& replica, crypto::SigningKey validator, const Clock& clock, const Config& config) {
  if (config.epoch_ms < 1 || config.epoch_ms > 3'600'000 || config.block_commands_max < 1)
    return fail(ErrorKind::invalid, "ordering: an epoch lasts 1 ms to one hour, a block holds at least one command");
  std::optional<ChainMaker> maker(std::in_place, kernel::chain_id(replica.ledger()), config.app_version, std::move(validator));
  const replica::View view = replica.view();
  CARELEDGER_TRY(Tip tip, read_tip(view));
  proof::ValidatorSet validators = maker->validators();
  bool proven = true;
  if (tip.height.value > 0) {
    CARELEDGER_TRY(validators, read_validators(view));
    CARELEDGER_TRY(proven, is_proven(view, tip, validators));
  }
  const auto growth = growth_of(view);
  if (growth && tip.height > seal_height(*growth))
    return fail(ErrorKind::precondition, "this ledger has grown into a network, which goes on without this chain");
  const bool is_sealed = growth && tip.height == seal_height(*growth);
  if (!is_sealed && proof::hash_of(validators) != proof::hash_of(maker->validators()))
    return fail(ErrorKind::corrupt,
                "the keystore's validator key is not the one that signed this ledger; restore the keystore of this ledger");
  if (growth && !is_sealed) {  // a crash came between the last command and the seal
    const proof::ValidatorSet successors = voters(view);
    CARELEDGER_CHECK(add_block(replica, *maker, tip, {}, clock.now(), &successors));
    proven = true;
  }
  if (growth) maker.reset();
  return std::unique_ptr<Local>(new LocalOrdering(replica, clock, config, std::move(validators), std::move(maker), std::move(tip), proven));
}

}  // namespace careledger::ordering::local
