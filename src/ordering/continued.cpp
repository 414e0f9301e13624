#include "ordering/continued.h"

#include <algorithm>

#include "ordering/local/chain_rows.h"

namespace careledger::ordering {
namespace {

class Continued final : public Ordering {
 public:
  Continued(std::unique_ptr<Ordering> engine, const replica::Replica& replica, Grown grown)
      : engine_(std::move(engine)), replica_(replica), grown_(std::move(grown)) {}
  void submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) override {
    engine_->submit(organisation, std::move(signed_command), lane, std::move(done));
  }
  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) override {
    engine_->host(organisation, std::move(signer));
  }
  Result<proof::SignedHeader> header(Height height) const override {
    if (height > grown_.seal_height()) return engine_->header(height);
    const auto kept = std::ranges::find(grown_.headers, static_cast<std::int64_t>(height.value),
                                        [](const proof::SignedHeader& one) { return one.header.height; });
    if (kept != grown_.headers.end()) return *kept;
    auto stored = local::read_header(replica_.view(), height);
    if (stored || stored.error().kind != ErrorKind::not_found) return stored;
    return fail(ErrorKind::not_found, "block " + std::to_string(height.value) +
                                          " is of the chain before this ledger grew into a network: ask " + grown_.owner.name +
                                          ", which had it then");
  }
  Result<proof::ValidatorSet> validators(Height height) const override {
    if (height > grown_.seal_height()) return engine_->validators(height);
    if (height.value == 0) return fail(ErrorKind::not_found, "there is no block 0");
    return grown_.validators;
  }
  Height height() const override { return engine_->height(); }
  void when_provable(Height height, UniqueFunction<void()> done) override { engine_->when_provable(height, std::move(done)); }
  Attendance attendance() const override { return engine_->attendance(); }
  bool has_quorum() const override { return engine_->has_quorum(); }
  void stop() override { engine_->stop(); }

 private:
  const std::unique_ptr<Ordering> engine_;
  const replica::Replica& replica_;
  const Grown grown_;
};

}  // namespace

std::unique_ptr<Ordering> continue_chain(std::unique_ptr<Ordering> engine, const replica::Replica& replica, Grown grown) {
  return std::make_unique<Continued>(std::move(engine), replica, std::move(grown));
}

}  // namespace careledger::ordering
