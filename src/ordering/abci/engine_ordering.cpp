#include "ordering/abci/engine_ordering.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <thread>

#include "kernel/tables.h"
#include "ordering/abci/clock_watch.h"
#include "ordering/abci/sender.h"
#include "ordering/headers_kept.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kTakeCommands = 4096;
constexpr std::uint64_t kQuietBlocks = 3;  // so many empty ones that did not come say that the engine, or the network, is gone

constexpr std::uint64_t kMillisecond = 1'000'000;           // in nanoseconds
constexpr std::uint64_t kAnswersNs = 2'000 * kMillisecond;  // since the newest block that answered something: more says that none come

class EngineOrdering final : public Ordering {
 public:
  EngineOrdering(replica::Replica& replica, Transport& transport, const Clock& clock, EngineConfig config)
      : replica_(replica),
        clock_(clock),
        config_(std::move(config)),
        rpc_(transport),
        application_(replica, with_hooks(config_.application)),
        maker_(config_.batch_bytes, static_cast<std::uint64_t>(clock.now().value)),
        in_flight_(config_.in_flight_max),
        height_(replica.view().height().value),
        last_block_ns_(clock.monotonic_ns()),
        intake_(replica, clock, config_.pending_max, config_.epoch_ms, kTakeCommands),
        sender_(replica, application_.proposals(), clock, transport, intake_, in_flight_, maker_,
                {config_.batch_bytes, config_.repeat_ms, config_.gather_ms}) {}
  ~EngineOrdering() override { stop(); }

  Result<void> begin() {
    provable_ = height_ == 0 ? 0 : height_ - 1;
    app_hash_ = replica_.view().app_hash();
    SocketConfig socket{.path = config_.socket};
    socket.on_fault = [this](const Error& error) {
      if (!is_of_disk(error) && config_.on_fault) config_.on_fault(error);  // a disk's is told by give_up, once
    };
    CARELEDGER_TRY(server_, SocketServer::listen(std::move(socket), application_));
    teller_ = std::thread([this] { tell_loop(); });
    sender_.start();
    return {};
  }

  void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) override {
    intake_.submit({organisation, std::move(signed_command), lane, {}, std::move(done)}, room());
  }
  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) override {
    maker_.host(organisation, std::move(signer));
  }
  Result<proof::SignedHeader> header(Height height) const override {
    CARELEDGER_CHECK(check_header_kept(replica_.view(), height));
    return rpc_.header(height);
  }
  Result<proof::ValidatorSet> validators(Height height) const override {
    CARELEDGER_CHECK(check_header_kept(replica_.view(), height));
    return rpc_.validators(height);
  }
  Height height() const override { return {height_}; }
  void when_provable(Height height, UniqueFunction<void()> done) override;
  Attendance attendance() const override { return application_.attendance(); }
  bool has_quorum() const override;
  void stop() override;

 private:
  struct Told {  // a block that is durable, on its way to those who wait
    replica::View view;
    std::vector<Ordered> envelopes;
  };

  ApplicationConfig with_hooks(ApplicationConfig config) {
    config.now = [this] { return clock_.now(); };
    config.on_commit = [this](const replica::View& view, std::vector<Ordered> envelopes) { committed({view, std::move(envelopes)}); };
    config.on_proposal = [this] { sender_.proposal_came(); };
    config.on_start = [this] { sender_.engine_started(); };
    config.on_failure = [this](const Error& error) { failed(error); };
    config.snapshots.on_fault = [this](const Error& error) {
      if (is_of_disk(error)) failed(error);
      else if (config_.on_fault) config_.on_fault(error);
    };
    return config;
  }
  local::Room room() const;
  void committed(Told block);
  void failed(const Error& error);
  void tell_loop();
  void tell(const Told& block);
  void tell_provable(const replica::View& view);
  void give_up(const Error& error);
  void end_work();
  void answer_rest();

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
  std::optional<Error> failure_;  // of our disk, the first
  std::multimap<std::uint64_t, UniqueFunction<void()>> waiting_;
  std::uint64_t provable_ = 0;  // highest height whose app hash a durable header carries
  bool stopping_ = false;
  bool ended_ = false;  // nothing more becomes provable

  Digest app_hash_;         // the teller's: after the newest block that was told
  ClockWatch clock_watch_;  // the teller's
  std::atomic<std::uint64_t> height_;
  std::atomic<std::uint64_t> last_block_ns_;
  std::atomic<std::uint64_t> last_answer_ns_{0};
  std::atomic<bool> failed_{false};
  local::Intake intake_;
  Sender sender_;
  std::unique_ptr<SocketServer> server_;
  std::mutex stopping_mutex_;         // of stop() alone
  std::mutex ending_;                 // of end_work() alone
  std::vector<local::Pending> left_;  // after end_work(), the teller's and then stop()'s
  std::thread teller_;
};

// As long as blocks answer something: without a quorum everything waits long, and is kept.
local::Room EngineOrdering::room() const {
  local::Room room{config_.pending_max};
  if (clock_.monotonic_ns() > last_answer_ns_ + kAnswersNs) return room;
  room.wait_max_ns = config_.wait_max_ms * kMillisecond;
  room.wait_bytes = config_.batch_bytes;
  room.retry_after_ms = config_.wait_max_ms;
  return room;
}

void EngineOrdering::committed(Told block) {
  const std::lock_guard lock(mutex_);
  told_.push_back(std::move(block));
  changed_.notify_all();
}

void EngineOrdering::failed(const Error& error) {
  if (config_.on_disk) config_.on_disk(error);
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
  failed_ = true;
  changed_.notify_all();
}

void EngineOrdering::tell_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || failure_ || !told_.empty(); });
    if (told_.empty()) break;
    const Told block = std::move(told_.front());
    told_.pop_front();
    lock.unlock();
    tell(block);
    lock.lock();
  }
  if (stopping_ || !failure_) return;
  lock.unlock();
  give_up(*failure_);
}

void EngineOrdering::tell(const Told& block) {
  height_ = block.view.height().value;
  last_block_ns_ = clock_.monotonic_ns();
  const auto ahead_ms = clock_watch_.block(block.view.time(), clock_.now(), last_block_ns_);
  if (ahead_ms && config_.on_clock) config_.on_clock(*ahead_ms);
  Settled settled = in_flight_.finalise(block.envelopes);
  for (Answered& one : settled.answered) {
    kernel::Receipt& receipt = *one.answer.receipt;
    if (!kernel::consumes_number(receipt.code))
      if (const auto first = block.view.find_receipt(receipt.command); first && *first) receipt = **first;
    one.done(one.answer);
  }
  intake_.answered(settled.answered.size());
  if (!settled.answered.empty()) last_answer_ns_ = last_block_ns_.load();
  if (!settled.again.empty()) intake_.put_back(std::move(settled.again));
  sender_.block_ended();
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
  const std::uint64_t now = clock_.monotonic_ns();
  const auto oldest = in_flight_.oldest_ns();
  const bool waits_long = oldest && now - *oldest > config_.quorum_ms * kMillisecond;
  const bool quiet = now > last_block_ns_ + kQuietBlocks * config_.empty_block_ms * kMillisecond;
  return !waits_long && !quiet && server_->connections() > 0 && !failed_ && !intake_.closed();
}

// The engine finds nobody any more: it would replay the block that failed, end, and be started again, for ever.
void EngineOrdering::give_up(const Error& error) {
  end_work();
  answer_rest();
  if (config_.on_fault) config_.on_fault(error);
}

// After this nothing is taken, given or committed any more.
void EngineOrdering::end_work() {
  const std::lock_guard one_at_a_time(ending_);
  std::ranges::move(intake_.close(), std::back_inserter(left_));
  sender_.stop();
  std::ranges::move(sender_.left(), std::back_inserter(left_));
  if (server_) server_->stop();
  application_.snapshots().stop();
}

void EngineOrdering::answer_rest() {
  for (local::Pending& pending : left_) pending.done(Answer{});
  left_.clear();
  for (local::Pending& pending : in_flight_.take_all()) pending.done(Answer{});
  std::multimap<std::uint64_t, UniqueFunction<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    waiting_.swap(waiting);
  }
  for (auto& [height, done] : waiting) done();
}

void EngineOrdering::stop() {
  const std::lock_guard one_at_a_time(stopping_mutex_);
  end_work();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (teller_.joinable()) teller_.join();  // has told what was durable by then
  answer_rest();
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
