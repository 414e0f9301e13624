// An ordering that another one follows while everybody who borrowed it goes on: an embedded ledger's own, then the engine's of the network
// into which it grew.
//
// Thread-safety: as Ordering says; follow() once, beside everything else.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "ordering/ordering.h"

namespace careledger::ordering {

class Succession final : public Ordering {
 public:
  explicit Succession(std::unique_ptr<Ordering> first) : first_(std::move(first)), now_(first_.get()) {}

  // From now on `next` is asked, which hosts whom the first one hosted; borrowed until this is asked nothing more. The first one must have
  // ended: it answers what reaches it meanwhile, and keeps nobody waiting.
  void follow(Ordering& next);

  void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) override;
  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) override;
  Result<proof::SignedHeader> header(Height height) const override { return now().header(height); }
  Result<proof::ValidatorSet> validators(Height height) const override { return now().validators(height); }
  Height height() const override { return now().height(); }
  void when_provable(Height height, UniqueFunction<void()> done) override { now().when_provable(height, std::move(done)); }
  Attendance attendance() const override { return now().attendance(); }
  bool has_quorum() const override { return now().has_quorum(); }
  void stop() override;  // both

 private:
  Ordering& now() const { return *now_.load(std::memory_order_acquire); }

  const std::unique_ptr<Ordering> first_;  // somebody may still be inside it after another one followed
  std::atomic<Ordering*> now_;
  std::mutex hosting_;  // so that the next one misses nobody
  std::map<OrganisationId, std::shared_ptr<const BatchSigner>> signers_;
};

}  // namespace careledger::ordering
