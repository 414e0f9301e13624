#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <shared_mutex>

#include "base/recent.h"
#include "crypto/hash.h"
#include "edge/auth/token.h"

namespace careledger::edge::auth {

namespace {

constexpr std::size_t kShards = 16;

struct Remembered {
  std::shared_ptr<const Principal> principal;
  BlockTime expires;
  std::uint64_t generation = 0;
};

using Shard = Recent<Digest, Remembered, IdHash>;

}  // namespace

struct Authenticator::State {
  OrganisationId organisation;
  const Clock& clock;
  std::atomic<std::uint64_t> generation{0};  // of the keys: what older keys let in counts no more
  std::shared_mutex mutex;
  std::vector<crypto::PublicKey> keys;  // under mutex
  std::deque<Shard> shards;             // by the token's first byte

  State(OrganisationId the_organisation, const Clock& the_clock, std::size_t the_max) : organisation(the_organisation), clock(the_clock) {
    while (shards.size() < kShards) shards.emplace_back(std::max<std::size_t>(2, the_max / kShards));
  }
  Shard& shard_of(const Digest& token) { return shards[static_cast<unsigned char>(token.value[0]) % kShards]; }
};

Authenticator::Authenticator(OrganisationId organisation, std::vector<crypto::PublicKey> keys, const Clock& clock,
                             std::size_t remembered_max)
    : state_(std::make_unique<State>(organisation, clock, remembered_max)) {
  CARELEDGER_ASSERT(remembered_max >= 1 && remembered_max <= 1'000'000);
  state_->keys = std::move(keys);
}

Authenticator::~Authenticator() = default;

void Authenticator::set_keys(std::vector<crypto::PublicKey> keys) {
  const std::unique_lock lock(state_->mutex);
  state_->keys = std::move(keys);
  ++state_->generation;
}

Result<Principal> Authenticator::authenticate(const http::Request& request) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (request.headers.count("Authorization") > 1) return fail(ErrorKind::unauthenticated, "the Authorization field stands there twice");
  const auto field = request.headers.get("Authorization");
  if (field.empty()) return fail(ErrorKind::unauthenticated, "this needs an access token");
  if (field.size() <= kScheme.size() || !http::equal_ignoring_case(field.substr(0, kScheme.size()), kScheme)) {
    return fail(ErrorKind::unauthenticated, "the Authorization field holds no bearer token");
  }
  const auto token = field.substr(kScheme.size());
  const auto name = crypto::sha256(token);
  auto& shard = state_->shard_of(name);
  const auto generation = state_->generation.load();
  if (const auto known = shard.find(name); known && known->generation == generation) {
    if (state_->clock.now() < known->expires) return *known->principal;
    return fail(ErrorKind::unauthenticated, "the access token has expired");
  }
  std::vector<crypto::PublicKey> keys;
  {
    const std::shared_lock lock(state_->mutex);
    keys = state_->keys;
  }
  CARELEDGER_TRY(auto claims, verify_token(token, state_->organisation, keys, state_->clock));
  auto principal = std::make_shared<const Principal>(std::move(claims.principal));
  shard.keep(name, {principal, claims.expires, generation});
  return *principal;
}

std::string challenge(const Error& error) {
  const char* const code = error.kind == ErrorKind::forbidden ? "insufficient_scope" : "invalid_token";
  if (error.kind == ErrorKind::unauthenticated && error.message == "this needs an access token") return "Bearer realm=\"careledger\"";
  return std::string("Bearer realm=\"careledger\", error=\"") + code + '"';
}

http::Response refusal(const Error& error) {
  auto response = http::problem(error);
  response.headers.set("WWW-Authenticate", challenge(error));
  return response;
}

}  // namespace careledger::edge::auth
