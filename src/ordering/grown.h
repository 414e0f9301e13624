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
#include "contracts/governance/governance.h"
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
  Bytes batch;  // the founder's last command, in the envelope in which it stands in its block
  crypto::Signature signature;

  const proof::Header& seal() const { return headers.back().header; }
  Height seal_height() const { return {static_cast<std::uint64_t>(seal().height)}; }
};

Bytes encode(const Grown& grown);
// What the owner signs, with the key by which it votes from then on: everything but that signature.
Bytes grown_sign_bytes(const Grown& grown);

// Strict. malformed; newer_format; unsupported: of an earlier build; invalid, naming what does not fit: a header that is not signed or not
// after the one before, of another ledger, or one that names others as its successors. unauthenticated: it is not the owner's.
//
// What makes it the owner's: its last command is signed by the founder whom the founding document names, and commits to the members with
// their votes and keys, to the height, and to the header before it. That header names who signs the next two, of which the second, the
// seal, has the state and who signs after it; and the owner's seat in the command names the key that signed all the rest. So nothing can be
// another without the founder's key. Nothing is said of the state's rows, which prove themselves against the seal.
Result<Grown> decode_grown(ByteView bytes);

// The last command of what decode_grown() gave.
contracts::governance::Grow last_command(const Grown& grown);

// What people read to each other before anybody serves: whoever has the same has the same network.
Digest number_of(ByteView grown);

}  // namespace careledger::ordering
