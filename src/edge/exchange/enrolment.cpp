#include "contracts/relationship/relationship.h"
#include "edge/exchange/operations.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"

namespace careledger::edge::exchange {
namespace {

constexpr std::size_t kEnrolmentCharactersMax = 4096;

}  // namespace

std::string enrolment_code(const Enrolment& enrolment) {
  Bytes bytes;
  append_field(bytes, kernel::encode(enrolment.authority));
  append_field(bytes, enrolment.nonce.view());
  return to_base64url(bytes);
}

Result<Enrolment> read_enrolment(std::string_view code) {
  const auto bad = [] {
    return fail(ErrorKind::malformed, "the enrolment code does not read; copy the whole line that `careledger wallet show` prints");
  };
  if (code.size() > kEnrolmentCharactersMax) return bad();
  const auto bytes = from_base64url(code);
  if (!bytes) return bad();
  ByteView in = *bytes;
  const auto authority = take_field(in);
  const auto nonce = take_field(in);
  Enrolment enrolment;
  if (!authority || !nonce || !in.empty() || !kernel::parse_canonical(*authority, enrolment.authority) ||
      !kernel::is_sound(enrolment.authority))
    return bad();
  const auto digest = Digest::from(*nonce);
  if (!digest) return bad();
  enrolment.nonce = *digest;
  return enrolment;
}

std::string handover_code(const HandoverCode& handover) {
  Bytes bytes;
  append_field(bytes, kernel::encode(handover.authority));
  append_field(bytes, handover.account.view());
  append_field(bytes, kernel::encode(handover.proof));
  return to_base64url(bytes);
}

Result<HandoverCode> read_handover_code(std::string_view code, const LedgerId& ledger) {
  const auto bad = [] {
    return fail(ErrorKind::malformed, "the code does not read; copy the whole line that `careledger wallet claim` prints");
  };
  if (code.size() > kEnrolmentCharactersMax) return bad();
  const auto bytes = from_base64url(code);
  if (!bytes) return bad();
  ByteView in = *bytes;
  const auto authority = take_field(in);
  const auto account_bytes = take_field(in);
  const auto proof = take_field(in);
  const auto account = account_bytes ? AccountId::from(*account_bytes) : std::nullopt;
  HandoverCode handover;
  if (!authority || !account || !proof || !in.empty() || !kernel::parse_canonical(*authority, handover.authority) ||
      !kernel::is_sound(handover.authority) || !kernel::parse_canonical(*proof, handover.proof))
    return bad();
  handover.account = *account;
  const auto* key = kernel::find_key(handover.authority, handover.proof.key());
  const auto public_key = key != nullptr ? crypto::PublicKey::from(key->public_key()) : std::nullopt;
  const auto signature = crypto::Signature::from(handover.proof.signature());
  const Bytes message = contracts::relationship::handover_bytes(ledger, *account, handover.authority);
  if (!public_key || !signature || !crypto::verify(*public_key, message, *signature))
    return fail(ErrorKind::invalid, "the code was made for another ledger, or was changed");
  return handover;
}

}  // namespace careledger::edge::exchange
