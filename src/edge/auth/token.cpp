#include "edge/auth/token.h"

#include <charconv>
#include <optional>

#include "codec/json/json.h"

namespace careledger::edge::auth {

namespace {

namespace json = codec::json;

constexpr std::string_view kHeader = R"({"alg":"EdDSA","typ":"at+jwt"})";
constexpr std::size_t kActorMax = 128;
constexpr std::size_t kPurposeMax = 32;
constexpr std::size_t kPatientMax = 64;
constexpr std::size_t kScopesMax = 32;
constexpr std::size_t kScopeMax = 128;
constexpr std::int64_t kSkewSeconds = 60;  // how far the issuer's clock may be ahead

bool is_printable(std::string_view text, std::size_t size_max, bool space_allowed) {
  if (text.empty() || text.size() > size_max) return false;
  for (const char c : text) {
    if (c < (space_allowed ? 0x20 : 0x21) || c > 0x7e) return false;
  }
  return true;
}

Result<void> check(const Principal& principal) {
  if (!is_printable(principal.actor, kActorMax, true))
    return fail(ErrorKind::invalid, "token: the actor is not 1 to 128 printable characters");
  if (!is_printable(principal.purpose, kPurposeMax, false)) return fail(ErrorKind::invalid, "token: the purpose is not a code");
  if (principal.scopes.size() > kScopesMax) return fail(ErrorKind::invalid, "token: more than 32 scopes");
  for (const auto& scope : principal.scopes) {
    if (!is_printable(scope, kScopeMax, false)) return fail(ErrorKind::invalid, "token: a scope is not 1 to 128 characters without spaces");
  }
  const bool of_patient = principal.role == Role::patient;
  if (of_patient != !principal.compartment.empty())
    return fail(ErrorKind::invalid, "token: the role patient, and only it, names a patient");
  if (of_patient && !is_printable(principal.compartment, kPatientMax, false)) return fail(ErrorKind::invalid, "token: not a patient's id");
  if (principal.emergency && principal.role != Role::clinician)
    return fail(ErrorKind::invalid, "token: only a clinician states an emergency");
  return {};
}

std::string joined(const std::vector<std::string>& scopes) {
  std::string out;
  for (const auto& scope : scopes) out += (out.empty() ? "" : " ") + scope;
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto space = text.find(' ');
    out.emplace_back(text.substr(0, space));
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
  return out;
}

tl::unexpected<Error> refuse(const char* why) { return fail(ErrorKind::unauthenticated, std::string("the access token ") + why); }

// The claims one by one, each of its type; false on one that is unknown or of another type.
class ClaimReader {
 public:
  Result<TokenClaims> read(const json::Value& root, OrganisationId organisation) {
    if (!root.is_object()) return refuse("holds no claims");
    for (const auto& member : root.members()) {
      if (!take(member.key(), member.value)) return refuse("holds a claim that is unknown or of another type");
    }
    if (issuer_ != organisation.hex()) return refuse("was issued by another organisation");
    const auto role = role_of(role_);
    if (!role || claims_.token_id.empty() || !issued_ || !expires_) return refuse("lacks a claim");
    claims_.principal.organisation = organisation;
    claims_.principal.role = *role;
    if (!check(claims_.principal)) return refuse("holds a claim that its type forbids");
    if (*expires_ <= *issued_ || *expires_ - *issued_ > kTokenLifeMax.count()) return refuse("lives longer than one hour");
    claims_.expires = {*expires_ * 1000};
    return std::move(claims_);
  }
  std::int64_t issued() const { return *issued_; }

 private:
  bool take(std::string_view key, const json::Value& value) {
    if (key == "iat") return take_number(value, issued_);
    if (key == "exp") return take_number(value, expires_);
    if (key == "emergency") {  // stated or left out, never denied
      claims_.principal.emergency = value.boolean();
      return value.boolean();
    }
    if (!value.is_string() || value.text().empty()) return false;
    if (key == "scope") {
      claims_.principal.scopes = split(value.text());
      return true;
    }
    auto* const place = place_of(key);
    if (place == nullptr) return false;
    *place = value.text();
    return true;
  }

  std::string* place_of(std::string_view key) {
    if (key == "iss") return &issuer_;
    if (key == "sub") return &claims_.principal.actor;
    if (key == "role") return &role_;
    if (key == "purpose") return &claims_.principal.purpose;
    if (key == "jti") return &claims_.token_id;
    if (key == "patient") return &claims_.principal.compartment;
    return nullptr;
  }

  static bool take_number(const json::Value& value, std::optional<std::int64_t>& out) {
    if (!value.is_number()) return false;
    const auto text = value.text();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > 1'000'000'000'000) return false;
    out = number;
    return true;
  }

  TokenClaims claims_;
  std::string issuer_, role_;
  std::optional<std::int64_t> issued_, expires_;
};

}  // namespace

Result<std::string> issue_token(const crypto::SigningKey& key, const Principal& principal, std::chrono::seconds life, const Clock& clock,
                                Entropy& entropy) {
  CARELEDGER_CHECK(check(principal));
  if (life.count() < 1 || life > kTokenLifeMax)
    return fail(ErrorKind::invalid, "token: a life of 1 s to one hour, not " + std::to_string(life.count()) + " s");
  const std::int64_t now = clock.now().value / 1000;
  json::Document document;
  auto& root = document.root();
  root = document.object();
  document.set(root, "iss", document.string(principal.organisation.hex()));
  document.set(root, "sub", document.string(principal.actor));
  document.set(root, "role", document.string(name_of(principal.role)));
  document.set(root, "purpose", document.string(principal.purpose));
  if (!principal.scopes.empty()) document.set(root, "scope", document.string(joined(principal.scopes)));
  if (!principal.compartment.empty()) document.set(root, "patient", document.string(principal.compartment));
  if (principal.emergency) document.set(root, "emergency", document.boolean(true));
  document.set(root, "iat", document.number(now));
  document.set(root, "exp", document.number(now + life.count()));
  document.set(root, "jti", document.string(to_base64url(entropy.take(16))));
  auto token = to_base64url(kHeader) + '.' + to_base64url(json::compact(root));
  token += '.' + to_base64url(key.sign(token).view());
  if (token.size() > kTokenSizeMax) return fail(ErrorKind::invalid, "token: larger than 2,048 characters; give it fewer scopes");
  return token;
}

Result<TokenClaims> verify_token(std::string_view token, OrganisationId organisation, std::span<const crypto::PublicKey> keys,
                                 const Clock& clock) {
  static const std::string prefix = to_base64url(kHeader) + '.';
  if (token.size() > kTokenSizeMax || !token.starts_with(prefix)) return refuse("is not one of this node's");
  const auto dot = token.rfind('.');
  if (dot < prefix.size()) return refuse("is not complete");
  const auto payload = from_base64url(token.substr(prefix.size(), dot - prefix.size()));
  const auto signature_bytes = from_base64url(token.substr(dot + 1));
  const auto signature = signature_bytes ? crypto::Signature::from(*signature_bytes) : std::nullopt;
  if (!payload || !signature) return refuse("is not well-formed");
  bool holds = false;
  for (const auto& key : keys) holds = holds || crypto::verify(key, token.substr(0, dot), *signature);
  if (!holds) return refuse("has a signature that does not hold");
  json::Limits limits;
  limits.bytes = kTokenSizeMax;
  limits.depth = 4;
  const auto document = json::parse(*payload, limits);
  if (!document) return refuse("holds no claims");
  ClaimReader reader;
  auto claims = reader.read(document->root(), organisation);
  if (!claims) return claims;
  const auto now = clock.now();
  if (now >= claims->expires) return refuse("has expired");
  if (reader.issued() > now.value / 1000 + kSkewSeconds) return refuse("was issued in the future");
  return claims;
}

}  // namespace careledger::edge::auth
