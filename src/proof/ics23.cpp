#include "proof/ics23.h"

#include "base/assert.h"
#include "proof/canonical.h"
#include "proof/comet.pb.h"
#include "proof/ics23.pb.h"

namespace careledger::proof {
namespace {

void start(ics23::ExistenceProof& proof, ByteView key, ByteView value) {
  proof.set_key(key.data(), key.size());
  proof.set_value(value.data(), value.size());
  ics23::LeafOp& leaf = *proof.mutable_leaf();
  leaf.set_hash(ics23::SHA256);
  leaf.set_prehash_value(ics23::SHA256);
  leaf.set_length(ics23::VAR_PROTO);
  leaf.set_prefix(std::string(1, '\0'));
}

void add_step(ics23::ExistenceProof& proof, bool right, const Digest& sibling) {
  ics23::InnerOp& inner = *proof.add_path();
  inner.set_hash(ics23::SHA256);
  inner.set_prefix(right ? "\x01" + sibling.bytes() : "\x01");
  if (!right) inner.set_suffix(sibling.bytes());
}

void fill(ics23::ExistenceProof& proof, const MapPath& path) {
  start(proof, path.key, path.value);
  for (const MapStep& step : path.steps) add_step(proof, key_bit(path.key, step.bit), step.sibling);
}

// Which side we are on at each step from the leaf: those of the RFC 6962 shape for this index and total.
std::vector<bool> sides(std::uint64_t index, std::uint64_t total) {
  std::vector<bool> out;
  for (std::uint64_t node = index, last = total - 1; last != 0; node >>= 1, last >>= 1) {
    if ((node & 1) != 0) {
      out.push_back(true);
    } else if (node != last) {
      out.push_back(false);
    }
  }
  return out;
}

comet::ProofOp value_op(ByteView key, std::int64_t index, std::int64_t total, const Digest& leaf, std::span<const Digest> aunts) {
  comet::ValueOp value;
  value.set_key(key.data(), key.size());
  comet::Proof& proof = *value.mutable_proof();
  proof.set_total(total);
  proof.set_index(index);
  proof.set_leaf_hash(leaf.bytes());
  for (const Digest& aunt : aunts) proof.add_aunts(aunt.bytes());
  comet::ProofOp op;
  op.set_type("simple:v");
  op.set_key(key.data(), key.size());
  op.set_data(canonical_bytes(value));
  return op;
}

comet::ProofOp value_op(const SimpleProof& proof) {
  return value_op(proof.key, static_cast<std::int64_t>(proof.index), static_cast<std::int64_t>(proof.total),
                  map_leaf(proof.key, proof.value), proof.aunts);
}

}  // namespace

Bytes ics23_existence(const MapPath& path) {
  ics23::CommitmentProof proof;
  fill(*proof.mutable_exist(), path);
  return canonical_bytes(proof);
}

Bytes ics23_absence(ByteView key, const std::optional<MapPath>& before, const std::optional<MapPath>& after) {
  CARELEDGER_ASSERT(before || after);
  ics23::CommitmentProof proof;
  ics23::NonExistenceProof& absent = *proof.mutable_nonexist();
  absent.set_key(key.data(), key.size());
  if (before) fill(*absent.mutable_left(), *before);
  if (after) fill(*absent.mutable_right(), *after);
  return canonical_bytes(proof);
}

Bytes ics23_existence(const SimpleProof& proof) {
  ics23::CommitmentProof out;
  start(*out.mutable_exist(), proof.key, proof.value);
  const std::vector<bool> right = sides(proof.index, proof.total);
  CARELEDGER_ASSERT(right.size() == proof.aunts.size());
  for (std::size_t i = 0; i < right.size(); ++i) add_step(*out.mutable_exist(), right[i], proof.aunts[i]);
  return canonical_bytes(out);
}

// CometBFT derives the shape from index and total alone. A leaf at depth d with these turns stands in the full tree of 2^d leaves at
// the index whose bits are the turns, and that tree asks for the same d hashes in the same order.
Result<Bytes> simple_value_ops(const MapPath& path, const SimpleProof& state) {
  if (path.steps.size() > kMaxSimpleDepth) return fail(ErrorKind::unsupported, "map proof: too deep for simple:v, ask for ICS23");
  std::int64_t index = 0;
  std::vector<Digest> aunts;
  for (std::size_t i = 0; i < path.steps.size(); ++i) {
    if (key_bit(path.key, path.steps[i].bit)) index |= std::int64_t{1} << i;
    aunts.push_back(path.steps[i].sibling);
  }
  comet::ProofOps ops;
  *ops.add_ops() = value_op(path.key, index, std::int64_t{1} << path.steps.size(), map_leaf(path.key, path.value), aunts);
  *ops.add_ops() = value_op(state);
  return canonical_bytes(ops);
}

Bytes simple_value_ops(const SimpleProof& proof) {
  comet::ProofOps ops;
  *ops.add_ops() = value_op(proof);
  return canonical_bytes(ops);
}

}  // namespace careledger::proof
