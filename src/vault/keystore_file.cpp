#include "vault/keystore_file.h"

#include "crypto/aead.h"
#include "crypto/secret_writer.h"
#include "vault/encoding.h"

namespace careledger::vault {
namespace {

constexpr ByteView kMagic = "careledger-keystore";
constexpr std::uint16_t kFormat = 1;

tl::unexpected<Error> damaged(const char* what) {
  return fail(ErrorKind::corrupt, std::string("the keystore is damaged (") + what + "); restore it from the backup of the keys");
}

Bytes write_header(const KeystoreHeader& header) {
  Bytes out(kMagic);
  append_u16(out, kFormat);
  out.push_back(static_cast<char>(header.method));
  append_field(out, header.hint);
  append_field(out, header.salt);
  append_u32(out, header.cost.passes);
  append_u32(out, header.cost.memory_kib);
  return out;
}

std::size_t plain_size(const std::vector<Slot>& slots) {
  std::size_t size = 4;
  for (const Slot& slot : slots) size += 2 + 1 + 1 + 4 + slot.label.size() + 8 + 8 + 4 + slot.key.size();
  return size;
}

crypto::Secret write_slots(const std::vector<Slot>& slots) {
  crypto::SecretWriter plain(plain_size(slots));
  plain.put(u32_bytes(static_cast<std::uint32_t>(slots.size())));
  for (const Slot& slot : slots) {
    Bytes about;
    append_u16(about, static_cast<std::uint16_t>(slot.purpose));
    about.push_back(is_symmetric(slot.purpose) ? '\0' : static_cast<char>(slot.algorithm));
    about.push_back(slot.retired ? '\1' : '\0');
    append_field(about, slot.label);
    append_u64(about, static_cast<std::uint64_t>(slot.created.value));
    append_u64(about, slot.generation);
    append_u32(about, static_cast<std::uint32_t>(slot.key.size()));
    plain.put(about);
    plain.put(slot.key.view());
  }
  return std::move(plain).take();
}

Result<Slot> read_slot(ByteView& in) {
  const auto purpose = take_u16(in);
  const auto algorithm = take_u8(in);
  const auto retired = take_u8(in);
  const auto label = take_field(in);
  const auto created = take_u64(in);
  const auto generation = take_u64(in);
  const auto key = take_field(in);
  if (!purpose || !algorithm || !retired || !label || !created || !generation || !key) return damaged("short slot");
  if (*purpose < 1 || *purpose > static_cast<std::uint16_t>(Purpose::timestamp)) return damaged("unknown purpose");
  if (*retired > 1 || *algorithm > 2 || key->size() != 32) return damaged("bad slot");
  Slot slot;
  slot.purpose = static_cast<Purpose>(*purpose);
  slot.algorithm = static_cast<crypto::Algorithm>(*algorithm);
  slot.retired = *retired == 1;
  slot.label = *label;
  slot.created = {static_cast<std::int64_t>(*created)};
  slot.generation = *generation;
  slot.key = crypto::Secret::copy_of(*key);
  return slot;
}

Result<std::vector<Slot>> read_slots(ByteView in) {
  const auto count = take_u32(in);
  if (!count || *count > kSlotsMax) return damaged("slot count");
  std::vector<Slot> slots;
  for (std::uint32_t i = 0; i < *count; ++i) {
    CARELEDGER_TRY(Slot slot, read_slot(in));
    slots.push_back(std::move(slot));
  }
  if (!in.empty()) return damaged("bytes after the last slot");
  return slots;
}

}  // namespace

bool is_symmetric(Purpose purpose) {
  switch (purpose) {
    case Purpose::files:
    case Purpose::records:
    case Purpose::audit:
    case Purpose::audit_subject:
    case Purpose::page_token:
    case Purpose::backup:
    case Purpose::relationships:
    case Purpose::timestamp: return true;
    case Purpose::access_token:
    case Purpose::command:
    case Purpose::batch:
    case Purpose::http_signature:
    case Purpose::opening:
    case Purpose::promise:
    case Purpose::cosign:
    case Purpose::validator:
    case Purpose::founder:
    case Purpose::trust:
    case Purpose::engine_node: return false;
  }
  return false;
}

Result<KeystoreHeader> read_keystore_header(ByteView file, ByteView* rest) {
  if (!file.starts_with(kMagic)) return damaged("not a keystore");
  ByteView in = file.substr(kMagic.size());
  const auto format = take_u16(in);
  if (!format) return damaged("short header");
  if (*format > kFormat) {
    return fail(ErrorKind::newer_format, "the keystore was written by a newer version of this program (format " + std::to_string(*format) +
                                             ", this one reads " + std::to_string(kFormat) + "): run that version");
  }
  const auto method = take_u8(in);
  const auto hint = take_field(in);
  const auto salt = take_field(in);
  const auto passes = take_u32(in);
  const auto memory = take_u32(in);
  if (!method || !hint || !salt || salt->size() != 16 || !passes || !memory) return damaged("short header");
  if (*method < 1 || *method > 3 || *passes > 100 || *memory > (4u << 20)) return damaged("bad header");
  if (rest != nullptr) *rest = in;
  return KeystoreHeader{*method, std::string(*hint), Bytes(*salt), {*passes, *memory}};
}

Bytes write_keystore(const KeystoreHeader& header, const crypto::Secret& wrap, const std::vector<Slot>& slots, Entropy& entropy) {
  Bytes file = write_header(header);
  const Bytes associated = file;
  const Bytes nonce = entropy.take(crypto::kAeadNonceSize);
  file += nonce;
  file += crypto::aead_seal(wrap, nonce, associated, write_slots(slots).view());
  return file;
}

Result<std::vector<Slot>> read_keystore(ByteView file, const crypto::Secret& wrap) {
  ByteView rest;
  CARELEDGER_TRY(KeystoreHeader header, read_keystore_header(file, &rest));
  if (rest.size() < crypto::kAeadNonceSize + crypto::kAeadTagSize) return damaged("cut short");
  const ByteView associated = file.substr(0, file.size() - rest.size());
  const auto plain =
      crypto::aead_open_secret(wrap, rest.substr(0, crypto::kAeadNonceSize), associated, rest.substr(crypto::kAeadNonceSize));
  if (!plain) {
    const std::string what = header.method == 1 ? "another passphrase" : "another key; bring " + header.hint;
    return fail(ErrorKind::wrong_key,
                "the keystore does not open: it is sealed under " + what +
                    ", or it is damaged. Without its key nothing in this folder can be read: try the backup of the keys");
  }
  return read_slots(plain->view());
}

}  // namespace careledger::vault
