#include <charconv>

#include "apps/wallet_file.h"
#include "contracts/build.h"
#include "crypto/hash.h"
#include "crypto/secret_text.h"
#include "edge/exchange/operations.h"

namespace careledger::apps {
namespace {

namespace json = codec::json;

constexpr std::int64_t kFormat = 1;

json::Value number(json::Document& document, std::uint64_t value) { return document.number(static_cast<std::int64_t>(value)); }

std::uint64_t number_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  std::uint64_t out = 0;
  if (value != nullptr && value->is_number()) {
    const std::string_view text = value->text();
    std::from_chars(text.data(), text.data() + text.size(), out);
  }
  return out;
}

// In a parsed document a key's number, as many digits as a seed has, stands in the seed's place.
constexpr std::string_view kSeedStart = R"("seed":")";  // in a JSON string its quotes would be escaped: this is a member alone
constexpr std::size_t kSeedDigits = 64;

std::string seed_mark(std::size_t index) {
  std::string digits = std::to_string(index);
  return digits.insert(0, kSeedDigits - digits.size(), '0');
}

std::size_t next_seed(ByteView text, std::size_t from) {
  const std::size_t found = text.find(kSeedStart, from);
  return found == ByteView::npos || text.size() - found < kSeedStart.size() + kSeedDigits ? ByteView::npos : found + kSeedStart.size();
}

crypto::Secret with_seeds(const Bytes& json, const std::vector<WalletKey>& keys) {
  crypto::Secret text = crypto::Secret::copy_of(json);
  std::size_t at = next_seed(json, 0);
  for (const WalletKey& key : keys) {
    CARELEDGER_ASSERT(at != ByteView::npos);
    crypto::secret_to_hex(key.key.seed()).view().copy(text.data() + at, kSeedDigits);
    at = next_seed(json, at + kSeedDigits);
  }
  return text;
}

std::vector<crypto::Secret> take_seeds(crypto::Secret& text) {
  std::vector<crypto::Secret> seeds;
  for (std::size_t at = next_seed(text.view(), 0); at != ByteView::npos; at = next_seed(text.view(), at + 1)) {
    auto seed = crypto::secret_from_hex(text.view().substr(at, kSeedDigits));
    if (!seed) continue;
    seed_mark(seeds.size()).copy(text.data() + at, kSeedDigits);
    seeds.push_back(std::move(*seed));
  }
  return seeds;
}

json::Value key_value(json::Document& document, const WalletKey& key, std::size_t index) {
  json::Value out = document.object();
  document.set(out, "label", document.string(key.label));
  document.set(out, "seed", document.string(seed_mark(index)));
  document.set(out, "nonce", document.string(key.nonce.hex()));
  document.set(out, "organisation", document.string(key.organisation));
  document.set(out, "organisation_name", document.string(key.organisation_name));
  document.set(out, "head_size", number(document, key.head_size));
  document.set(out, "head_root", document.string(key.head_root));
  document.set(out, "as_of", number(document, key.as_of));
  document.set(out, "subject", document.string(key.subject));
  if (key.claimed) document.set(out, "claimed", document.string(key.claimed->hex()));
  if (key.handed_over) document.set(out, "handed_over", document.boolean(true));
  if (!key.handover_salt.empty()) {
    document.set(out, "handover_reason", document.string(key.handover_reason));
    document.set(out, "handover_salt", document.string(key.handover_salt));
  }
  return out;
}

json::Value grant_value(json::Document& document, const WalletGrant& grant) {
  json::Value out = document.object();
  document.set(out, "custodian", document.string(grant.custodian));
  document.set(out, "relationship", document.string(grant.relationship));
  document.set(out, "number", number(document, grant.number));
  document.set(out, "salt", document.string(grant.salt));
  document.set(out, "consent", document.string(grant.consent));
  document.set(out, "grantee", document.string(grant.grantee));
  document.set(out, "revoked", document.boolean(grant.revoked));
  return out;
}

Result<WalletKey> read_key(const json::Value& value, std::size_t index, const std::vector<crypto::Secret>& seeds) {
  const auto nonce_bytes = from_hex(value.string_at("nonce"));
  const auto nonce = nonce_bytes ? Digest::from(*nonce_bytes) : std::nullopt;
  if (index >= seeds.size() || value.string_at("seed") != seed_mark(index) || !nonce)
    return fail(ErrorKind::malformed, "the wallet holds a key that does not read");
  CARELEDGER_TRY(crypto::SigningKey key, crypto::SigningKey::from_seed(seeds[index]));
  WalletKey out{std::string(value.string_at("label")), std::move(key), *nonce, {}, {}, 0, {}, 0, {}};
  out.organisation = value.string_at("organisation");
  out.organisation_name = value.string_at("organisation_name");
  out.head_size = number_at(value, "head_size");
  out.head_root = value.string_at("head_root");
  out.as_of = number_at(value, "as_of");
  out.subject = value.string_at("subject");
  if (const std::string_view hex = value.string_at("claimed"); !hex.empty()) {
    const auto bytes = from_hex(hex);
    out.claimed = bytes ? AccountId::from(*bytes) : std::nullopt;
    if (!out.claimed) return fail(ErrorKind::malformed, "the wallet holds a key that does not read");
  }
  const json::Value* over = value.find("handed_over");
  out.handed_over = over != nullptr && over->boolean();
  out.handover_reason = value.string_at("handover_reason");
  out.handover_salt = value.string_at("handover_salt");
  return out;
}

WalletGrant read_grant(const json::Value& value) {
  WalletGrant grant;
  grant.custodian = value.string_at("custodian");
  grant.relationship = value.string_at("relationship");
  grant.number = static_cast<std::uint32_t>(number_at(value, "number"));
  grant.salt = value.string_at("salt");
  grant.consent = value.string_at("consent");
  grant.grantee = value.string_at("grantee");
  const json::Value* revoked = value.find("revoked");
  grant.revoked = revoked != nullptr && revoked->boolean();
  return grant;
}

json::Value nodes_value(json::Document& document, const Wallet& wallet) {
  json::Value nodes = document.array();
  for (const auto& [organisation, seen] : wallet.nodes) {
    json::Value value = document.object();
    document.set(value, "organisation", document.string(organisation));
    document.set(value, "trust", document.string(seen.trust));
    document.set(value, "log_size", number(document, seen.log_size));
    document.set(value, "log_root", document.string(seen.log_root));
    document.set(value, "checkpoint", document.string(seen.checkpoint));
    document.append(nodes, value);
  }
  return nodes;
}

}  // namespace

AccountId WalletKey::account() const { return claimed ? *claimed : kernel::account_id(kernel::single_key(key.public_key()), nonce.view()); }

std::string WalletKey::enrolment_code() const { return edge::exchange::enrolment_code({kernel::single_key(key.public_key()), nonce}); }

Result<void> WalletKey::pin_subject(const std::string& hex) {
  if (subject.empty()) subject = hex;
  if (subject != hex) return fail(ErrorKind::corrupt, "the node lists this patient's accesses under another subject than it said at first");
  return {};
}

crypto::SigningKey WalletKey::witness() const {
  auto derived = crypto::SigningKey::from_seed(crypto::hkdf_sha256(key.seed().view(), {}, "careledger/wallet-witness/1", 32));
  CARELEDGER_ASSERT(derived.has_value());
  return std::move(*derived);
}

WalletKey* Wallet::by_label(const std::string& label) {
  for (WalletKey& key : keys)
    if (key.label == label) return &key;
  return nullptr;
}

WalletKey* Wallet::of_organisation(const std::string& hex) {
  for (WalletKey& key : keys)
    if (!hex.empty() && key.organisation == hex && !key.handed_over) return &key;
  return nullptr;
}

crypto::Secret wallet_json(const Wallet& wallet) {
  json::Document document;
  json::Value keys = document.array();
  for (std::size_t i = 0; i < wallet.keys.size(); ++i) document.append(keys, key_value(document, wallet.keys[i], i));
  json::Value grants = document.array();
  for (const WalletGrant& grant : wallet.grants) document.append(grants, grant_value(document, grant));
  json::Value root = document.object();
  document.set(root, "format", document.number(kFormat));
  document.set(root, "ledger", document.string(wallet.ledger));
  document.set(root, "trust", document.string(wallet.trust));
  document.set(root, "log_size", number(document, wallet.log_size));
  document.set(root, "log_root", document.string(wallet.log_root));
  document.set(root, "checkpoint", document.string(wallet.checkpoint));
  document.set(root, "keys", keys);
  document.set(root, "grants", grants);
  if (!wallet.nodes.empty()) document.set(root, "nodes", nodes_value(document, wallet));
  return with_seeds(json::compact(root), wallet.keys);
}

Result<Wallet> read_wallet_json(crypto::Secret text) {
  const std::vector<crypto::Secret> seeds = take_seeds(text);
  CARELEDGER_TRY(const json::Document document, json::parse(text.view()));
  const json::Value& root = document.root();
  if (number_at(root, "format") != kFormat) return fail(ErrorKind::newer_format, "the wallet was written by a newer program");
  Wallet wallet;
  wallet.ledger = root.string_at("ledger");
  wallet.trust = root.string_at("trust");
  wallet.log_size = number_at(root, "log_size");
  wallet.log_root = root.string_at("log_root");
  wallet.checkpoint = root.string_at("checkpoint");
  for (const json::Value& value : root.items_at("keys")) {
    CARELEDGER_TRY(WalletKey key, read_key(value, wallet.keys.size(), seeds));
    wallet.keys.push_back(std::move(key));
  }
  for (const json::Value& value : root.items_at("grants")) wallet.grants.push_back(read_grant(value));
  for (const json::Value& value : root.items_at("nodes")) {
    wallet.nodes[std::string(value.string_at("organisation"))] = {Bytes(value.string_at("trust")), number_at(value, "log_size"),
                                                                  std::string(value.string_at("log_root")),
                                                                  Bytes(value.string_at("checkpoint"))};
  }
  return wallet;
}

}  // namespace careledger::apps
