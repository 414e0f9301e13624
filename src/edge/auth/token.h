// Short-lived access tokens: a JWS in compact form (RFC 7515) signed with Ed25519 (RFC 8037) under the organisation's token key.
//
// The header is fixed to the byte, {"alg":"EdDSA","typ":"at+jwt"}, so there is nothing to negotiate. Claims: iss (organisation, 64 hex
// digits), sub (actor), role, purpose, iat, exp (seconds; at most one hour apart), jti, and where they apply scope, patient, emergency.
// Anything else, a claim twice or of another type is refused. A token is its bearer's power: it never stands in a log or an error.
//
// Thread-safety: every function and method is safe from any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/sign.h"
#include "edge/auth/principal.h"
#include "edge/http/message.h"

namespace careledger::edge::auth {

inline constexpr std::chrono::seconds kTokenLifeMax{3600};
inline constexpr std::size_t kTokenSizeMax = 2048;

// invalid: a field of `principal` that no token may carry, or a life outside 1 s to one hour.
Result<std::string> issue_token(const crypto::SigningKey& key, const Principal& principal, std::chrono::seconds life, const Clock& clock,
                                Entropy& entropy);

struct TokenClaims {
  Principal principal;
  BlockTime expires;
  std::string token_id;  // jti
};
// unauthenticated, with the reason. `keys` are all that may have signed for `organisation` now (two during a rotation).
Result<TokenClaims> verify_token(std::string_view token, OrganisationId organisation, std::span<const crypto::PublicKey> keys,
                                 const Clock& clock);

// Turns a request into a Principal. Remembers tokens that held, by SHA-256, until they expire, so that a signature is checked once.
class Authenticator {
 public:
  // `remembered_max`: tokens kept in memory, 1 to 1,000,000; about 500 bytes each. The clock is borrowed.
  Authenticator(OrganisationId organisation, std::vector<crypto::PublicKey> keys, const Clock& clock, std::size_t remembered_max = 16'384);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // From "Authorization: Bearer TOKEN" (RFC 6750; never from the URL). unauthenticated: absent, twice, or does not hold.
  Result<Principal> authenticate(const http::Request& request) const;
  void set_keys(std::vector<crypto::PublicKey> keys);  // after a rotation; forgets every token it remembered

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The 401 or 403 that goes with an error of authenticate() or permit(), with WWW-Authenticate (RFC 6750 section 3).
http::Response refusal(const Error& error);
// Only the field, for answers with another body (an OperationOutcome).
std::string challenge(const Error& error);

}  // namespace careledger::edge::auth
