#include "ordering/grown.h"

#include "crypto/hash.h"
#include "kernel/canonical.h"
#include "kernel/kernel.pb.h"
#include "kernel/tables.h"
#include "ordering/grown.pb.h"
#include "proof/canonical.h"

namespace careledger::ordering {
namespace {

constexpr std::uint32_t kGrownFormat = 1;
constexpr std::size_t kHeaders = 3;

tl::unexpected<Error> unfit(const char* what) { return fail(ErrorKind::invalid, std::string("the grown ledger's file: ") + what); }

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

}  // namespace

Bytes encode(const Grown& grown) {
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
  return proof::canonical_bytes(message);
}

Result<Grown> decode_grown(ByteView bytes) {
  CARELEDGER_TRY(const auto message, proof::from_canonical<GrownMessage>(bytes, "the grown ledger's file", kGrownBytesMax));
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
  CARELEDGER_CHECK(check_headers(out));
  if (encode(out) != bytes) return unfit("it has another form than the one whose number is read aloud");
  return out;
}

Digest number_of(ByteView grown) { return crypto::tagged_hash("careledger/grown/1", {grown}); }

}  // namespace careledger::ordering
