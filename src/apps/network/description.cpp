#include "apps/network/description.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "apps/config.h"
#include "base/printable.h"
#include "codec/fhir/instant.h"
#include "codec/json/json.h"
#include "edge/http/loopback.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::apps::network {
namespace {

namespace governance = contracts::governance;
namespace json = codec::json;

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kSigners = 3;
constexpr std::string_view kDomain = "careledger/description/1\n";
constexpr std::uint32_t kEpochMsMax = 3'600'000;
constexpr std::int64_t kClockApartMs = 5 * 60 * 1000;  // between the clocks of two members: the chain's first block has the latest time
constexpr std::int64_t kLifeMaxMs = std::int64_t{365} * 86'400'000;
constexpr std::array<std::string_view, 15> kMembers{"format",    "network", "epoch_ms",  "name",  "kind",
                                                    "group",     "weight",  "authority", "nonce", "sealing_key",
                                                    "validator", "node",    "listen",    "api",   "described"};

constexpr std::array<std::string_view, 5> kMoreMembers{"expires", "ledger", "proof", "consent", "signatures"};

tl::unexpected<Error> bad(const std::string& what) { return fail(ErrorKind::malformed, what); }

// Reads members by name and remembers the first that is not as it must be.
class Fields {
 public:
  explicit Fields(const json::Value& root) : root_(root) {}

  std::string text(std::string_view name, std::size_t size_max = 200) {
    const json::Value* value = root_.find(name);
    if (value == nullptr || !value->is_string() || value->text().size() > size_max) return miss(name, "a text of at most 200 bytes"), "";
    return std::string(value->text());
  }
  std::uint64_t number(std::string_view name, std::uint64_t max) {
    const json::Value* value = root_.find(name);
    const std::string_view text = value != nullptr && value->is_number() ? value->text() : std::string_view();
    std::uint64_t out = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size() || out > max)
      miss(name, "a number of at most " + std::to_string(max));
    return out;
  }
  Bytes hex(std::string_view name, std::size_t size_max) {
    auto bytes = from_hex(root_.string_at(name));
    if (!bytes || bytes->empty() || bytes->size() > size_max) return miss(name, "hex digits"), Bytes();
    return std::move(*bytes);
  }
  template <class Id>
  Id id(std::string_view name) {
    const auto id = Id::from(hex(name, Id::size));
    if (!id) miss(name, "64 hex digits");
    return id.value_or(Id{});
  }
  crypto::Signature signature(std::string_view name) {
    const auto signature = crypto::Signature::from(hex(name, sizeof(crypto::Signature::value)));
    if (!signature) miss(name, "128 hex digits");
    return signature.value_or(crypto::Signature{});
  }
  BlockTime time(std::string_view name) {
    const auto time = codec::fhir::parse_instant(root_.string_at(name));
    if (!time) miss(name, "a time like 2027-01-31T09:30:00.000Z");
    return time.value_or(BlockTime{});
  }
  void miss(std::string_view name, const std::string& expected) {
    if (!error_) error_ = Error{ErrorKind::malformed, "\"" + std::string(name) + "\" must be " + expected};
  }
  Result<void> end() const { return error_ ? Result<void>(tl::make_unexpected(*error_)) : Result<void>(); }

 private:
  const json::Value& root_;
  std::optional<Error> error_;
};

Result<void> check_form(const json::Value& root) {
  const json::Value* format = root.find("format");
  if (format == nullptr || !format->is_number()) return bad("this is no description of an organisation: \"format\" is missing");
  if (format->text() != std::to_string(kFormat))
    return fail(ErrorKind::newer_format, "the description has format " + std::string(format->text()) + " and this program knows " +
                                             std::to_string(kFormat) + ": agree on one version of careledger");
  const json::Value* signatures = root.find("signatures");
  if (signatures == nullptr || signatures->size() != kSigners) return bad("\"signatures\" must be by command, validator and node");
  for (const json::Member& member : root.members()) {
    const bool known =
        std::ranges::find(kMembers, member.key()) != kMembers.end() || std::ranges::find(kMoreMembers, member.key()) != kMoreMembers.end();
    if (!known) return bad("\"" + std::string(member.key()) + "\" is unknown");
  }
  return {};
}

// What people read to each other must be what it looks like.
bool is_readable(const std::string& text) { return printable(text) == text; }

Result<void> check_times(const Description& description, BlockTime now) {
  if (description.described.value > now.value + kClockApartMs)
    return fail(ErrorKind::invalid,
                description.member.name() + " described itself at " + codec::fhir::format_instant(description.described) +
                    ", which has not come yet: one of the two clocks is wrong; set it, and if it was that organisation's, "
                    "ask it for a new description");
  if (description.expires <= description.described || description.expires.value - description.described.value > kLifeMaxMs)
    return fail(ErrorKind::invalid, "the description holds for no time, or for more than 365 days");
  if (description.expires <= now)
    return fail(ErrorKind::invalid, "the description expired on " + codec::fhir::format_instant(description.expires) + ": ask " +
                                        description.member.name() + " for a new one (careledger network describe)");
  return {};
}

Result<Description> read_fields(const json::Value& root) {
  Fields fields(root);
  Description out;
  out.network = fields.text("network");
  out.epoch_ms = static_cast<std::uint32_t>(fields.number("epoch_ms", kEpochMsMax));
  auto& member = out.member;
  member.set_name(fields.text("name"));
  member.set_group(fields.text("group"));
  member.set_weight(fields.number("weight", kernel::kWeightMax));
  member.set_nonce(fields.id<Digest>("nonce").bytes());
  member.set_sealing_key(fields.id<Digest>("sealing_key").bytes());
  if (!kernel::parse_canonical(fields.hex("authority", 8192), *member.mutable_authority()) || !kernel::is_sound(member.authority()))
    fields.miss("authority", "the keys of an organisation");
  out.validator = fields.id<crypto::PublicKey>("validator");
  if (member.weight() > 0) member.set_validator_key(out.validator.bytes());
  out.node = fields.id<crypto::PublicKey>("node");
  out.listen = fields.text("listen");
  out.api = fields.text("api");
  if (!is_endpoint(out.listen)) fields.miss("listen", "host:port, in lower case");
  if (!is_origin(out.api)) fields.miss("api", "https://host:port, in lower case (http on one machine alone)");
  constexpr std::array<std::string_view, 3> kApplication{"ledger", "proof", "consent"};
  if (std::ranges::any_of(kApplication, [&root](std::string_view name) { return root.find(name) != nullptr; }))
    out.application = {fields.id<LedgerId>("ledger"), fields.signature("proof"), fields.signature("consent")};
  out.described = fields.time("described");
  out.expires = fields.time("expires");
  if (out.network.empty() || !is_readable(out.network)) fields.miss("network", "the ledger's name, readable");
  if (slug_of(member.name()).empty() || !is_readable(member.name())) fields.miss("name", "a readable name with a letter or digit");
  if (!is_readable(member.group())) fields.miss("group", "readable");
  if (out.epoch_ms == 0) fields.miss("epoch_ms", "1 or more");
  CARELEDGER_CHECK(fields.end());
  CARELEDGER_TRY(const std::uint32_t kind, kind_number(std::string(root.string_at("kind"))));
  member.set_kind(kind);
  return out;
}

// What the keys sign: everything but the signatures, in the one form that RFC 8785 gives it.
Result<Bytes> signed_bytes(const json::Value& root) {
  json::Document document;
  document.root() = document.copy(root);
  document.remove(document.root(), "signatures");
  CARELEDGER_TRY(const Bytes canonical, json::canonical_strict(document.root()));
  return Bytes(kDomain) + canonical;
}

struct NamedKey {
  std::string_view name;
  crypto::PublicKey key;
};
std::array<NamedKey, kSigners> signers_of(const Description& description, const crypto::PublicKey& command) {
  return {NamedKey{"command", command}, {"validator", description.validator}, {"node", description.node}};
}

Result<void> check_signatures(const json::Value& root, const Description& description) {
  CARELEDGER_TRY(const Bytes message, signed_bytes(root));
  const json::Value* signatures = root.find("signatures");
  const auto command = kernel::public_key_of(description.member.authority(), kernel::KeyRole::command, description.described);
  if (!command) return bad("\"authority\" has no key for commands");
  for (const auto& [name, key] : signers_of(description, *command)) {
    const auto bytes = signatures != nullptr ? from_hex(signatures->string_at(name)) : std::nullopt;
    const auto signature = bytes ? crypto::Signature::from(*bytes) : std::nullopt;
    if (!signature || !crypto::verify(key, message, *signature))
      return fail(ErrorKind::unauthenticated,
                  "the signature of its " + std::string(name) + " key does not hold: it was changed on the way; ask for it again");
  }
  if (!description.application) return {};
  const auto& [ledger, proof, consent] = *description.application;
  const bool proven =
      crypto::verify(description.validator,
                     governance::rotation_bytes(ledger, kernel::account_id(description.member), description.validator.view()), proof);
  if (proven && crypto::verify(*command, governance::admission_bytes(ledger, admission_of(description)), consent)) return {};
  return fail(ErrorKind::unauthenticated, "its keys do not sign that it wants to join that ledger: ask for a new description");
}

}  // namespace

// http only where nobody else hears: between processes of one machine.
bool is_origin(std::string_view text) {
  constexpr std::string_view kSafe = "https://", kPlain = "http://";
  if (text.starts_with(kSafe)) return is_endpoint(text.substr(kSafe.size()));
  if (!text.starts_with(kPlain)) return false;
  const std::string_view endpoint = text.substr(kPlain.size());
  if (!is_endpoint(endpoint)) return false;
  const std::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  return edge::http::is_loopback(host.starts_with('[') ? host.substr(1, host.size() - 2) : host);
}

governance::AdmitMember admission_of(const Description& description) {
  const kernel::FoundingMember& member = description.member;
  governance::AdmitMember admit;
  auto& organisation = *admit.mutable_organisation();
  *organisation.mutable_authority() = member.authority();
  organisation.set_nonce(member.nonce());
  organisation.set_name(member.name());
  organisation.set_kind(member.kind());
  organisation.set_sealing_key(member.sealing_key());
  admit.set_weight(member.weight());
  admit.set_group(member.group());
  admit.set_until_ms(description.expires.value);
  if (member.weight() > 0) {  // a follower brings no key
    admit.set_validator_key(description.validator.bytes());
    admit.set_proof(Bytes(description.application->proof.view()));
  }
  admit.set_consent(Bytes(description.application->consent.view()));
  return admit;
}

Bytes write_description(const Description& description, const DescriptionKeys& keys) {
  json::Document document;
  json::Value root = document.object();
  const auto& member = description.member;
  const auto text = [&](std::string_view name, std::string_view value) { document.set(root, name, document.string(value)); };
  document.set(root, "format", document.number(kFormat));
  text("network", description.network);
  document.set(root, "epoch_ms", document.number(std::int64_t{description.epoch_ms}));
  text("name", member.name());
  text("kind", kind_name(member.kind()));
  text("group", member.group());
  document.set(root, "weight", document.number(static_cast<std::int64_t>(member.weight())));
  text("authority", to_hex(kernel::encode(member.authority())));
  text("nonce", to_hex(member.nonce()));
  text("sealing_key", to_hex(member.sealing_key()));
  text("validator", description.validator.hex());
  text("node", description.node.hex());
  text("listen", description.listen);
  text("api", description.api);
  if (description.application) {
    text("ledger", description.application->ledger.hex());
    text("proof", to_hex(description.application->proof.view()));
    text("consent", to_hex(description.application->consent.view()));
  }
  text("described", codec::fhir::format_instant(description.described));
  text("expires", codec::fhir::format_instant(description.expires));
  const auto message = signed_bytes(root);
  CARELEDGER_ASSERT(message.has_value());
  json::Value signatures = document.object();
  const auto sign = [&](std::string_view name, const crypto::SigningKey& key) {
    document.set(signatures, name, document.string(to_hex(key.sign(*message).view())));
  };
  sign("command", keys.command);
  sign("validator", keys.validator);
  sign("node", keys.node);
  document.set(root, "signatures", signatures);
  return json::pretty(root) + "\n";
}

Result<Description> read_description(ByteView text, std::optional<BlockTime> now) {
  json::Limits limits;
  limits.bytes = kDescriptionBytesMax;
  limits.depth = 4;
  CARELEDGER_TRY(const json::Document document, json::parse(text, limits));
  const json::Value& root = document.root();
  CARELEDGER_CHECK(check_form(root));
  CARELEDGER_TRY(Description description, read_fields(root));
  CARELEDGER_CHECK(check_signatures(root, description));
  if (now) CARELEDGER_CHECK(check_times(description, *now));
  return description;
}

}  // namespace careledger::apps::network
