// The small decoders of the edge, one by the input's first byte: request targets, forms, Signature-Input, access tokens, gzip bodies,
// WebSocket frames.
#include <array>
#include <cstdint>

#include "base/assert.h"
#include "edge/auth/token.h"
#include "edge/http/gzip.h"
#include "edge/http/signature.h"
#include "edge/rpc/websocket.h"

namespace {

namespace http = careledger::edge::http;
using careledger::ManualClock;

void target(std::string_view text) {
  http::Request request;
  if (!http::read_target(text, 32, request)) return;
  CARELEDGER_ASSERT(request.path[0] == '/' && request.query.size() <= 32 && request.path.find("/../") == std::string::npos);
}

void form(std::string_view text) { static_cast<void>(http::read_form(text, 32)); }

// What is read can be signed over: reading it again from its own text gives the same.
void signature_input(std::string_view text) {
  const auto read = http::read_signature_input(text);
  if (!read) return;
  const auto again = http::read_signature_input(read->label + '=' + read->text);
  CARELEDGER_ASSERT(again && again->components == read->components && again->created == read->created && again->nonce == read->nonce);
}

void token(std::string_view text) {  // no key: whatever it says, nobody gets in
  static const ManualClock clock;
  CARELEDGER_ASSERT(!careledger::edge::auth::verify_token(text, {}, {}, clock));
  // The claims behind the signature, as if it had held.
  static careledger::SeededEntropy entropy(1);
  static const auto key = careledger::crypto::SigningKey::generate(entropy);
  static const std::array<careledger::crypto::PublicKey, 1> keys{key.public_key()};
  auto with_claims = careledger::to_base64url(R"({"alg":"EdDSA","typ":"at+jwt"})") + '.' + careledger::to_base64url(text);
  with_claims += '.' + careledger::to_base64url(key.sign(with_claims).view());
  const auto claims = careledger::edge::auth::verify_token(with_claims, {}, keys, clock);
  if (claims) CARELEDGER_ASSERT(!claims->principal.actor.empty() && claims->expires > clock.now());
}

void gzip(std::string_view bytes) {
  http::Unpacker unpacker(10'000);
  std::string out;
  while (!bytes.empty()) {
    const auto count = std::min<std::size_t>(13, bytes.size());
    if (!unpacker.add(bytes.substr(0, count), out)) break;
    bytes.remove_prefix(count);
  }
  CARELEDGER_ASSERT(out.size() <= 10'000);
}

void websocket(std::string_view bytes) {
  http::Request request;
  request.headers.add("Upgrade", "websocket");
  request.headers.add("Sec-WebSocket-Version", "13");
  request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  const auto response = careledger::edge::rpc::accept_websocket(request, [](std::string_view text) { return std::string(text); });
  CARELEDGER_ASSERT(response.session != nullptr);
  while (!bytes.empty()) {
    const auto count = std::min<std::size_t>(11, bytes.size());
    if (response.session->receive(bytes.substr(0, count)).close) return;
    bytes.remove_prefix(count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: target(bytes); break;
    case 1: form(bytes); break;
    case 2: signature_input(bytes); break;
    case 3: token(bytes); break;
    case 4: gzip(bytes); break;
    case 5: websocket(bytes); break;
  }
  return 0;
}
