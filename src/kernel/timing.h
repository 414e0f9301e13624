// Times that tell little. When a command is asked for is nobody's business but the asker's, and its bytes stand on the ledger for ever.
//
// Pure. All times are milliseconds since 1970.
#pragma once

#include "base/ids.h"

namespace careledger::kernel {

inline constexpr std::int64_t kExpiryGridMs = 15 * 60 * 1000;

// When the epoch that `now` lies in is over. Epochs begin at multiples of their length, for everybody alike, so that the end of one tells
// nothing of what happened in it. Always later than `now`.
constexpr BlockTime epoch_end(BlockTime now, std::uint32_t epoch_ms) { return {(now.value / epoch_ms + 1) * epoch_ms}; }

// The expiry of a command that should reach a block at `due`: a full quarter of an hour, 30 to 45 minutes later. To the millisecond it
// would give away the moment of signing, and how far the signer's clock is off, which is the same for all pseudonyms of one device.
constexpr BlockTime coarse_expiry(BlockTime due) { return {(due.value / kExpiryGridMs + 3) * kExpiryGridMs}; }

}  // namespace careledger::kernel
