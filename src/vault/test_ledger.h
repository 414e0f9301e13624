// A ledger that answers as told, in place of ordering and replica. For tests of src/vault.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "contracts/access/access.h"
#include "contracts/records/records.h"
#include "kernel/command.h"
#include "kernel/sign.h"
#include "ordering/ordering.h"
#include "vault/signer.h"

namespace careledger::vault {

class TestSigner final : public CommandSigner {
 public:
  Result<Bytes> sign(ContractId contract, Bytes payload) override {
    const std::lock_guard lock(mutex_);
    kernel::CommandOrder order;
    order.sequence = ++sequence_;
    order.expires = {1'000};
    order.contract = contract;
    return kernel::sign_command(order, payload, kernel::Signer{1, &key_}).SerializeAsString();
  }

 private:
  std::mutex mutex_;
  std::uint64_t sequence_ = 0;
  crypto::SigningKey key_ = crypto::SigningKey::generate(system_entropy());
};

class TestLedger final : public ordering::Ordering {
 public:
  // What the next submissions get; the last one stays. Default: final, ok.
  using Rule = std::function<ordering::Answer(const kernel::ReceivedCommand&)>;
  void answer_with(Rule rule) {
    const std::lock_guard lock(mutex_);
    rule_ = std::move(rule);
  }
  void hold(bool held) {  // takes commands and says nothing, until let go
    std::vector<UniqueFunction<void()>> due;
    {
      const std::lock_guard lock(mutex_);
      held_ = held;
      if (!held) due.swap(waiting_);
    }
    for (auto& one : due) one();
  }

  void submit(OrganisationId, Bytes signed_command, ordering::Lane, UniqueFunction<void(const ordering::Answer&)> done) override {
    std::unique_lock lock(mutex_);
    const kernel::ReceivedCommand command = kernel::receive_bytes(signed_command);
    ordering::Answer answer = judge(command, signed_command);
    ++submissions_;
    changed_.notify_all();
    if (held_) {
      waiting_.push_back([done = std::move(done), answer]() mutable { done(answer); });
      return;
    }
    lock.unlock();
    done(answer);
  }

  std::vector<kernel::ReceivedCommand> commands() const {  // those that came to be final with code ok
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  void wait_for_submissions(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return submissions_ >= count; });
  }
  std::size_t submissions() const {
    const std::lock_guard lock(mutex_);
    return submissions_;
  }

  void host(OrganisationId, std::shared_ptr<const ordering::BatchSigner>) override {}
  Result<proof::SignedHeader> header(Height) const override { return fail(ErrorKind::not_found, "none here"); }
  Result<proof::ValidatorSet> validators(Height) const override { return fail(ErrorKind::not_found, "none here"); }
  Height height() const override { return {}; }
  void when_provable(Height, UniqueFunction<void()> done) override { done(); }
  bool has_quorum() const override { return true; }
  void stop() override {}

 private:
  ordering::Answer judge(const kernel::ReceivedCommand& command, const Bytes& bytes) {
    if (const auto known = receipts_.find(bytes); known != receipts_.end()) return {ordering::Outcome::final, known->second, 0};
    ordering::Answer answer;
    if (rule_) {
      answer = rule_(command);
    } else {
      answer.outcome = ordering::Outcome::final;
      answer.receipt = kernel::Receipt{};
    }
    if (answer.outcome != ordering::Outcome::final) return answer;
    answer.receipt->command = command.digest;
    answer.receipt->height = {++height_};
    if (answer.receipt->code.ok()) commands_.push_back(command);
    receipts_.emplace(bytes, *answer.receipt);
    return answer;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Rule rule_;
  bool held_ = false;
  std::vector<UniqueFunction<void()>> waiting_;
  std::vector<kernel::ReceivedCommand> commands_;
  std::map<Bytes, kernel::Receipt> receipts_;
  std::uint64_t height_ = 0;
  std::size_t submissions_ = 0;
};

}  // namespace careledger::vault
