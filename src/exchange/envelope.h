// How requests and answers travel: sealed to the receiver's registered key (HPKE, RFC 9180), bound to what they belong to.
//
//   request body = encapsulated key (32) ‖ ciphertext; info "careledger/release-request/1"; associated data ledger ‖ custodian
//   answer body  = the same; info "careledger/release-answer/1"; associated data = SHA-256 of the ReleaseRequest
//
// Pure but for entropy; any thread.
#pragma once

#include "base/clock.h"
#include "crypto/hpke.h"
#include "exchange/messages.pb.h"

namespace careledger::exchange {

inline constexpr std::size_t kRequestBytesMax = 256 * 1024;
inline constexpr std::size_t kAnswerBytesMax = 64u << 20;

Result<Bytes> seal_request(const crypto::SealingKey& to, const LedgerId& ledger, const OrganisationId& custodian, ByteView request,
                           Entropy& entropy);
Result<Bytes> open_request(const crypto::OpeningKey& key, const LedgerId& ledger, const OrganisationId& custodian, ByteView sealed);
Result<Bytes> seal_answer(const crypto::SealingKey& to, const Digest& request, ByteView answer, Entropy& entropy);
Result<Bytes> open_answer(const crypto::OpeningKey& key, const Digest& request, ByteView sealed);

}  // namespace careledger::exchange
