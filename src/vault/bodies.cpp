#include "vault/bodies.h"

#include "crypto/aead.h"
#include "vault/compress.h"
#include "vault/encoding.h"

namespace careledger::vault {
namespace {

constexpr char kFormat = 1;

Bytes associated_data(const OrganisationId& organisation, const BodyName& name) {
  Bytes out;
  append_field(out, "careledger/body/1");
  append_field(out, organisation.view());
  append_field(out, name.type);
  append_field(out, name.id);
  append_u32(out, name.version);
  append_u64(out, name.number);
  return out;
}

tl::unexpected<Error> damaged(std::uint64_t number) {
  return fail(ErrorKind::corrupt, "the body of record version number " + std::to_string(number) + " in the vault is damaged");
}

Result<BodyName> take_name(std::uint64_t number, ByteView& in) {
  const auto format = take_u8(in);
  if (format && *format > kFormat)
    return fail(ErrorKind::newer_format, "a record was written by a newer version of this program: run that version");
  const auto type = take_short(in);
  const auto id = take_short(in);
  const auto version = take_varint(in);
  if (!format || *format != kFormat || !type || !id || !version || *version > UINT32_MAX) return damaged(number);
  return BodyName{std::string(*type), std::string(*id), static_cast<std::uint32_t>(*version), number};
}

}  // namespace

Bytes seal_body(const OrganisationId& organisation, const BodyName& name, const BodyContent& content, const VersionSecret& secret,
                Entropy& entropy) {
  Bytes plain;
  plain.reserve(content.body.size() + 64);
  append_varint(plain, content.patients.size());
  for (const std::string& patient : content.patients) append_short(plain, patient);
  plain += content.body;
  const Bytes packed = compress(plain);
  Bytes row(1, kFormat);
  append_short(row, name.type);
  append_short(row, name.id);
  append_varint(row, name.version);
  const Bytes nonce = entropy.take(crypto::kAeadNonceSize);  // random, because a number may be tried again after a crash
  row += nonce;
  row += crypto::aead_seal(secret.data_key(), nonce, associated_data(organisation, name), packed);
  return row;
}

Result<BodyName> body_name(std::uint64_t number, ByteView row) { return take_name(number, row); }

Result<BodyContent> open_body(const OrganisationId& organisation, std::uint64_t number, ByteView row, const VersionSecret& secret) {
  CARELEDGER_TRY(const BodyName name, take_name(number, row));
  const auto nonce = take_bytes(row, crypto::kAeadNonceSize);
  if (!nonce) return damaged(number);
  const auto packed = crypto::aead_open(secret.data_key(), *nonce, associated_data(organisation, name), row);
  if (!packed) return damaged(number);
  CARELEDGER_TRY(const Bytes plain, decompress(*packed, kBodyBytesMax + 32768));
  ByteView in = plain;
  const auto count = take_varint(in);
  if (!count || *count > kPatientsMax) return damaged(number);
  BodyContent content;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto patient = take_short(in);
    if (!patient) return damaged(number);
    content.patients.emplace_back(*patient);
  }
  content.body = in;
  return content;
}

}  // namespace careledger::vault
