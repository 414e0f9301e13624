// Puts commands into their organisations' signed envelopes of bounded size.
//
// Thread-safety: safe from any thread.
#pragma once

#include <map>
#include <mutex>

#include "ordering/envelope.pb.h"
#include "ordering/local/lanes.h"

namespace careledger::ordering {

struct Envelope {
  Bytes bytes;  // an encoded SignedBatch
  std::vector<local::Pending> commands;
};

struct Sealed {
  std::vector<Envelope> envelopes;
  std::vector<local::Pending> not_hosted;  // of organisations that nobody signs for here
};

class EnvelopeMaker {
 public:
  // `bytes_max`: of an envelope, at most kernel::kBatchSizeMax; a single command may make it larger, up to that.
  // `number`: the first envelope gets the next one. Two with the same commands and number are the same bytes.
  explicit EnvelopeMaker(std::size_t bytes_max, std::uint64_t number = 0);
  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner> signer);
  Sealed seal(std::vector<local::Pending> commands);  // in order within an organisation

 private:
  Bytes sign(const OrganisationId& organisation, const BatchSigner& signer, EncodedBatch batch);

  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::map<OrganisationId, std::shared_ptr<const BatchSigner>> signers_;
  std::uint64_t sequence_;
};

}  // namespace careledger::ordering
