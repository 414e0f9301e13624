#include "vault/page_token.h"

#include "crypto/aead.h"
#include "vault/encoding.h"

namespace careledger::vault {
namespace {

constexpr char kFormat = 1;
constexpr ByteView kTag = "careledger/page-token/1";
constexpr std::size_t kTextMax = 1024;

tl::unexpected<Error> refused() {
  return fail(ErrorKind::malformed, "the page link is not valid here or has expired: start the search again");
}

}  // namespace

std::string seal_page_token(const PageToken& token, const crypto::Secret& key, Entropy& entropy) {
  Bytes plain(1, kFormat);
  plain += token.query.view();
  append_varint(plain, token.sequence);
  append_u64(plain, static_cast<std::uint64_t>(token.expires_ms));
  append_short(plain, token.last);
  append_short(plain, token.principal);
  const Bytes nonce = entropy.take(crypto::kAeadNonceSize);
  return to_base64url(nonce + crypto::aead_seal(key, nonce, kTag, plain));
}

Result<PageToken> open_page_token(std::string_view text, const Digest& query, std::string_view principal, BlockTime now,
                                  const crypto::Secret& key) {
  if (text.size() > kTextMax) return refused();
  const auto sealed = from_base64url(text);
  if (!sealed || sealed->size() < crypto::kAeadNonceSize + crypto::kAeadTagSize) return refused();
  const ByteView bytes = *sealed;
  const auto plain = crypto::aead_open(key, bytes.substr(0, crypto::kAeadNonceSize), kTag, bytes.substr(crypto::kAeadNonceSize));
  if (!plain) return refused();
  ByteView in = *plain;
  const auto format = take_u8(in);
  const auto digest = take_bytes(in, 32);
  const auto sequence = take_varint(in);
  const auto expires = take_u64(in);
  const auto last = take_short(in);
  const auto who = take_short(in);
  if (!format || *format != kFormat || !digest || !sequence || !expires || !last || !who || !in.empty()) return refused();
  PageToken token{*Digest::from(*digest), *sequence, std::string(*last), std::string(*who), static_cast<std::int64_t>(*expires)};
  if (token.query != query || token.principal != principal || token.expires_ms <= now.value) return refused();
  return token;
}

}  // namespace careledger::vault
