// Receipts for strangers: that an entry stands in the ledger's log, as a text that other people's tools check (c2sp.org/tlog-proof v1).
// What the entry means for a record only a proof bundle shows (proof/bundle.h).
//
// A receipt of ours carries the entry's data (command_leaf) as its extra data. Nobody signed that line, and nobody needs to: another entry
// would not lead to the checkpoint's root.
//
// Thread-safety: values; free functions are pure.
#pragma once

#include "proof/checkpoint.h"
#include "proof/log.h"
#include "proof/trust.h"

namespace careledger::proof {

inline constexpr std::string_view kTlogProofHead = "c2sp.org/tlog-proof@v1\n";
inline constexpr std::size_t kMaxTlogProof = 128 * 1024;  // bytes

struct TlogProof {
  Bytes extra;  // empty: the line is missing
  std::uint64_t index = 0;
  Path path;
  Bytes checkpoint;  // a signed note
};
Bytes encode(const TlogProof& proof);
// too_large; malformed unless the bytes are exactly what encode() gives. The note in it is not looked at.
Result<TlogProof> parse_tlog_proof(ByteView bytes);

struct Receipt {
  Digest command;  // command_digest of what was ordered
  Height height;
  std::uint32_t position = 0;  // in its block
  std::uint64_t index = 0;     // in the log
  SignedCheckpoint signed_checkpoint;
};
// invalid, with what fails: not the log's signature, too few witnesses, no entry of ours, one that is not in this log.
Result<Receipt> verify_receipt(ByteView bytes, const Trust& trust);

}  // namespace careledger::proof
