#include "ordering/abci/engine_ordering.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <thread>

#include "kernel/tables.h"
#include "ordering/abci/in_flight.h"
#include "ordering/abci/proposal.h"
#include "ordering/envelopes.h"
#include "ordering/local/intake.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kSenders = 4;  // the engine answers a submission after up to 20 ms
constexpr std::uint64_t kNever = UINT64_MAX / 2;
constexpr std::uint64_t kRetryNs = 200'000'000;  // when the engine is full or away
constexpr std::chrono::milliseconds kTick{100};  // between looks at what is due again
constexpr std::size_t kTakeCommands = 4096;

class EngineOrdering final : public Ordering {
 public:
  EngineOrdering(replica::Replica& replica, Transport& transport, const Clock& clock, EngineConfig config)
      : replica_(replica),
        clock_(clock),
        config_(std::move(config)),
        rpc_(transport),
        application_(replica, with_hook(config_.application)),
        maker_(config_.batch_bytes),
        in_flight_(config_.in_flight_max),
        height_(replica.view().height().value),
        intake_(replica, clock, config_.pending_max, config_.epoch_ms, kTakeCommands) {}
  ~EngineOrdering() override { stop(); }

  Result<void> begin() {
    provable_ = height_ == 0 ? 0 : height_ - 1;
    app_hash_ = replica_.view().app_hash();
    SocketConfig socket{.path = config_.socket, .on_fault = config_.on_fault};
    CARELEDGER_TRY(server_, SocketServer::listen(std::move(socket), application_));
    teller_ = std::thread([this] { tell_loop(); });
    repeater_ = std::thread([this] { repeat_loop(); });
    for (std::size_t i = 0; i < kSenders; ++i) senders_.emplace_back([this] { send_loop(); });
    return {};
  }

  void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) override {
    intake_.submit({organisation, std::move(signed_command), lane, {}, std::move(done)});
  }
  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) override {
    maker_.host(organisation, std::move(signer));
  }
  Result<proof::SignedHeader> header(Height height) const override { return rpc_.header(height); }
  Result<proof::ValidatorSet> validators(Height height) const override { return rpc_.validators(height); }
  Height height() const override { return {height_}; }
  void when_provable(Height height, UniqueFunction<void()> done) override;
  bool has_quorum() const override;
  void stop() override;

 private:
  struct Told {  // a block that is durable, on its way to those who wait
    replica::View view;
    std::vector<kernel::Receipt> receipts;
  };

  ApplicationConfig with_hook(ApplicationConfig config) {
    config.now = [this] { return clock_.now(); };
    config.on_commit = [this](const replica::View& view, std::vector<kernel::Receipt> receipts) { committed({view, std::move(receipts)}); };
    return config;
  }
  void committed(Told block);
  void tell_loop();
  void tell(const Told& block);
  void tell_provable(const replica::View& view);
  void send_loop();
  void give(std::uint64_t number, const Bytes& envelope);
  void settle(std::uint64_t number, kernel::KernelCode code);
  void repeat_loop();
  void repeat(const InFlight::Again& again);
  Answer answer_for(const Digest& command, kernel::KernelCode code) const;

  replica::Replica& replica_;
  const Clock& clock_;
  const EngineConfig config_;
  mutable EngineRpc rpc_;
  Application application_;
  EnvelopeMaker maker_;
  InFlight in_flight_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Told> told_;
  std::multimap<std::uint64_t, UniqueFunction<void()>> waiting_;
  std::uint64_t provable_ = 0;  // highest height whose app hash a durable header carries
  bool stopping_ = false;
  bool ended_ = false;  // nothing more becomes provable

  Digest app_hash_;  // the teller's: after the newest block that was told
  std::atomic<std::uint64_t> height_;
  local::Intake intake_;
  std::unique_ptr<SocketServer> server_;
  std::thread teller_;
  std::thread repeater_;
  std::vector<std::thread> senders_;
};

void EngineOrdering::committed(Told block) {
  const std::lock_guard lock(mutex_);
  told_.push_back(std::move(block));
  changed_.notify_all();
}

void EngineOrdering::tell_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !told_.empty(); });
    if (told_.empty()) return;
    const Told block = std::move(told_.front());
    told_.pop_front();
    lock.unlock();
    tell(block);
    lock.lock();
  }
}

void EngineOrdering::tell(const Told& block) {
  height_ = block.view.height().value;
  std::vector<Answered> answered = in_flight_.finalise(block.receipts);
  for (Answered& one : answered) {
    if (one.answer.receipt->code == kernel::code_of(kernel::KernelCode::replayed))
      if (const auto first = block.view.find_receipt(one.answer.receipt->command); first && *first) one.answer.receipt = **first;
    one.done(one.answer);
  }
  intake_.answered(answered.size());
  tell_provable(block.view);
}

// A header carries the app hash of the block before; when that is still the state's, the block proves itself.
void EngineOrdering::tell_provable(const replica::View& view) {
  const bool changed = view.app_hash() != std::exchange(app_hash_, view.app_hash());
  std::vector<UniqueFunction<void()>> due;
  {
    const std::lock_guard lock(mutex_);
    provable_ = changed ? view.height().value - 1 : view.height().value;
    const auto end = waiting_.upper_bound(provable_);
    for (auto it = waiting_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    waiting_.erase(waiting_.begin(), end);
  }
  for (auto& done : due) done();
}

void EngineOrdering::when_provable(Height height, UniqueFunction<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (height.value > provable_ && !ended_) {
      waiting_.emplace(height.value, std::move(done));
      return;
    }
  }
  done();
}

bool EngineOrdering::has_quorum() const {
  const auto oldest = in_flight_.oldest_ns();
  const bool waits_long = oldest && clock_.monotonic_ns() - *oldest > config_.quorum_ms * std::uint64_t{1'000'000};
  return !waits_long && server_->connections() > 0 && !intake_.closed();
}

void EngineOrdering::send_loop() {
  while (in_flight_.wait_for_room()) {
    std::vector<local::Pending> taken = intake_.take(kNever);
    if (taken.empty() && intake_.closed()) return;
    Sealed sealed = maker_.seal(std::move(taken));
    for (local::Pending& pending : sealed.not_hosted) pending.done(answer_for(pending.digest, kernel::KernelCode::actor_not_active));
    intake_.answered(sealed.not_hosted.size());
    for (Envelope& one : sealed.envelopes) {
      const std::uint64_t now = clock_.monotonic_ns();
      const Bytes bytes = one.bytes;
      const std::uint64_t number =
          in_flight_.add(std::move(one.bytes), std::move(one.commands), now, now + config_.repeat_ms * std::uint64_t{1'000'000});
      give(number, bytes);
    }
  }
}

void EngineOrdering::give(std::uint64_t number, const Bytes& envelope) {
  const auto admitted = rpc_.submit(envelope);
  if (!admitted || admitted->admission == Admission::full) return in_flight_.set_due(number, clock_.monotonic_ns() + kRetryNs);
  if (admitted->admission == Admission::refused) settle(number, static_cast<kernel::KernelCode>(admitted->code));
}

// The envelope will not stand in a block any more: what its commands became before stands in their receipts.
void EngineOrdering::settle(std::uint64_t number, kernel::KernelCode code) {
  std::vector<local::Pending> left = in_flight_.remove(number);
  for (local::Pending& pending : left) pending.done(answer_for(pending.digest, code));
  intake_.answered(left.size());
}

Answer EngineOrdering::answer_for(const Digest& command, kernel::KernelCode code) const {
  if (const auto first = replica_.view().find_receipt(command); first && *first) return {Outcome::final, **first, 0};
  return {Outcome::refused, kernel::Receipt{replica_.ledger(), command, kernel::code_of(code), {}, 0}, 0};
}

void EngineOrdering::repeat_loop() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kTick, [this] { return stopping_; })) {
    lock.unlock();
    const std::uint64_t now = clock_.monotonic_ns();
    for (const InFlight::Again& again : in_flight_.take_due(now, now + config_.repeat_ms * std::uint64_t{1'000'000})) repeat(again);
    lock.lock();
  }
}

// The engine remembers what it saw, even what it dropped later: so we judge ourselves before we ask it again.
void EngineOrdering::repeat(const InFlight::Again& again) {
  const auto code = judge_envelope(replica_, again.envelope, std::max(replica_.view().time(), clock_.now()));
  if (!code) return;  // our disk: the engine's connection says so
  if (*code == kernel::KernelCode::ok) give(again.number, again.envelope);
  else settle(again.number, *code);
}

void EngineOrdering::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    stopping_ = ended_ = true;
    changed_.notify_all();
  }
  std::vector<local::Pending> left = intake_.close();
  in_flight_.refuse();
  if (server_) server_->stop();  // after this nothing is committed any more
  if (teller_.joinable()) teller_.join();
  if (repeater_.joinable()) repeater_.join();
  for (std::thread& sender : senders_) sender.join();
  std::vector<local::Pending> given = in_flight_.take_all();
  for (auto* some : {&left, &given})
    for (local::Pending& pending : *some) pending.done(Answer{});
  std::multimap<std::uint64_t, UniqueFunction<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting_.swap(waiting);
  }
  for (auto& [height, done] : waiting) done();
}

}  // namespace

Result<std::unique_ptr<Ordering>> start(replica::Replica& replica, Transport& transport, const Clock& clock, EngineConfig config) {
  if (config.epoch_ms < 1 || config.epoch_ms > 3'600'000 || config.in_flight_max < 1 || config.batch_bytes < kernel::kCommandSizeMax)
    return fail(ErrorKind::invalid, "ordering: an epoch lasts 1 ms to one hour, and a batch has room for the largest command");
  auto ordering = std::make_unique<EngineOrdering>(replica, transport, clock, std::move(config));
  CARELEDGER_CHECK(ordering->begin());
  return std::unique_ptr<Ordering>(std::move(ordering));
}

}  // namespace careledger::ordering::abci
