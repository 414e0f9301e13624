#include "edge/http/signature.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "crypto/bytes_cast.h"
#include "crypto/hash.h"

namespace careledger::edge::http {

namespace {

constexpr std::array<std::string_view, 5> kRequired{"@method", "@authority", "@path", "@query", "content-digest"};
constexpr std::string_view kAlgorithm = "ed25519";
constexpr std::size_t kNonceSize = 16;

Bytes sha512(std::string_view body) {
  Bytes out(64, '\0');
  unsigned size = 0;
  const int code = EVP_Digest(body.data(), body.size(), crypto::out(out.data()), &size, EVP_sha512(), nullptr);
  CARELEDGER_ASSERT(code == 1 && size == 64);
  return out;
}

// The value of "name=:BASE64:" in a list of such members (RFC 8941 dictionary of byte sequences).
std::optional<Bytes> bytes_member(std::string_view field, std::string_view name) {
  while (!field.empty()) {
    const auto comma = field.find(',');
    auto item = field.substr(0, comma);
    field = comma == std::string_view::npos ? std::string_view{} : field.substr(comma + 1);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.starts_with(name) || !item.substr(name.size()).starts_with("=:") || !item.ends_with(':')) continue;
    item.remove_prefix(name.size() + 2);
    if (item.empty()) continue;
    item.remove_suffix(1);
    return from_base64(item);
  }
  return std::nullopt;
}

tl::unexpected<Error> refuse(const std::string& why) { return fail(ErrorKind::unauthenticated, "request signature: " + why); }

Result<void> check_times(const SignatureParameters& parameters, std::int64_t now) {
  const auto created = *parameters.created;
  const auto expires = *parameters.expires;
  if (expires <= created || expires - created > kSignatureLifeMax.count())
    return refuse("it must expire within five minutes of its making");
  if (created > now + kSignatureSkew.count()) return refuse("it was made in the future; check the clocks");
  if (now >= expires) return refuse("it has expired");
  return {};
}

Result<void> check_shape(const SignatureParameters& parameters) {
  for (const auto component : kRequired) {
    if (std::ranges::find(parameters.components, component) == parameters.components.end()) {
      return refuse("it does not cover " + std::string(component));
    }
  }
  if (!parameters.created || !parameters.expires) return refuse("it lacks created or expires");
  if (parameters.nonce.size() < kNonceSize || parameters.nonce.size() > 128) return refuse("it lacks a nonce of 16 to 128 characters");
  if (parameters.key_id.empty() || parameters.key_id.size() > 256) return refuse("it lacks a key id");
  if (!parameters.algorithm.empty() && parameters.algorithm != kAlgorithm) return refuse("only ed25519 is taken");
  return {};
}

}  // namespace

std::string content_digest(std::string_view body) { return "sha-256=:" + to_base64(crypto::sha256(body).view()) + ':'; }

Result<void> check_content_digest(const Request& request) {
  const auto field = request.headers.joined("Content-Digest");
  const auto by_256 = bytes_member(field, "sha-256");
  const auto by_512 = bytes_member(field, "sha-512");
  if (!by_256 && !by_512) return fail(ErrorKind::invalid, "Content-Digest: no sha-256 or sha-512 value");
  const bool same = (!by_256 || equal_constant_time(*by_256, crypto::sha256(request.body).view())) &&
                    (!by_512 || equal_constant_time(*by_512, sha512(request.body)));
  if (!same) return fail(ErrorKind::invalid, "Content-Digest: not of this body");
  return {};
}

void sign_request(Request& request, std::string_view authority, const crypto::SigningKey& key, std::string_view key_id,
                  std::chrono::seconds life, const Clock& clock, Entropy& entropy) {
  CARELEDGER_ASSERT(life.count() >= 1 && life <= kSignatureLifeMax && !key_id.empty());
  const std::int64_t now = clock.now().value / 1000;
  request.authority = authority;
  request.headers.set("Content-Digest", content_digest(request.body));
  std::string text = "(";
  for (const auto component : kRequired) text += (text.size() == 1 ? "\"" : " \"") + std::string(component) + '"';
  text += ");created=" + std::to_string(now) + ";expires=" + std::to_string(now + life.count()) + ";nonce=\"" +
          to_base64url(entropy.take(kNonceSize)) + "\";keyid=\"" + std::string(key_id) + "\";alg=\"" + std::string(kAlgorithm) + '"';
  const auto parameters = read_signature_input("sig1=" + text);
  CARELEDGER_ASSERT(parameters.has_value());  // a key id with a quote in it would be our own bug
  const auto base = signature_base(request, *parameters);
  CARELEDGER_ASSERT(base.has_value());
  request.headers.set("Signature-Input", "sig1=" + text);
  request.headers.set("Signature", "sig1=:" + to_base64(key.sign(*base).view()) + ':');
}

struct ReplayCache::State {
  State(std::size_t the_max, std::size_t the_key_max) : nonces_max(the_max), of_one_key_max(the_key_max) {}
  const std::size_t nonces_max;
  const std::size_t of_one_key_max;
  std::mutex mutex;
  std::map<Digest, std::string> seen;  // H(key id, nonce) → key id
  std::multimap<std::int64_t, Digest> by_expiry;
  std::map<std::string, std::size_t, std::less<>> of_key;

  void forget_until(std::int64_t now) {
    while (!by_expiry.empty() && by_expiry.begin()->first <= now) {
      const auto entry = seen.find(by_expiry.begin()->second);
      if (const auto count = of_key.find(entry->second); --count->second == 0) of_key.erase(count);
      seen.erase(entry);
      by_expiry.erase(by_expiry.begin());
    }
  }
};

ReplayCache::ReplayCache(std::size_t nonces_max, std::size_t of_one_key_max)
    : state_(std::make_unique<State>(nonces_max, of_one_key_max)) {}
ReplayCache::~ReplayCache() = default;

Result<void> ReplayCache::take(std::string_view key_id, std::string_view nonce, std::int64_t expires_s, std::int64_t now_s) {
  const auto name = crypto::tagged_hash("careledger/http-nonce/1", {key_id, nonce});
  const std::lock_guard lock(state_->mutex);
  state_->forget_until(now_s);
  if (state_->seen.contains(name)) return fail(ErrorKind::conflict, "this nonce was used before");
  const auto of_key = state_->of_key.find(key_id);
  const bool full = state_->seen.size() >= state_->nonces_max;
  if (full || (of_key != state_->of_key.end() && of_key->second >= state_->of_one_key_max)) {
    return fail(ErrorKind::busy, "too many signed requests in five minutes; try again");
  }
  state_->seen.emplace(name, std::string(key_id));
  state_->by_expiry.emplace(expires_s, name);
  ++state_->of_key[std::string(key_id)];
  return {};
}

Result<VerifiedSignature> verify_request(const Request& request, std::string_view authority, const KeyLookup& key_of, const Clock& clock,
                                         ReplayCache& seen) {
  if (request.headers.count("Signature-Input") != 1 || request.headers.count("Signature") != 1) return refuse("there is none, or several");
  const auto parameters = read_signature_input(request.headers.get("Signature-Input"));
  if (!parameters) return refuse(parameters.error().message);
  CARELEDGER_CHECK(check_shape(*parameters));
  const std::int64_t now = clock.now().value / 1000;
  CARELEDGER_CHECK(check_times(*parameters, now));
  if (!authority.empty() && !equal_ignoring_case(request.authority, authority)) return refuse("it is meant for another node");
  const auto bytes = bytes_member(request.headers.get("Signature"), parameters->label);
  const auto signature = bytes ? crypto::Signature::from(*bytes) : std::nullopt;
  if (!signature) return refuse("its bytes are not an Ed25519 signature");
  const auto key = key_of(parameters->key_id);
  if (!key) return refuse("nobody is known by this key id");
  const auto base = signature_base(request, *parameters);
  if (!base) return refuse(base.error().message);
  if (!crypto::verify(*key, *base, *signature)) return refuse("it does not hold");
  if (const auto digest = check_content_digest(request); !digest) return refuse(digest.error().message);
  if (auto fresh = seen.take(parameters->key_id, parameters->nonce, *parameters->expires, now); !fresh) {
    return fresh.error().kind == ErrorKind::busy ? tl::make_unexpected(fresh.error()) : refuse(fresh.error().message);
  }
  return VerifiedSignature{parameters->key_id, parameters->nonce, *base, *bytes};
}

}  // namespace careledger::edge::http
