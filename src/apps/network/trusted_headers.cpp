#include "apps/network/trusted_headers.h"

#include "base/assert.h"
#include "edge/http/client.h"
#include "kernel/tables.h"
#include "proof/walk.h"

namespace careledger::apps::network {
namespace {

namespace http = edge::http;

constexpr std::int64_t kTrustDays = 14;
constexpr std::uint64_t kBackMax = 5'000;
constexpr std::uint64_t kAnswerBytesMax = 4u << 20;

class MemberRpc final : public ordering::abci::Transport {
 public:
  explicit MemberRpc(std::unique_ptr<http::Client> client) : client_(std::move(client)) {}
  Result<Bytes> get(const std::string& target) override {
    CARELEDGER_TRY(http::Response response, client_->call(http::make_request(http::Method::get, target)));
    return std::move(response.body);
  }
  Result<Bytes> post_form(const std::string&, Bytes) override { return fail(ErrorKind::unsupported, "a member's RPC is for reading"); }

 private:
  std::unique_ptr<http::Client> client_;
};

Result<proof::LightBlock> light_block(const HeaderServer& server, Height height) {
  ordering::abci::EngineRpc rpc(*server.rpc);
  auto header = rpc.header(height);
  if (!header) return fail(header.error().kind, server.name + ": " + header.error().message);
  auto validators = rpc.validators(height);
  if (!validators) return fail(validators.error().kind, server.name + ": " + validators.error().message);
  return proof::LightBlock{std::move(*header), std::move(*validators)};
}

}  // namespace

Result<HeaderServer> header_server(const std::string& origin, const std::string& certificates) {
  http::ClientConfig config;
  config.origin = origin;
  config.trust_file = certificates;
  config.answer_time = std::chrono::seconds(10);
  config.body_bytes = kAnswerBytesMax;
  CARELEDGER_TRY(std::unique_ptr<http::Client> client, http::Client::make(config));
  return HeaderServer{origin, std::make_unique<MemberRpc>(std::move(client))};
}

TrustedHeaders::TrustedHeaders(const LedgerId& ledger, Height height, const Digest& hash, std::vector<HeaderServer> servers,
                               const Clock& clock)
    : ledger_(ledger), height_(height), hash_(hash), servers_(std::move(servers)), clock_(&clock) {
  CARELEDGER_ASSERT(servers_.size() >= 2);
}

Result<proof::LightBlock> TrustedHeaders::fetch(Height height) const { return light_block(servers_.front(), height); }

Result<proof::LightBlock> TrustedHeaders::first() const {
  auto found = fetch(height_);
  if (!found && found.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::not_found, "--trust names block " + std::to_string(height_.value) +
                                          ", which is not there: take the height and hash of a block that the members have (" +
                                          found.error().message + ")");
  CARELEDGER_TRY(proof::LightBlock block, std::move(found));
  const proof::Header& header = block.signed_header.header;
  if (proof::hash_of(header) != hash_.view())
    return fail(ErrorKind::invalid,
                servers_.front().name + " shows another header " + std::to_string(height_.value) +
                    " than --trust names: take height and hash from one answer, and let another member read them to you");
  if (header.chain_id != kernel::chain_id(ledger_)) return fail(ErrorKind::invalid, "the header that --trust names is of another ledger");
  if (header.time < proof::time_from({clock_->now().value - kTrustDays * 86'400'000}))
    return fail(ErrorKind::invalid, "the header that --trust names is over " + std::to_string(kTrustDays) + " days old");
  CARELEDGER_CHECK(proof::verify_commit(block.signed_header, block.validators));
  return block;
}

Result<proof::LightBlock> TrustedHeaders::reach(const proof::LightBlock& trusted, Height height) const {
  const proof::Time now = proof::time_from(clock_->now());
  CARELEDGER_TRY(std::vector<proof::LightBlock> walk, proof::find_walk(
                                                          trusted, height, [this](Height at) { return fetch(at); },
                                                          [now](const proof::LightBlock& before, const proof::LightBlock& later) {
                                                            return proof::verify_follows(before, later, now);
                                                          }));
  return std::move(walk.back());
}

Result<void> TrustedHeaders::compare(const proof::Header& header) const {
  const Height height{static_cast<std::uint64_t>(header.height)};
  for (std::size_t i = 1; i < servers_.size(); ++i) {
    CARELEDGER_TRY(const proof::LightBlock other, light_block(servers_[i], height));
    if (proof::hash_of(other.signed_header.header) == proof::hash_of(header)) continue;
    return fail(ErrorKind::conflict, servers_.front().name + " and " + servers_[i].name + " show different blocks of height " +
                                         std::to_string(height.value) + ": keep what they show, and ask the members");
  }
  return {};
}

Result<proof::Header> TrustedHeaders::go_back(proof::Header trusted, Height height) const {
  ordering::abci::EngineRpc rpc(*servers_.front().rpc);
  const auto from = static_cast<std::uint64_t>(trusted.height);
  if (from - height.value > kBackMax)
    return fail(ErrorKind::invalid,
                "--trust names a block more than " + std::to_string(kBackMax) + " above the snapshot: take an older one");
  for (std::uint64_t at = from; at > height.value; --at) {
    CARELEDGER_TRY(proof::SignedHeader before, rpc.header({at - 1}));
    if (proof::hash_of(before.header) != trusted.last_block_id.hash)
      return fail(ErrorKind::invalid,
                  servers_.front().name + " shows another block " + std::to_string(at - 1) + " than the one after it names");
    trusted = std::move(before.header);
  }
  return trusted;
}

Result<void> TrustedHeaders::check() const {
  CARELEDGER_TRY(const proof::LightBlock block, first());
  auto same = compare(block.signed_header.header);
  if (!same && same.error().kind == ErrorKind::conflict) return same;
  return {};  // a server that is a little behind shows it later
}

Result<replica::TrustedPoint> TrustedHeaders::at(Height height) const {
  CARELEDGER_TRY(proof::LightBlock block, first());
  proof::Header here, after;
  if (height < height_) {
    CARELEDGER_TRY(after, go_back(block.signed_header.header, next(height)));
    CARELEDGER_TRY(here, go_back(after, height));
  } else {
    if (height > height_) {
      CARELEDGER_TRY(block, reach(block, height));
    }
    here = block.signed_header.header;
    CARELEDGER_TRY(const proof::LightBlock reached, reach(block, next(height)));
    after = reached.signed_header.header;
  }
  CARELEDGER_CHECK(compare(after));
  const auto app_hash = Digest::from(after.app_hash);
  if (!app_hash) return fail(ErrorKind::invalid, "the header after height " + std::to_string(height.value) + " has no app hash");
  return replica::TrustedPoint{ledger_, height, proof::block_time(here.time), *app_hash};
}

}  // namespace careledger::apps::network
