#include "apps/wallet_node.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/printable.h"
#include "edge/http/signature.h"
#include "edge/ledger_api/ledger_api.h"
#include "kernel/timing.h"
#include "proof/log.h"
#include "proof/trust.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::chrono::seconds kSignatureLife{120};
constexpr std::chrono::milliseconds kAskedApart{100};
constexpr int kAskedMax = 300;
constexpr std::size_t kHashesMax = 256;
constexpr std::size_t kNodesMax = 64;             // whose logs a wallet remembers
constexpr std::size_t kNodeTrustMax = 64 * 1024;  // bytes
constexpr std::int64_t kHourMs = 60 * 60 * 1000;

// Every answer but 2xx, in the node's own words, fit for a terminal.
Error error_of(const http::Response& response) {
  ErrorKind kind = ErrorKind::unavailable;
  if (response.status == 400 || response.status == 422) kind = ErrorKind::invalid;
  if (response.status == 401) kind = ErrorKind::unauthenticated;
  if (response.status == 403) kind = ErrorKind::forbidden;
  if (response.status == 404) kind = ErrorKind::not_found;
  if (response.status == 409) kind = ErrorKind::conflict;
  if (response.status == 413) kind = ErrorKind::too_large;
  const auto document = json::parse(response.body);
  const std::string title = printable(document ? document->root().string_at("title") : std::string_view());
  return {kind, "the node answered " + std::to_string(response.status) + (title.empty() ? "" : ": " + title)};
}

Result<Digest> root_of(const SeenLog& seen) {
  const auto bytes = from_hex(seen.log_root);
  const auto root = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!root) return fail(ErrorKind::malformed, "the wallet's memory of the ledger does not read");
  return *root;
}

Result<std::vector<Digest>> hashes_of(const json::Document& document) {
  const auto items = document.root().items_at("hashes");
  if (items.size() > kHashesMax) return fail(ErrorKind::too_large, "the node's consistency proof is too long");
  std::vector<Digest> hashes;
  for (const json::Value& item : items) {
    const auto bytes = from_hex(item.text());
    const auto digest = bytes ? Digest::from(*bytes) : std::nullopt;
    if (!digest) return fail(ErrorKind::malformed, "the node's consistency proof does not read");
    hashes.push_back(*digest);
  }
  return hashes;
}

}  // namespace

std::uint64_t number_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  std::uint64_t out = 0;
  if (value != nullptr && value->is_number()) {
    const std::string_view text = value->text();
    std::from_chars(text.data(), text.data() + text.size(), out);
  }
  return out;
}

Result<LedgerId> ledger_of(const Wallet& wallet) {
  const auto bytes = from_hex(wallet.ledger);
  const auto id = bytes ? LedgerId::from(*bytes) : std::nullopt;
  if (!id) return fail(ErrorKind::not_found, "the wallet knows no ledger yet: accept a relationship first");
  return *id;
}

Result<std::unique_ptr<WalletNode>> WalletNode::connect(const std::string& origin, const std::string& certificate, Wallet& wallet) {
  auto node = std::unique_ptr<WalletNode>(new WalletNode);
  http::ClientConfig config;
  config.origin = origin;
  while (config.origin.ends_with('/')) config.origin.pop_back();
  if (config.origin.ends_with("/fhir")) config.origin.resize(config.origin.size() - 5);  // the address that people know
  config.trust_file = certificate;
  CARELEDGER_TRY(node->client_, http::Client::make(config));
  CARELEDGER_CHECK(node->meet(wallet));
  return node;
}

Result<void> WalletNode::meet(Wallet& wallet) {
  CARELEDGER_TRY(const json::Document status, get("/ledger/v1/status"));
  organisation_ = status.root().string_at("organisation");
  const auto id = from_hex(organisation_);
  if (!id || !OrganisationId::from(*id)) return fail(ErrorKind::malformed, "the node does not say whose it is");
  name_ = status.root().string_at("name");
  if (wallet.ledger.empty()) CARELEDGER_CHECK(remember(wallet, status));
  if (status.root().string_at("ledger") != wallet.ledger)
    return fail(ErrorKind::corrupt, "this node runs another ledger than the wallet remembers; nothing was sent to it");
  CARELEDGER_CHECK(learn_log(wallet));
  return follow(wallet);
}

// One ledger has one set of validators. In a network each node signs checkpoints of its own and has witnesses of its own: what one shows
// is remembered of that one alone, so that a liar puts nobody else in the wrong.
Result<void> WalletNode::learn_log(Wallet& wallet) {
  CARELEDGER_TRY(trust_, proof::parse_trust(wallet.trust));
  if (trust_.validators.validators.size() == 1) return {};
  if (!wallet.nodes.contains(organisation_)) CARELEDGER_CHECK(meet_log(wallet));
  CARELEDGER_TRY(trust_, proof::parse_trust(wallet.nodes.at(organisation_).trust));
  return {};
}

Result<void> WalletNode::meet_log(Wallet& wallet) {
  CARELEDGER_TRY(const http::Response shown, call(http::make_request(http::Method::get, "/ledger/v1/trust")));
  CARELEDGER_TRY(const proof::Trust theirs, proof::parse_trust(shown.body));
  const bool same = theirs.ledger == trust_.ledger && proof::hash_of(theirs.validators) == proof::hash_of(trust_.validators);
  if (!same) return fail(ErrorKind::corrupt, "this node names other validators of the ledger than the wallet remembers");
  const Bytes text = proof::to_text(theirs);
  if (wallet.nodes.size() >= kNodesMax || text.size() > kNodeTrustMax)
    return fail(ErrorKind::too_large, "the wallet remembers no more nodes than it has, or none that says so much of itself");
  wallet.nodes[organisation_] = {text, 0, proof::log_empty_root().hex(), {}};
  return {};
}

Result<void> WalletNode::remember(Wallet& wallet, const json::Document& status) {
  CARELEDGER_TRY(const http::Response trust, call(http::make_request(http::Method::get, "/ledger/v1/trust")));
  CARELEDGER_TRY(const proof::Trust parsed, proof::parse_trust(trust.body));
  if (parsed.ledger.hex() != status.root().string_at("ledger"))
    return fail(ErrorKind::corrupt, "the node's trust file is of another ledger than it runs");
  wallet.ledger = parsed.ledger.hex();
  wallet.trust = trust.body;
  wallet.log_size = 0;
  wallet.log_root = proof::log_empty_root().hex();
  return {};
}

// From what the wallet remembers to the node's newest checkpoint. A command may speak with two nodes in turn.
Result<void> WalletNode::follow(Wallet& wallet) {
  const auto own = wallet.nodes.find(organisation_);
  SeenLog seen = own != wallet.nodes.end() ? own->second : SeenLog{wallet.trust, wallet.log_size, wallet.log_root, {}};
  CARELEDGER_TRY(const json::Document shown, get("/ledger/v1/checkpoint?from=" + std::to_string(seen.log_size)));
  const Bytes note(shown.root().string_at("note"));
  CARELEDGER_TRY(const std::vector<Digest> hashes, hashes_of(shown));
  const auto opened = proof::open_checkpoint(note, trust_);
  if (!opened || opened->witnesses < trust_.quorum)
    return fail(ErrorKind::corrupt,
                "the node's checkpoint does not hold: " + (opened ? "too few of the witnesses cosigned it" : opened.error().message));
  const proof::Checkpoint& newest = opened->checkpoint;
  CARELEDGER_TRY(const Digest remembered, root_of(seen));
  if (newest.size < seen.log_size || !proof::verify_consistency(seen.log_size, remembered, newest.size, newest.root, hashes))
    return fail(ErrorKind::corrupt, "the node's history does not go on from what this wallet has seen: it was shortened or rewritten");
  seen = {seen.trust, newest.size, newest.root.hex(), note};
  wallet.trust = seen.trust;
  wallet.log_size = seen.log_size;
  wallet.log_root = seen.log_root;
  wallet.checkpoint = seen.checkpoint;
  if (own != wallet.nodes.end()) own->second = std::move(seen);
  return {};
}

Result<void> WalletNode::cosign(WalletFile& file, const WalletKey& key) {
  CARELEDGER_CHECK(follow(file.wallet()));  // what the caller just did stands in what it remembers
  CARELEDGER_CHECK(file.save());            // remembered first
  CARELEDGER_TRY(proof::Note note, proof::parse_note(file.wallet().checkpoint));
  std::erase_if(note.signatures, [&](const proof::NoteSignature& one) { return !trust_.log || one.name != trust_.log->name; });
  const crypto::SigningKey witness = key.witness();
  const std::string name = "wallet-" + to_hex(witness.public_key().view().substr(0, 8));
  // No finer than the hour: two organisations that compare notes must not recognise one wallet by its minute.
  const auto hour = static_cast<std::uint64_t>(system_clock().now().value / kHourMs * (kHourMs / 1000));
  note.signatures.push_back(proof::cosign(note.text, name, witness, hour));
  json::Document document;
  json::Value root = document.object();
  document.set(root, "key", document.string(proof::to_text(proof::NoteKey{name, proof::NoteKind::cosignature, witness.public_key()})));
  document.set(root, "note", document.string(proof::encode(note)));
  CARELEDGER_CHECK(as_patient(key, http::Method::post, "/patient/v1/cosignatures", json::compact(root)));
  return {};
}

Result<http::Response> WalletNode::call(const http::Request& request) {
  CARELEDGER_TRY(http::Response response, client_->call(request));
  if (response.status < 200 || response.status > 299) return tl::make_unexpected(error_of(response));
  return response;
}

Result<json::Document> WalletNode::get(const std::string& target) {
  CARELEDGER_TRY(const http::Response response, call(http::make_request(http::Method::get, target)));
  return json::parse(response.body);
}

Result<http::Response> WalletNode::as_patient(const WalletKey& key, http::Method method, const std::string& target, std::string body) {
  const std::string_view type = body.empty() ? std::string_view() : std::string_view("application/json");
  http::Request request = http::make_request(method, target, std::move(body), type);
  http::sign_request(request, client_->authority(), key.key, key.account().hex(), kSignatureLife, system_clock(), system_entropy());
  return call(request);
}

Result<std::string> WalletNode::organisation_id(const std::string& name_or_hex) {
  CARELEDGER_TRY(const json::Document list, get("/ledger/v1/organisations"));
  for (const json::Value& one : list.root().items())
    if (one.string_at("id") == name_or_hex || one.string_at("name") == name_or_hex) return std::string(one.string_at("id"));
  return fail(ErrorKind::not_found, "the ledger knows no organisation \"" + name_or_hex + "\"");
}

Result<std::string> WalletNode::organisation_name(const std::string& hex) {
  CARELEDGER_TRY(const json::Document list, get("/ledger/v1/organisations"));
  for (const json::Value& one : list.root().items())
    if (one.string_at("id") == hex) return std::string(one.string_at("name"));
  return hex;
}

Result<void> WalletNode::await_grant(const std::string& relationship, std::uint32_t number) {
  const std::string target = "/ledger/v1/grant/" + relationship + "/" + std::to_string(number);
  for (int asked = 1;; ++asked) {
    const auto seen = get(target);
    if (seen) return {};
    if (seen.error().kind != ErrorKind::not_found || asked == kAskedMax) return tl::make_unexpected(seen.error());
    std::this_thread::sleep_for(kAskedApart);  // between two questions: nobody tells a wallet of new blocks
  }
}

Bytes wallet_command(const WalletKey& key, const LedgerId& ledger, const contracts::build::Order& order, std::uint64_t sequence,
                     BlockTime now, std::uint32_t epoch_ms) {
  const bool waits = edge::ledger_api::lane_for(order.contract) == ordering::Lane::mixed;
  kernel::CommandOrder command;
  command.ledger = ledger;
  command.actor = key.account();
  command.sequence = sequence;
  command.expires = kernel::coarse_expiry(waits ? kernel::epoch_end(now, epoch_ms) : now);
  command.contract = order.contract;
  return kernel::encode(kernel::sign_command(command, order.payload, kernel::Signer{1, &key.key}));
}

Result<BlockTime> WalletNode::command(const WalletKey& key, const LedgerId& ledger, const contracts::build::Order& order) {
  CARELEDGER_TRY(const json::Document account, get("/ledger/v1/account/" + key.account().hex()));
  CARELEDGER_TRY(const json::Document status, get("/ledger/v1/status"));
  const auto epoch_ms = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(number_at(status.root(), "epoch_ms"), 1, 3'600'000));
  const Bytes bytes = wallet_command(key, ledger, order, number_at(account.root(), "sequence") + 1, system_clock().now(), epoch_ms);
  CARELEDGER_TRY(const http::Response response,
                 call(http::make_request(http::Method::post, "/ledger/v1/commands", bytes, "application/x-protobuf")));
  CARELEDGER_TRY(const json::Document answer, json::parse(response.body));
  if (answer.root().string_at("outcome") == "final" && number_at(answer.root(), "code") == 0) return BlockTime{};
  if (answer.root().string_at("outcome") == "waiting") return BlockTime{static_cast<std::int64_t>(number_at(answer.root(), "until_ms"))};
  if (answer.root().string_at("outcome") == "busy")
    return fail(ErrorKind::busy,
                "the node takes no more such commands now; try again in " + std::string(response.headers.get("Retry-After")) + " seconds");
  return fail(ErrorKind::conflict, "the ledger refused: " + printable(answer.root().string_at("code_name")));
}

}  // namespace careledger::apps
