// Carries a sealed request to another organisation and brings its sealed answer back. exchange/ says what; the edge says how (HTTP under
// the organisation's signature); apps/ connects them.
//
// Thread-safety: send() from any thread; it blocks for the network, so never on an I/O thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"

namespace careledger::exchange {

class Courier {
 public:
  virtual ~Courier() = default;
  // The answer's body as it came. not_found: no address of that organisation is known; unavailable, cancelled: it does not answer (it may
  // have acted nonetheless); forbidden, busy, too_large: it said so.
  virtual Result<Bytes> send(const OrganisationId& to, ByteView sealed) = 0;
};

}  // namespace careledger::exchange
