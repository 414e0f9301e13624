#include "proof/chain_message.h"

#include <algorithm>

#include "proof/canonical.h"

namespace careledger::proof {
namespace {

tl::unexpected<Error> no_message(const char* what) { return fail(ErrorKind::malformed, std::string("chain: ") + what); }

constexpr std::int64_t kFirstSecond = -62135596800;  // years 1 to 9999, as protobuf's Timestamp has it
constexpr std::int64_t kLastSecond = 253402300799;

bool is_hash(const Bytes& bytes) { return bytes.empty() || bytes.size() == 32; }
bool is_address(const Bytes& bytes) { return bytes.empty() || bytes.size() == 20; }

Result<Time> time_of(const comet::Timestamp& message) {
  const bool fits =
      message.nanos() >= 0 && message.nanos() <= 999'999'999 && message.seconds() >= kFirstSecond && message.seconds() <= kLastSecond;
  if (!fits) return no_message("a time is out of range");
  return Time{message.seconds(), message.nanos()};
}

Result<BlockId> id_of(const comet::BlockID& message) {
  BlockId id{message.hash(), {message.part_set_header().total(), message.part_set_header().hash()}};
  if (!is_hash(id.hash) || !is_hash(id.parts.hash)) return no_message("a block id's hash has the wrong size");
  return id;
}

Result<CommitSig> sig_of(const comet::CommitSig& message) {
  if (message.block_id_flag() < 1 || message.block_id_flag() > 3) return no_message("a vote's flag is unknown");
  CommitSig sig;
  sig.flag = static_cast<VoteFlag>(message.block_id_flag());
  sig.validator_address = message.validator_address();
  CARELEDGER_TRY(sig.timestamp, time_of(message.timestamp()));
  sig.signature = message.signature();
  const bool sized = sig.flag == VoteFlag::absent ? sig.validator_address.empty() && sig.signature.empty()
                                                  : sig.validator_address.size() == 20 && sig.signature.size() == 64;
  if (!sized) return no_message("a vote's address or signature has the wrong size");
  return sig;
}

}  // namespace

void to_message(const Time& time, comet::Timestamp& out) {
  out.set_seconds(time.seconds);
  out.set_nanos(time.nanos);
}

void to_message(const BlockId& id, comet::BlockID& out) {
  out.set_hash(id.hash);
  out.mutable_part_set_header()->set_total(id.parts.total);
  out.mutable_part_set_header()->set_hash(id.parts.hash);
}

void to_message(const Header& header, comet::Header& out) {
  out.mutable_version()->set_block(header.block_version);
  out.mutable_version()->set_app(header.app_version);
  out.set_chain_id(header.chain_id);
  out.set_height(header.height);
  to_message(header.time, *out.mutable_time());
  to_message(header.last_block_id, *out.mutable_last_block_id());
  out.set_last_commit_hash(header.last_commit_hash);
  out.set_data_hash(header.data_hash);
  out.set_validators_hash(header.validators_hash);
  out.set_next_validators_hash(header.next_validators_hash);
  out.set_consensus_hash(header.consensus_hash);
  out.set_app_hash(header.app_hash);
  out.set_last_results_hash(header.last_results_hash);
  out.set_evidence_hash(header.evidence_hash);
  out.set_proposer_address(header.proposer_address);
}

void to_message(const CommitSig& sig, comet::CommitSig& out) {
  out.set_block_id_flag(static_cast<int>(sig.flag));
  out.set_validator_address(sig.validator_address);
  to_message(sig.timestamp, *out.mutable_timestamp());
  out.set_signature(sig.signature);
}

void to_message(const Commit& commit, comet::Commit& out) {
  out.set_height(commit.height);
  out.set_round(commit.round);
  to_message(commit.block_id, *out.mutable_block_id());
  for (const CommitSig& sig : commit.signatures) to_message(sig, *out.add_signatures());
}

void to_message(const Validator& validator, comet::Validator& out) {
  out.set_address(validator.address());
  out.mutable_pub_key()->set_ed25519(validator.key.bytes());
  out.set_voting_power(validator.power);
  out.set_proposer_priority(validator.priority);
}

// Go's reader wants a proposer: the one with the highest priority, of several the lowest address.
void to_message(const ValidatorSet& set, comet::ValidatorSet& out) {
  const Validator* proposer = nullptr;
  for (const Validator& validator : set.validators) {
    to_message(validator, *out.add_validators());
    const bool before = proposer == nullptr || validator.priority > proposer->priority ||
                        (validator.priority == proposer->priority && validator.address() < proposer->address());
    if (before) proposer = &validator;
  }
  if (proposer != nullptr) to_message(*proposer, *out.mutable_proposer());
}

void to_message(const Block& block, comet::Block& out) {
  to_message(block.header, *out.mutable_header());
  out.mutable_data();
  for (const Bytes& tx : block.txs) out.mutable_data()->add_txs(tx);
  out.mutable_evidence();
  if (block.last_commit) to_message(*block.last_commit, *out.mutable_last_commit());
}

Result<Header> from_message(const comet::Header& message) {
  Header header;
  header.block_version = message.version().block();
  header.app_version = message.version().app();
  header.chain_id = message.chain_id();
  header.height = message.height();
  CARELEDGER_TRY(header.time, time_of(message.time()));
  CARELEDGER_TRY(header.last_block_id, id_of(message.last_block_id()));
  header.last_commit_hash = message.last_commit_hash();
  header.data_hash = message.data_hash();
  header.validators_hash = message.validators_hash();
  header.next_validators_hash = message.next_validators_hash();
  header.consensus_hash = message.consensus_hash();
  header.app_hash = message.app_hash();
  header.last_results_hash = message.last_results_hash();
  header.evidence_hash = message.evidence_hash();
  header.proposer_address = message.proposer_address();
  for (const Bytes* hash : {&header.last_commit_hash, &header.data_hash, &header.validators_hash, &header.next_validators_hash,
                            &header.consensus_hash, &header.app_hash, &header.last_results_hash, &header.evidence_hash}) {
    if (!is_hash(*hash)) return no_message("a header's hash has the wrong size");
  }
  if (!is_address(header.proposer_address)) return no_message("the proposer's address has the wrong size");
  return header;
}

Result<Commit> from_message(const comet::Commit& message) {
  if (message.signatures_size() > static_cast<int>(kMaxValidators)) return fail(ErrorKind::too_large, "chain: too many votes");
  Commit commit;
  commit.height = message.height();
  commit.round = message.round();
  CARELEDGER_TRY(commit.block_id, id_of(message.block_id()));
  for (const comet::CommitSig& sig : message.signatures()) {
    CARELEDGER_TRY(CommitSig next, sig_of(sig));
    commit.signatures.push_back(std::move(next));
  }
  return commit;
}

Result<ValidatorSet> from_message(const comet::ValidatorSet& message) {
  if (message.validators_size() > static_cast<int>(kMaxValidators)) return fail(ErrorKind::too_large, "chain: too many validators");
  ValidatorSet set;
  for (const comet::Validator& validator : message.validators()) {
    const auto key = crypto::PublicKey::from(validator.pub_key().ed25519());
    if (!key) return no_message("a validator's key is not an Ed25519 key");
    set.validators.push_back({*key, validator.voting_power(), validator.proposer_priority()});
  }
  return set;
}

Result<Block> from_message(const comet::Block& message) {
  Block block;
  CARELEDGER_TRY(block.header, from_message(message.header()));
  block.txs.assign(message.data().txs().begin(), message.data().txs().end());
  if (message.has_last_commit()) {
    CARELEDGER_TRY(block.last_commit, from_message(message.last_commit()));
  }
  return block;
}

namespace {

template <class Message, class Value>
Bytes encode_as(const Value& value) {
  Message message;
  to_message(value, message);
  return canonical_bytes(message);
}

// Strict by construction: what is not the encoding of the value that it gives is refused.
template <class Value, class Message>
Result<Value> decode_as(ByteView bytes, const char* what, std::size_t limit) {
  CARELEDGER_TRY(const Message message, from_canonical<Message>(bytes, what, limit));
  CARELEDGER_TRY(Value value, from_message(message));
  if (encode_as<Message>(value) != bytes) return fail(ErrorKind::malformed, std::string(what) + ": not in canonical form");
  return value;
}

constexpr std::size_t kSmall = 1u << 20;
constexpr std::size_t kBlock = 128u << 20;

}  // namespace

Bytes encode(const Header& header) { return encode_as<comet::Header>(header); }
Bytes encode(const Commit& commit) { return encode_as<comet::Commit>(commit); }
Bytes encode(const ValidatorSet& set) { return encode_as<comet::ValidatorSet>(set); }
Bytes encode(const Block& block) { return encode_as<comet::Block>(block); }

Bytes encode(const SignedHeader& signed_header) {
  comet::SignedHeader message;
  to_message(signed_header.header, *message.mutable_header());
  to_message(signed_header.commit, *message.mutable_commit());
  return canonical_bytes(message);
}

Result<Header> decode_header(ByteView bytes) { return decode_as<Header, comet::Header>(bytes, "header", kSmall); }
Result<Commit> decode_commit(ByteView bytes) { return decode_as<Commit, comet::Commit>(bytes, "commit", kSmall); }

// The proposer and the total are what a node makes of the set at some moment: read past, like Go's light client does.
Result<ValidatorSet> decode_validators(ByteView bytes) {
  CARELEDGER_TRY(comet::ValidatorSet message, from_canonical<comet::ValidatorSet>(bytes, "validators", kSmall));
  CARELEDGER_TRY(ValidatorSet set, from_message(message));
  comet::ValidatorSet again;
  to_message(set, again);
  for (comet::ValidatorSet* each : {&message, &again}) {
    each->clear_proposer();
    each->clear_total_voting_power();
  }
  if (canonical_bytes(message) != canonical_bytes(again)) return no_message("a validator is not in canonical form");
  return set;
}

Result<Block> decode_block(ByteView bytes) { return decode_as<Block, comet::Block>(bytes, "block", kBlock); }

Result<SignedHeader> decode_signed_header(ByteView bytes) {
  CARELEDGER_TRY(const comet::SignedHeader message, from_canonical<comet::SignedHeader>(bytes, "signed header", kSmall));
  SignedHeader out;
  CARELEDGER_TRY(out.header, from_message(message.header()));
  CARELEDGER_TRY(out.commit, from_message(message.commit()));
  if (encode(out) != bytes) return no_message("a signed header is not in canonical form");
  return out;
}

}  // namespace careledger::proof
