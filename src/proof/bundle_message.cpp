// The bundle as bytes.
#include "proof/bundle.h"
#include "proof/canonical.h"
#include "proof/chain_message.h"
#include "proof/map_cut.h"
#include "proof/walk.h"

namespace careledger::proof {
namespace {

tl::unexpected<Error> malformed(const char* what) { return fail(ErrorKind::malformed, std::string("bundle: ") + what); }

Bytes joined(const Path& path) {
  Bytes out;
  out.reserve(path.size() * Digest::size);
  for (const Digest& hash : path) out.append(hash.view());
  return out;
}

Result<Path> split(ByteView bytes) {
  if (bytes.size() % 32 != 0) return malformed("hashes are not a multiple of 32 bytes");
  Path path;
  for (; !bytes.empty(); bytes.remove_prefix(32)) path.push_back(*Digest::from(bytes.substr(0, 32)));
  return path;
}

template <class Id>
Result<Id> id_of(ByteView bytes) {
  const auto id = Id::from(bytes);
  if (!id) return malformed("an id or hash has not 32 bytes");
  return *id;
}

// ---- out ----

void to_message(const ShownElement& element, bundle::Element& out) {
  out.set_leaf(element.leaf);
  Bytes sides((element.path.size() + 7) / 8, '\0');
  out.mutable_hashes()->reserve(element.path.size() * Digest::size);
  for (std::size_t i = 0; i < element.path.size(); ++i) {
    out.mutable_hashes()->append(element.path[i].second.view());
    if (element.path[i].first) sides[i / 8] = static_cast<char>(static_cast<std::uint8_t>(sides[i / 8]) | (0x80 >> (i % 8)));
  }
  out.set_sides(sides);
}

void to_message(const RecordClaim& claim, bundle::RecordClaim& out) {
  out.set_profile(claim.profile);
  out.set_type(claim.type);
  out.set_root(claim.root.bytes());
  for (const ShownElement& element : claim.elements) to_message(element, *out.add_elements());
  *out.mutable_command() = claim.anchor.command;
  out.set_leaf(claim.leaf);
  out.set_leaf_path(joined(claim.leaf_path));
  out.set_height(claim.anchor.height.value);
  out.set_position(claim.anchor.position);
  out.set_index(claim.anchor.index);
  out.set_log_path(joined(claim.anchor.path));
  proof::to_message(claim.state, *out.mutable_state());
}

void to_message(const LoggedCommand& logged, bundle::LoggedCommand& out) {
  *out.mutable_command() = logged.command;
  out.set_height(logged.height.value);
  out.set_position(logged.position);
  out.set_index(logged.index);
  out.set_path(joined(logged.path));
}

void to_message(const AuditOpening& opening, bundle::Opening& out) {
  out.set_row(opening.row);
  out.set_entry_salt(opening.entry_salt);
  out.set_entry(opening.entry);
  if (opening.details_hash) {
    out.set_details_hash(opening.details_hash->bytes());
    return;
  }
  out.set_details_salt(opening.details_salt);
  out.set_details(opening.details);
}

void to_message(const AccessClaim& claim, bundle::AccessClaim& out) {
  out.set_custodian(claim.custodian.bytes());
  out.set_subject(claim.subject.bytes());
  proof::to_message(claim.list, *out.mutable_list());
  for (const AuditOpening& opening : claim.openings) to_message(opening, *out.add_openings());
  proof::to_message(claim.state, *out.mutable_state());
  if (claim.promise) *out.mutable_promise() = *claim.promise;
  to_message(claim.head, *out.mutable_head());
  if (claim.after) out.set_after(place_bytes(*claim.after));
  if (claim.before) out.set_before(place_bytes(*claim.before));
}

// The part that Chain and WalkBlock have in common.
template <class Message>
void fill_block(const SignedHeader& signed_header, const ValidatorSet& validators, Message& out) {
  proof::to_message(signed_header.header, *out.mutable_header());
  proof::to_message(signed_header.commit, *out.mutable_commit());
  for (const Validator& validator : validators.validators) {
    bundle::Validator& next = *out.add_validators();
    next.set_key(validator.key.bytes());
    next.set_power(static_cast<std::uint64_t>(validator.power));
  }
}

void fill_chain(const Bundle& bundle, bundle::Chain& out) {
  fill_block(bundle.signed_header, bundle.validators, out);
  for (const auto& [name, value] : bundle.roots) {
    bundle::Root& next = *out.add_roots();
    next.set_name(name);
    next.set_value(value);
  }
}

// ---- in ----

Result<ShownElement> element_of(const bundle::Element& message) {
  CARELEDGER_TRY(const Path hashes, split(message.hashes()));
  if (hashes.size() > kMaxLogPath || message.sides().size() != (hashes.size() + 7) / 8)
    return malformed("an element's path has a wrong size");
  ShownElement element{message.leaf(), {}};
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    element.path.emplace_back(key_bit(message.sides(), static_cast<std::uint32_t>(i)), hashes[i]);
  }
  return element;
}

Result<RecordClaim> claim_of(const bundle::RecordClaim& message) {
  RecordClaim claim;
  claim.profile = message.profile();
  claim.type = message.type();
  CARELEDGER_TRY(claim.root, id_of<Digest>(message.root()));
  for (const bundle::Element& element : message.elements()) {
    CARELEDGER_TRY(ShownElement next, element_of(element));
    claim.elements.push_back(std::move(next));
  }
  claim.leaf = message.leaf();
  CARELEDGER_TRY(claim.leaf_path, split(message.leaf_path()));
  CARELEDGER_TRY(Path log_path, split(message.log_path()));
  claim.anchor = {message.command(), {message.height()}, message.position(), message.index(), std::move(log_path)};
  CARELEDGER_TRY(claim.state, from_message(message.state()));
  return claim;
}

Result<LoggedCommand> logged_of(const bundle::LoggedCommand& message) {
  CARELEDGER_TRY(Path path, split(message.path()));
  return LoggedCommand{message.command(), {message.height()}, message.position(), message.index(), std::move(path)};
}

Result<AuditOpening> opening_of(const bundle::Opening& message) {
  AuditOpening opening{message.row(), message.entry_salt(), message.entry(), std::nullopt, message.details_salt(), message.details()};
  if (message.details_hash().empty()) return opening;
  CARELEDGER_TRY(opening.details_hash, id_of<Digest>(message.details_hash()));
  return opening;
}

Result<std::optional<AuditPlace>> place_of(ByteView bytes) {
  if (bytes.empty()) return std::optional<AuditPlace>();
  const auto place = read_audit_place(bytes);
  if (!place) return malformed("the place of an entry has not 12 bytes");
  return place;
}

Result<AccessClaim> claim_of(const bundle::AccessClaim& message) {
  AccessClaim claim;
  CARELEDGER_TRY(claim.custodian, id_of<OrganisationId>(message.custodian()));
  CARELEDGER_TRY(claim.subject, id_of<Digest>(message.subject()));
  CARELEDGER_TRY(claim.list, from_message(message.list()));
  for (const bundle::Opening& opening : message.openings()) {
    CARELEDGER_TRY(AuditOpening next, opening_of(opening));
    claim.openings.push_back(std::move(next));
  }
  CARELEDGER_TRY(claim.state, from_message(message.state()));
  if (message.has_promise()) claim.promise = message.promise();
  CARELEDGER_TRY(claim.head, logged_of(message.head()));
  CARELEDGER_TRY(claim.after, place_of(message.after()));
  CARELEDGER_TRY(claim.before, place_of(message.before()));
  return claim;
}

template <class Message>
Result<LightBlock> block_of(const Message& message) {
  LightBlock out;
  CARELEDGER_TRY(out.signed_header.header, from_message(message.header()));
  CARELEDGER_TRY(out.signed_header.commit, from_message(message.commit()));
  if (message.validators_size() > static_cast<int>(kMaxValidators)) return fail(ErrorKind::too_large, "bundle: too many validators");
  for (const bundle::Validator& validator : message.validators()) {
    CARELEDGER_TRY(const auto key, id_of<crypto::PublicKey>(validator.key()));
    if (validator.power() > static_cast<std::uint64_t>(kMaxTotalPower)) return malformed("a validator's power is out of range");
    out.validators.validators.push_back({key, static_cast<std::int64_t>(validator.power()), 0});
  }
  return out;
}

Result<void> read_chain(const bundle::Chain& message, Bundle& out) {
  CARELEDGER_TRY(LightBlock block, block_of(message));
  out.signed_header = std::move(block.signed_header);
  out.validators = std::move(block.validators);
  for (const bundle::Root& root : message.roots()) {
    if (root.name().empty() || root.name().size() > kMaxMapKey) return malformed("a root's name has a wrong size");
    out.roots.emplace(root.name(), root.value());
  }
  return {};
}

Result<void> read_walk(const bundle::Bundle& message, Bundle& out) {
  std::size_t bytes = 0;
  for (const bundle::WalkBlock& each : message.walk()) bytes += each.ByteSizeLong();
  if (bytes > kMaxWalkBytes || message.walk_size() > static_cast<int>(kMaxWalk))
    return fail(ErrorKind::too_large, "bundle: the walk is too long");
  for (const bundle::WalkBlock& each : message.walk()) {
    CARELEDGER_TRY(LightBlock block, block_of(each));
    out.walk.push_back(std::move(block));
  }
  return {};
}

}  // namespace

Bytes encode(const Bundle& bundle) {
  bundle::Bundle message;
  message.set_ledger(bundle.ledger.bytes());
  fill_chain(bundle, *message.mutable_chain());
  if (const auto* record = std::get_if<RecordClaim>(&bundle.claim)) to_message(*record, *message.mutable_record());
  if (const auto* access = std::get_if<AccessClaim>(&bundle.claim)) to_message(*access, *message.mutable_access());
  if (bundle.checkpoint) {
    message.mutable_checkpoint()->set_note(bundle.checkpoint->note);
    message.mutable_checkpoint()->set_consistency(joined(bundle.checkpoint->consistency));
  }
  for (const LightBlock& block : bundle.walk) fill_block(block.signed_header, block.validators, *message.add_walk());
  return Bytes(kBundleMagic) + canonical_bytes(message);
}

Result<Bundle> decode_bundle(ByteView bytes) {
  if (!bytes.starts_with(kBundleMagic)) return malformed("not a proof bundle of this format");
  CARELEDGER_TRY(const auto message, from_canonical<bundle::Bundle>(bytes.substr(kBundleMagic.size()), "bundle", kMaxBundle));
  Bundle out;
  CARELEDGER_TRY(out.ledger, id_of<LedgerId>(message.ledger()));
  CARELEDGER_CHECK(read_chain(message.chain(), out));
  if (message.has_record()) {
    CARELEDGER_TRY(out.claim, claim_of(message.record()));
  } else if (message.has_access()) {
    CARELEDGER_TRY(out.claim, claim_of(message.access()));
  } else {
    return malformed("claims nothing");
  }
  if (message.has_checkpoint()) {
    out.checkpoint.emplace();
    out.checkpoint->note = message.checkpoint().note();
    CARELEDGER_TRY(out.checkpoint->consistency, split(message.checkpoint().consistency()));
  }
  CARELEDGER_CHECK(read_walk(message, out));
  if (encode(out) != bytes) return malformed("not in canonical form");
  return out;
}

}  // namespace careledger::proof
