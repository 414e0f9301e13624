// Time stamps as RFC 3161 has them, issued by an organisation's own authority: an ECDSA key on P-256, whose private number is what a
// keystore keeps, and a certificate for it. `openssl ts -verify` and every other such tool checks them.
//
// P-256, because tools in use check no Ed25519 in the signed data of a token. The certificate bears one extended key usage, timeStamping,
// critical, as RFC 3161 2.3 demands. While OpenSSL signs or makes a request, its own copy of the private number lies in its memory.
//
// Thread-safety: values; everything is safe from any thread.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace careledger::crypto {

inline constexpr std::size_t kTimestampCertificatesMax = 64 * 1024;  // bytes of PEM
inline constexpr int kTimestampDaysMax = 7300;

Secret make_timestamp_key(Entropy& entropy);  // 32 bytes: a number from 1 to the order of P-256 less 1

// PEM. The subject is the organisation's name, cut to what a certificate takes. invalid: not such a key, or days out of 1 to the most.
Result<Bytes> timestamp_certificate(const Secret& key, const std::string& organisation, int days, BlockTime now);  // signed by itself
// PKCS #10, for an authority that the organisation has: it asks for the usage of time stamps.
Result<Bytes> timestamp_request(const Secret& key, const std::string& organisation);

class TimestampAuthority {
 public:
  // `certificates`: PEM, the authority's own first, then those that lead towards a root; at most 8. invalid, saying what: they do not read,
  // the first is for another key, or not for time stamps alone.
  static Result<TimestampAuthority> open(const Secret& key, ByteView certificates);
  TimestampAuthority(TimestampAuthority&&) noexcept;
  TimestampAuthority& operator=(TimestampAuthority&&) noexcept;
  ~TimestampAuthority();

  // What was read, as PEM and nothing else: no text around it, no private key that lay beside it.
  Bytes certificates() const;
  // DER of a TimeStampResp over SHA-256 of `data`, with the certificates, exact to a second. precondition: the certificate does not hold at
  // `now`. Two tokens of one authority never have the same serial number.
  Result<Bytes> stamp(ByteView data, BlockTime now) const;

 private:
  struct State;
  explicit TimestampAuthority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace careledger::crypto
