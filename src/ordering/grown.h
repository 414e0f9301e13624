// The end of an embedded ledger's chain and the beginning of the network's that it grew into: what the owner hands to those who come, and
// what every member starts its engine from for ever. With the state's pieces behind it, it is the file that `network found --grown` takes
// (docs/formats/network.md).
//
// Thread-safety: values; pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "proof/chain.h"

namespace careledger::ordering {

inline constexpr std::size_t kGrownBytesMax = 24u << 20;

struct GrownOwner {
  OrganisationId organisation;
  std::string name;
  crypto::PublicKey node;
  std::string listen;
  std::string api;
  BlockTime described;
};

struct Grown {
  Bytes founding;
  std::vector<proof::SignedHeader> headers;  // three: the block before the last command, its block, and the seal
  proof::ValidatorSet validators;            // who signed them: one
  proof::ValidatorSet successors;
  Bytes snapshot;                   // its header
  std::vector<Bytes> descriptions;  // of who came
  GrownOwner owner;

  const proof::Header& seal() const { return headers.back().header; }
  Height seal_height() const { return {static_cast<std::uint64_t>(seal().height)}; }
};

Bytes encode(const Grown& grown);
// Strict. malformed; newer_format; invalid, naming what does not fit: a header that is not signed or not after the one before, of another
// ledger, or one that names others as its successors. Nothing is said of the state, which proves itself against the seal.
Result<Grown> decode_grown(ByteView bytes);

// What people read to each other before anybody serves: whoever has the same has the same network.
Digest number_of(ByteView grown);

}  // namespace careledger::ordering
