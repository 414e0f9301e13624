#include "exchange/envelope.h"

namespace careledger::exchange {
namespace {

constexpr ByteView kRequestInfo = "careledger/release-request/1";
constexpr ByteView kAnswerInfo = "careledger/release-answer/1";
constexpr std::size_t kEncapsulated = 32;

Result<Bytes> seal(const crypto::SealingKey& to, ByteView info, ByteView bound, ByteView plain, Entropy& entropy) {
  CARELEDGER_TRY(const crypto::Sealed sealed, crypto::hpke_seal(to, info, bound, plain, entropy));
  return sealed.encapsulated + sealed.ciphertext;
}

Result<Bytes> open(const crypto::OpeningKey& key, ByteView info, ByteView bound, ByteView bytes, std::size_t size_max) {
  if (bytes.size() > size_max + kEncapsulated + 16) return fail(ErrorKind::too_large, "a sealed message is over its limit");
  if (bytes.size() < kEncapsulated) return fail(ErrorKind::malformed, "a sealed message is too short");
  return crypto::hpke_open(key, {Bytes(bytes.substr(0, kEncapsulated)), Bytes(bytes.substr(kEncapsulated))}, info, bound);
}

}  // namespace

Result<Bytes> seal_request(const crypto::SealingKey& to, const LedgerId& ledger, const OrganisationId& custodian, ByteView request,
                           Entropy& entropy) {
  return seal(to, kRequestInfo, ledger.bytes() + custodian.bytes(), request, entropy);
}
Result<Bytes> open_request(const crypto::OpeningKey& key, const LedgerId& ledger, const OrganisationId& custodian, ByteView sealed) {
  return open(key, kRequestInfo, ledger.bytes() + custodian.bytes(), sealed, kRequestBytesMax);
}
Result<Bytes> seal_answer(const crypto::SealingKey& to, const Digest& request, ByteView answer, Entropy& entropy) {
  return seal(to, kAnswerInfo, request.view(), answer, entropy);
}
Result<Bytes> open_answer(const crypto::OpeningKey& key, const Digest& request, ByteView sealed) {
  return open(key, kAnswerInfo, request.view(), sealed, kAnswerBytesMax);
}

}  // namespace careledger::exchange
