// The kernel's own result codes (contract 0): what no contract judges. In the order in which they win; numbers are never reused.
#pragma once

#include <array>

#include "kernel/contract.h"

namespace careledger::kernel {

inline constexpr ContractId kKernel{0};

enum class KernelCode : std::uint16_t {
  ok = 0,
  too_large = 1,     // over 64 KiB
  malformed = 2,     // does not parse, not canonical, unknown fields, a field of the wrong size
  wrong_ledger = 3,  // signed for another ledger
  unknown_contract = 4,
  contract_not_active = 5,  // arrives with a later protocol version
  expired = 6,              // expires_ms is at or before the block's time
  expiry_too_far = 7,       // expires_ms is more than an hour after the block's time
  unknown_actor = 8,
  actor_not_active = 9,    // suspended or ended
  bad_signature = 10,      // one of the signatures does not hold, or its key is unknown, of another role, not valid now
  threshold_not_met = 11,  // all hold, and they are too few
  replayed = 12,           // this number of the actor was consumed before
  sequence_too_old = 13,   // more than 256 below the actor's highest
  payload_malformed = 14,  // from here on the number is consumed
  limit_exceeded = 15,     // reads or writes more rows than one command may
  too_deep = 16,           // a new row would lie too deep in the Merkle map
  invariant_broken = 17,   // a rule of some contract about rows was about to break; a bug, contained
};

inline constexpr std::array<CodeName, 18> kKernelCodes{{
    {0, "ok"},
    {1, "too_large"},
    {2, "malformed"},
    {3, "wrong_ledger"},
    {4, "unknown_contract"},
    {5, "contract_not_active"},
    {6, "expired"},
    {7, "expiry_too_far"},
    {8, "unknown_actor"},
    {9, "actor_not_active"},
    {10, "bad_signature"},
    {11, "threshold_not_met"},
    {12, "replayed"},
    {13, "sequence_too_old"},
    {14, "payload_malformed"},
    {15, "limit_exceeded"},
    {16, "too_deep"},
    {17, "invariant_broken"},
}};

// Whether a command that got this used its number up: then it is the answer to its bytes for ever. Every other code is about one copy of
// them in one block: anybody can put somebody's bytes under a bad signature into an envelope.
constexpr bool consumes_number(Code code) {
  return code.contract != kKernel || code.number == 0 || code.number >= static_cast<std::uint16_t>(KernelCode::payload_malformed);
}

constexpr Code code_of(KernelCode code) { return {kKernel, static_cast<std::uint16_t>(code)}; }

}  // namespace careledger::kernel
