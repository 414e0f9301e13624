// The trust file: what a verifier believes before it reads a bundle (docs/formats/trust-file.md). JSON text, strict.
//
// Thread-safety: values; free functions are pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proof/chain.h"
#include "proof/checkpoint.h"

namespace careledger::proof {

inline constexpr std::string_view kTrustFormat = "careledger-trust/1";
inline constexpr std::size_t kMaxTrustFile = 1u << 20;  // bytes

// The block whose validators the file names, and how long after it they are believed.
struct TrustAnchor {
  Height height;
  Digest hash;                         // of its header
  BlockTime time;                      // of its header
  std::int64_t trusting_period_s = 0;  // 1 or more; it ends within year 9999
  BlockTime ends() const { return {time.value + trusting_period_s * 1000}; }
};

struct Trust {
  LedgerId ledger;
  std::string chain_id;
  ValidatorSet validators;              // sorted
  std::optional<NoteKey> log;           // who signs checkpoints; bundles with a checkpoint need it
  std::vector<NoteKey> witnesses;       // kind cosignature; no key and no name twice
  std::uint32_t quorum = 0;             // how many of them must have cosigned; at most their number
  std::optional<TrustAnchor> anchor{};  // without it they are believed whatever the clock says
};

// malformed, with the member that is wrong: unknown members, wrong types and missing ones are refused.
Result<Trust> parse_trust(ByteView text);
std::string to_text(const Trust& trust);  // indented JSON with a newline at the end; parse_trust gives the same again

// A checkpoint of this ledger's log, and who stands behind it.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::size_t witnesses = 0;  // of the trust file's that cosigned
  std::size_t others = 0;     // signatures of keys that the trust file does not know, or given twice: they say nothing
};
// invalid unless the log's key signed it and every signature of a known key holds; malformed.
Result<SignedCheckpoint> open_checkpoint(ByteView note, const Trust& trust);

}  // namespace careledger::proof
