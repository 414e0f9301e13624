#include "ordering/resting.h"

namespace careledger::ordering {
namespace {

constexpr std::uint32_t kAgainMs = 60'000;

tl::unexpected<Error> away() { return fail(ErrorKind::unavailable, "the engine of this node does not run: start the node"); }

class Resting final : public Ordering {
 public:
  explicit Resting(const replica::Replica& replica) : replica_(replica) {}
  void submit(OrganisationId, Bytes, Lane, UniqueFunction<void(const Answer&)> done) override {
    done(Answer{Outcome::busy, std::nullopt, kAgainMs});
  }
  void host(OrganisationId, std::shared_ptr<const BatchSigner>) override {}
  Result<proof::SignedHeader> header(Height) const override { return away(); }
  Result<proof::ValidatorSet> validators(Height) const override { return away(); }
  Height height() const override { return replica_.view().height(); }
  void when_provable(Height, UniqueFunction<void()> done) override { done(); }
  bool has_quorum() const override { return false; }
  void stop() override {}

 private:
  const replica::Replica& replica_;
};

}  // namespace

std::unique_ptr<Ordering> rest(const replica::Replica& replica) { return std::make_unique<Resting>(replica); }

}  // namespace careledger::ordering
