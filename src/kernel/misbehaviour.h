// What an engine says of a validator, with a proof that it has checked itself: that it contradicted itself. A value, as the engine gave it,
// sound or not; the block that it stands in holds it, so that every node judges the same.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"

namespace careledger::kernel {

enum class MisbehaviourKind : std::uint32_t {
  two_votes = 1,            // in one step
  light_client_attack = 2,  // signed a header that is not the chain's
};

struct Misbehaviour {
  Bytes validator;  // address: the first 20 bytes of the SHA-256 of its key
  std::uint32_t kind = 0;
  std::int64_t height = 0;                  // of the misdeed
  BlockTime time;                           // of the misdeed; 0 when the engine gave none of this era
  std::int64_t power = 0, total_power = 0;  // its votes there, and all votes

  bool is(MisbehaviourKind which) const { return kind == static_cast<std::uint32_t>(which); }
  friend bool operator==(const Misbehaviour&, const Misbehaviour&) = default;
};

// An address, a known kind, and a height below that of the block it stands in. Of anything else the ledger keeps nothing but the block.
inline bool is_sound(const Misbehaviour& misbehaviour, Height block) {
  const bool known = misbehaviour.is(MisbehaviourKind::two_votes) || misbehaviour.is(MisbehaviourKind::light_client_attack);
  return known && misbehaviour.validator.size() == 20 && misbehaviour.height > 0 &&
         static_cast<std::uint64_t>(misbehaviour.height) < block.value;
}

}  // namespace careledger::kernel
