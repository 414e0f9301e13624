// HTTP message signatures (RFC 9421) with Ed25519 and Content-Digest (RFC 9530): how organisations know each other's requests.
//
// A request counts only when its signature covers @method, @authority, @path, @query and content-digest, and carries created, expires
// (at most five minutes apart), nonce and keyid; a nonce counts once. Bodies of signed requests go without Content-Encoding, because the
// digest is over the bytes as sent.
//
// Thread-safety: functions are pure; ReplayCache is safe from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/sign.h"
#include "edge/http/message.h"

namespace careledger::edge::http {

inline constexpr std::chrono::seconds kSignatureLifeMax{300};
inline constexpr std::chrono::seconds kSignatureSkew{60};  // how far the signer's clock may be ahead

struct SignatureParameters {                     // one member of Signature-Input
  std::string label;                             // "sig1"
  std::vector<std::string> components;           // "@method", "content-digest"
  std::optional<std::int64_t> created, expires;  // seconds since 1970
  std::string nonce, key_id, algorithm, tag;     // empty when absent
  std::string text;                              // exactly as it stands after "label=": what the signature is over
};
// malformed: not one member of that shape (several signatures in one request are not taken), a component twice or with parameters.
Result<SignatureParameters> read_signature_input(std::string_view field);

// The bytes that are signed (RFC 9421 section 2.5). invalid: a component that the request lacks, or that is not known here.
Result<std::string> signature_base(const Request& request, const SignatureParameters& parameters);

std::string content_digest(std::string_view body);          // "sha-256=:…:"
Result<void> check_content_digest(const Request& request);  // invalid: absent, no sha-256 or sha-512, or another body

// Adds Content-Digest, Signature-Input and Signature (label "sig1"). `request.target`, method and body must be final. `authority`: where it
// goes, Client::authority().
void sign_request(Request& request, std::string_view authority, const crypto::SigningKey& key, std::string_view key_id,
                  std::chrono::seconds life, const Clock& clock, Entropy& entropy);

class ReplayCache {
 public:
  // Holds at most `nonces_max` nonces, `of_one_key_max` of them from one key: so few that many keys together leave room for the others.
  explicit ReplayCache(std::size_t nonces_max = 100'000, std::size_t of_one_key_max = 25'000);
  ~ReplayCache();
  // conflict: seen already; busy: full. Remembered until `expires`.
  Result<void> take(std::string_view key_id, std::string_view nonce, std::int64_t expires_s, std::int64_t now_s);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct VerifiedSignature {
  std::string key_id;
  std::string nonce;
  Bytes base;  // what was signed, for a record that convicts
  Bytes signature;
};
using KeyLookup = std::function<std::optional<crypto::PublicKey>(std::string_view key_id)>;  // nullopt: nobody we know

// `authority`: the name under which this node is reached; empty takes any. unauthenticated with the reason; busy from a full cache.
Result<VerifiedSignature> verify_request(const Request& request, std::string_view authority, const KeyLookup& key_of, const Clock& clock,
                                         ReplayCache& seen);

}  // namespace careledger::edge::http
