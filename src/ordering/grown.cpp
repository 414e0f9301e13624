#include "ordering/grown.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "crypto/hash.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/kernel.pb.h"
#include "kernel/tables.h"
#include "ordering/grown.pb.h"
#include "proof/canonical.h"

namespace careledger::ordering {
namespace {

namespace governance = contracts::governance;

constexpr std::uint32_t kGrownFormat = 2;
constexpr std::uint32_t kUnsignedFormat = 1;
constexpr ByteView kGrownTag = "careledger/grown-signature/1";
constexpr std::size_t kHeaders = 3;

tl::unexpected<Error> unfit(const char* what) { return fail(ErrorKind::invalid, std::string("the grown ledger's file: ") + what); }

tl::unexpected<Error> forged(const char* what) {
  return fail(ErrorKind::unauthenticated, std::string("the grown ledger's file is not its owner's: ") + what +
                                              "; ask the owner for it again, by a way on which you know each other");
}

Result<GrownOwner> read_owner(const GrownMessage& message) {
  const auto& from = message.owner();
  const auto organisation = OrganisationId::from(from.organisation());
  const auto node = crypto::PublicKey::from(from.node());
  if (!organisation || !node) return unfit("a key or an id of its owner has the wrong size");
  return GrownOwner{*organisation, from.name(), *node, from.listen(), from.api(), {from.described_ms()}};
}

bool follows(const proof::Header& before, const proof::Header& next) {
  return next.height == before.height + 1 && next.last_block_id.hash == proof::hash_of(before) &&
         proof::block_time(before.time) < proof::block_time(next.time);
}

Result<void> check_headers(const Grown& grown) {
  if (grown.headers.size() != kHeaders || grown.seal().height < 3) return unfit("it needs three headers");
  if (grown.validators.validators.size() != 1) return unfit("its headers are not signed by one key");
  const std::string chain = kernel::chain_id(kernel::ledger_id(grown.founding));
  for (std::size_t i = 0; i < kHeaders; ++i) {
    const proof::SignedHeader& one = grown.headers[i];
    if (one.header.chain_id != chain) return unfit("a header is of another ledger");
    if (const auto held = proof::verify_commit(one, grown.validators); !held) return unfit(held.error().message.c_str());
    if (i > 0 && !follows(grown.headers[i - 1].header, one.header)) return unfit("a header does not follow the one before it");
  }
  CARELEDGER_CHECK(proof::check(grown.successors));
  if (grown.seal().next_validators_hash != proof::hash_of(grown.successors)) return unfit("the seal names others who sign after it");
  if (grown.headers[1].header.app_hash == grown.seal().app_hash) return unfit("nothing was changed by its last command");
  return {};
}

// The founder's `grow`, alone in its block. Nothing: the batch is not that.
std::optional<governance::Grow> grow_in(const kernel::ReceivedBatch& batch) {
  if (batch.commands.size() != 1 || batch.commands.front().contract != governance::kContract.id) return std::nullopt;
  auto payload = kernel::decode_canonical<governance::Payload>(batch.commands.front().payload);
  if (!payload || !payload->has_grow()) return std::nullopt;
  return std::move(*payload->mutable_grow());
}

bool by_founder(const kernel::ReceivedCommand& command, const Grown& grown) {
  kernel::Founding founding;
  CARELEDGER_ASSERT(kernel::parse_canonical(grown.founding, founding));  // decode_grown has looked
  const BlockTime time = proof::block_time(grown.headers[1].header.time);
  return command.verdict == kernel::KernelCode::ok && command.ledger == kernel::ledger_id(grown.founding) &&
         command.actor == kernel::account_id(founding.founder(), founding.founder_nonce()) &&
         kernel::judge_signatures(founding.founder(), kernel::KeyRole::command, time, command.signed_bytes, command.signatures,
                                  kernel::direct_verdicts()) == kernel::KernelCode::ok;
}

// Who votes when it was carried out, nothing of it left to the state.
proof::ValidatorSet voters_of(const governance::Grow& grow) {
  proof::ValidatorSet set;
  const auto add = [&set](const auto& one) {
    const auto key = crypto::PublicKey::from(one.validator_key());
    if (one.weight() > 0 && key) set.validators.push_back({*key, static_cast<std::int64_t>(one.weight()), 0});
  };
  for (const auto& seat : grow.seats()) add(seat);
  for (const auto& member : grow.members()) add(member);
  proof::sort(set);
  return set;
}

Result<void> check_owner(const Grown& grown, const governance::Grow& grow) {
  const auto seat = std::ranges::find(grow.seats(), grown.owner.organisation.view(), &governance::Seat::organisation);
  if (seat == grow.seats().end()) return forged("its owner has no seat in the last command");
  const auto key = crypto::PublicKey::from(seat->validator_key());
  if (!key || !crypto::verify(*key, grown_sign_bytes(grown), grown.signature)) return forged("its signature does not hold");
  return {};
}

Result<void> check_command(const Grown& grown) {
  const proof::Header& at = grown.headers[1].header;
  const auto batch = kernel::receive_batch(grown.batch);
  const auto grow = batch ? grow_in(*batch) : std::nullopt;
  if (!grow) return unfit("its last command is none that makes a network of a ledger");
  if (!by_founder(batch->commands.front(), grown))
    return forged("its last command is not signed by the founder whom the founding document names");
  const std::vector<Bytes> batches{grown.batch};
  if (proof::data_hash(batches) != at.data_hash || grow->height() != static_cast<std::uint64_t>(at.height) ||
      grow->header_hash() != proof::hash_of(grown.headers.front().header))
    return forged("its last command is of another block than its headers");
  if (proof::hash_of(voters_of(*grow)) != proof::hash_of(grown.successors)) return forged("its last command names others with a vote");
  return check_owner(grown, *grow);
}

GrownMessage message_of(const Grown& grown) {
  GrownMessage message;
  message.set_format(kGrownFormat);
  message.set_founding(grown.founding);
  for (const proof::SignedHeader& one : grown.headers) message.add_headers(proof::encode(one));
  message.set_validators(proof::encode(grown.validators));
  message.set_successors(proof::encode(grown.successors));
  message.set_snapshot(grown.snapshot);
  for (const Bytes& one : grown.descriptions) message.add_descriptions(one);
  auto& owner = *message.mutable_owner();
  owner.set_organisation(grown.owner.organisation.bytes());
  owner.set_name(grown.owner.name);
  owner.set_node(grown.owner.node.bytes());
  owner.set_listen(grown.owner.listen);
  owner.set_api(grown.owner.api);
  owner.set_described_ms(grown.owner.described.value);
  message.set_batch(grown.batch);
  return message;
}

}  // namespace

Bytes encode(const Grown& grown) {
  GrownMessage message = message_of(grown);
  message.set_signature(Bytes(grown.signature.view()));
  return proof::canonical_bytes(message);
}

Bytes grown_sign_bytes(const Grown& grown) { return kernel::signed_bytes(kGrownTag, proof::canonical_bytes(message_of(grown))); }

Result<Grown> decode_grown(ByteView bytes) {
  CARELEDGER_TRY(const auto message, proof::from_canonical<GrownMessage>(bytes, "the grown ledger's file", kGrownBytesMax));
  if (message.format() == kUnsignedFormat)
    return fail(
        ErrorKind::unsupported,
        "the grown ledger's file is of an earlier build, which signed nothing in it, and this one does not take it: go on with that build");
  if (message.format() != kGrownFormat)
    return fail(ErrorKind::newer_format,
                "the grown ledger's file has format " + std::to_string(message.format()) + ", which is not known here");
  Grown out;
  out.founding = message.founding();
  kernel::Founding founding;
  if (!kernel::parse_canonical(out.founding, founding) || !kernel::is_sound(founding) || founding.format() != kernel::kFoundedByOne)
    return unfit("its founding document is not one of a founder");
  for (const auto& one : message.headers()) {
    CARELEDGER_TRY(proof::SignedHeader header, proof::decode_signed_header(one));
    out.headers.push_back(std::move(header));
  }
  CARELEDGER_TRY(out.validators, proof::decode_validators(message.validators()));
  CARELEDGER_TRY(out.successors, proof::decode_validators(message.successors()));
  out.snapshot = message.snapshot();
  out.descriptions = {message.descriptions().begin(), message.descriptions().end()};
  CARELEDGER_TRY(out.owner, read_owner(message));
  out.batch = message.batch();
  const auto signature = crypto::Signature::from(message.signature());
  if (!signature) return unfit("its signature has the wrong size");
  out.signature = *signature;
  CARELEDGER_CHECK(check_headers(out));
  CARELEDGER_CHECK(check_command(out));
  if (encode(out) != bytes) return unfit("it has another form than the one whose number is read aloud");
  return out;
}

governance::Grow last_command(const Grown& grown) {
  const auto batch = kernel::receive_batch(grown.batch);
  CARELEDGER_ASSERT(batch.has_value());
  auto grow = grow_in(*batch);
  CARELEDGER_ASSERT(grow.has_value());
  return std::move(*grow);
}

Digest number_of(ByteView grown) { return crypto::tagged_hash("careledger/grown/1", {grown}); }

}  // namespace careledger::ordering
