// Makes the organisation's signed commands: the next sequence number, an expiry, the organisation's key.
//
// Thread-safety: safe from any thread. Sequence numbers start above what the ledger knows and are never reused by one object; one
// object an organisation.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace careledger::vault {

class CommandSigner {
 public:
  virtual ~CommandSigner() = default;
  // Canonical SignedCommand around a canonical payload of a contract.
  virtual Result<Bytes> sign(ContractId contract, Bytes payload) = 0;
};

}  // namespace careledger::vault
