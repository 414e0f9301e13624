#include "proof/trust.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "codec/json/json.h"

namespace careledger::proof {
namespace {

namespace json = codec::json;

tl::unexpected<Error> wrong(std::string_view member) {
  return fail(ErrorKind::malformed, "trust file: " + std::string(member) + " is missing or wrong");
}

bool has_only(const json::Value& object, std::initializer_list<std::string_view> names) {
  return std::all_of(object.members().begin(), object.members().end(),
                     [names](const json::Member& member) { return std::find(names.begin(), names.end(), member.key()) != names.end(); });
}

// A whole number without sign, fraction or exponent.
std::optional<std::uint64_t> whole(const json::Value* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  std::uint64_t number = 0;
  const std::string_view text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > (std::uint64_t{1} << 53)) return std::nullopt;
  return number;
}

std::optional<crypto::PublicKey> key_at(const json::Value& object, std::string_view name) {
  const auto bytes = from_base64(object.string_at(name));
  return bytes ? crypto::PublicKey::from(*bytes) : std::nullopt;
}

Result<ValidatorSet> validators_of(const json::Value& root) {
  ValidatorSet set;
  for (const json::Value& item : root.items_at("validators")) {
    const auto key = key_at(item, "public_key");
    const auto power = whole(item.find("power"));
    if (!has_only(item, {"public_key", "power"}) || !key || !power) return wrong("validators");
    set.validators.push_back({*key, static_cast<std::int64_t>(*power), 0});
  }
  sort(set);
  if (!check(set)) return wrong("validators");
  return set;
}

Result<NoteKey> note_key_of(const json::Value& item, NoteKind kind, std::string_view member) {
  const auto key = key_at(item, "key");
  if (!item.is_object() || !has_only(item, {"name", "key"}) || !key || !is_note_name(item.string_at("name"))) return wrong(member);
  return NoteKey{std::string(item.string_at("name")), kind, *key};
}

Result<std::vector<NoteKey>> witnesses_of(const json::Value& root) {
  const json::Value* list = root.find("witnesses");
  if (list == nullptr || !list->is_array() || list->size() > kMaxNoteSignatures) return wrong("witnesses");
  std::vector<NoteKey> witnesses;
  for (const json::Value& item : list->items()) {
    CARELEDGER_TRY(NoteKey key, note_key_of(item, NoteKind::cosignature, "witnesses"));
    const bool twice = std::any_of(witnesses.begin(), witnesses.end(),
                                   [&key](const NoteKey& other) { return other.name == key.name || other.key == key.key; });
    if (twice) return wrong("witnesses");
    witnesses.push_back(std::move(key));
  }
  return witnesses;
}

json::Value note_key_value(json::Document& document, const NoteKey& key) {
  json::Value value = document.object();
  document.set(value, "name", document.string(key.name));
  document.set(value, "key", document.string(to_base64(key.key.view())));
  return value;
}

Result<TrustAnchor> anchor_of(const json::Value& item) {
  constexpr std::uint64_t kLastMs = 253402300799999;  // of the year 9999
  if (!item.is_object() || !has_only(item, {"height", "hash", "time_ms", "trusting_period_s"})) return wrong("anchor");
  const auto height = whole(item.find("height"));
  const auto hash = Digest::from(from_hex(item.string_at("hash")).value_or(""));
  const auto time = whole(item.find("time_ms"));
  const auto period = whole(item.find("trusting_period_s"));
  if (!height || *height == 0 || !hash || hash->hex() != item.string_at("hash")) return wrong("anchor");
  if (!time || *time > kLastMs || !period || *period == 0 || *period > (kLastMs - *time) / 1000) return wrong("anchor");
  return TrustAnchor{{*height}, *hash, {static_cast<std::int64_t>(*time)}, static_cast<std::int64_t>(*period)};
}

}  // namespace

Result<Trust> parse_trust(ByteView text) {
  json::Limits limits;
  limits.bytes = kMaxTrustFile;
  limits.depth = 4;
  auto document = json::parse(text, limits);
  if (!document) return fail(ErrorKind::malformed, "trust file: " + document.error().message);
  const json::Value& root = document->root();
  if (!root.is_object() || !has_only(root, {"format", "ledger", "chain_id", "validators", "log", "witnesses", "quorum", "anchor"})) {
    return fail(ErrorKind::malformed, "trust file: a member that this format has not");
  }
  if (root.string_at("format") != kTrustFormat) return wrong("format");
  Trust trust;
  const auto ledger = LedgerId::from(from_hex(root.string_at("ledger")).value_or(""));
  if (!ledger || ledger->hex() != root.string_at("ledger")) return wrong("ledger");
  trust.ledger = *ledger;
  trust.chain_id = root.string_at("chain_id");
  if (trust.chain_id.empty() || trust.chain_id.size() > kMaxChainId) return wrong("chain_id");
  CARELEDGER_TRY(trust.validators, validators_of(root));
  if (const json::Value* log = root.find("log")) {
    CARELEDGER_TRY(trust.log, note_key_of(*log, NoteKind::ed25519, "log"));
  }
  CARELEDGER_TRY(trust.witnesses, witnesses_of(root));
  const auto quorum = whole(root.find("quorum"));
  if (!quorum || *quorum > trust.witnesses.size()) return wrong("quorum");
  trust.quorum = static_cast<std::uint32_t>(*quorum);
  if (const json::Value* anchor = root.find("anchor")) {
    CARELEDGER_TRY(trust.anchor, anchor_of(*anchor));
  }
  return trust;
}

std::string to_text(const Trust& trust) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "format", document.string(kTrustFormat));
  document.set(root, "ledger", document.string(trust.ledger.hex()));
  document.set(root, "chain_id", document.string(trust.chain_id));
  json::Value validators = document.array();
  for (const Validator& validator : trust.validators.validators) {
    json::Value item = document.object();
    document.set(item, "public_key", document.string(to_base64(validator.key.view())));
    document.set(item, "power", document.number(validator.power));
    document.append(validators, item);
  }
  document.set(root, "validators", validators);
  if (trust.log) document.set(root, "log", note_key_value(document, *trust.log));
  json::Value witnesses = document.array();
  for (const NoteKey& witness : trust.witnesses) document.append(witnesses, note_key_value(document, witness));
  document.set(root, "witnesses", witnesses);
  document.set(root, "quorum", document.number(static_cast<std::int64_t>(trust.quorum)));
  if (trust.anchor) {
    json::Value anchor = document.object();
    document.set(anchor, "height", document.number(static_cast<std::int64_t>(trust.anchor->height.value)));
    document.set(anchor, "hash", document.string(trust.anchor->hash.hex()));
    document.set(anchor, "time_ms", document.number(trust.anchor->time.value));
    document.set(anchor, "trusting_period_s", document.number(trust.anchor->trusting_period_s));
    document.set(root, "anchor", anchor);
  }
  return json::pretty(root) + "\n";
}

Result<SignedCheckpoint> open_checkpoint(ByteView bytes, const Trust& trust) {
  if (!trust.log) return fail(ErrorKind::invalid, "the trust file names no key of the log");
  CARELEDGER_TRY(const Note note, parse_note(bytes));
  std::vector<NoteKey> known = trust.witnesses;
  known.push_back(*trust.log);
  CARELEDGER_TRY(const NoteVerdict verdict, verify_note(note, known));
  const bool by_log =
      std::any_of(verdict.signers.begin(), verdict.signers.end(), [&](const NoteSigner& s) { return s.known + 1 == known.size(); });
  if (!by_log) return fail(ErrorKind::invalid, "not signed by the log");
  SignedCheckpoint out;
  CARELEDGER_TRY(out.checkpoint, parse_checkpoint(note.text));
  if (out.checkpoint.origin != checkpoint_origin(trust.chain_id)) return fail(ErrorKind::invalid, "of another log");
  out.witnesses = verdict.signers.size() - 1;
  out.others = note.signatures.size() - verdict.signers.size();
  return out;
}

}  // namespace careledger::proof
