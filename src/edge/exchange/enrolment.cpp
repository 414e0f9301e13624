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

}  // namespace careledger::edge::exchange
