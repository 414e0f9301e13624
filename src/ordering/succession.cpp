#include "ordering/succession.h"

#include "base/assert.h"

namespace careledger::ordering {

void Succession::follow(Ordering& next) {
  const std::lock_guard lock(hosting_);
  CARELEDGER_ASSERT(&now() == first_.get());
  for (const auto& [organisation, signer] : signers_) next.host(organisation, signer);
  now_.store(&next, std::memory_order_release);
}

void Succession::submit(OrganisationId organisation, Bytes signed_command, Lane lane, UniqueFunction<void(const Answer&)> done) {
  now().submit(organisation, std::move(signed_command), lane, std::move(done));
}

void Succession::host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer) {
  const std::lock_guard lock(hosting_);
  now().host(organisation, signer);
  signers_[organisation] = std::move(signer);
}

void Succession::stop() {
  first_->stop();
  now().stop();
}

}  // namespace careledger::ordering
