// Receipts, and the tlog-proofs that others made (tests/vectors/proof/tlog-proofs.json).
#include "proof/tlog_proof.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "proof/test_ledger.h"
#include "proof/test_vectors.h"

namespace careledger::proof {
namespace {

using testing::key_named;

// As the policy of a vector wants it: other logs' names, and extension lines.
bool holds(std::string_view text, const NoteKey& log, std::span<const NoteKey> witnesses, std::uint64_t quorum, ByteView record) {
  const auto proof = parse_tlog_proof(text);
  if (!proof) return false;
  const auto note = parse_note(proof->checkpoint);
  if (!note) return false;
  const auto checkpoint = parse_checkpoint(note->text, true);
  const auto by_log = verify_note(*note, {&log, 1});
  const auto by_witnesses = verify_note(*note, witnesses);
  if (!checkpoint || checkpoint->origin != log.name || !by_log || by_log->signers.size() != 1) return false;
  if (!by_witnesses || by_witnesses->signers.size() < quorum) return false;
  return verify_inclusion(log_leaf(record), proof->index, checkpoint->size, proof->path, checkpoint->root).has_value();
}

TEST(TlogProof, AgreesWithTheVectors) {
  const auto vectors = testing::read_json("proof/tlog-proofs.json");
  for (const auto& vector : vectors.root().items()) {
    const auto& policy = *vector.find("policy");
    std::vector<NoteKey> witnesses;
    for (const auto& key : policy.items_at("witnesses")) witnesses.push_back(parse_note_key(key.text()).value());
    const NoteKey log = parse_note_key(policy.string_at("log")).value();
    const bool good = holds(vector.string_at("tlogProof"), log, witnesses, testing::number_at(policy, "quorum"),
                            from_hex(vector.string_at("recordHex")).value());
    EXPECT_EQ(good, testing::truth_at(vector, "expect")) << vector.string_at("label");
  }
  EXPECT_EQ(vectors.root().size(), 14u);
}

// A log of so many commands, signed and cosigned; the receipt of its last entry.
struct Log {
  explicit Log(std::uint64_t size = 70) {
    for (std::uint64_t i = 0; i < size; ++i) tree.append_data(command_leaf(crypto::sha256(std::to_string(i)), {i / 3}, i % 3));
    trust.chain_id = "cl-1234";
    trust.log = NoteKey{checkpoint_origin(trust.chain_id), NoteKind::ed25519, key_named("log").public_key()};
    trust.witnesses = {{"south.example", NoteKind::cosignature, key_named("witness").public_key()}};
    trust.quorum = 1;
    Note note{to_text(Checkpoint{trust.log->name, size, tree.root()}), {}};
    note.signatures.push_back(sign_note(note.text, trust.log->name, key_named("log")));
    note.signatures.push_back(cosign(note.text, "south.example", key_named("witness"), 1764000000));
    receipt.index = size - 1;
    receipt.extra = command_leaf(crypto::sha256(std::to_string(size - 1)), {(size - 1) / 3}, (size - 1) % 3);
    receipt.path = tree.inclusion(size - 1);
    receipt.checkpoint = encode(note);
  }
  LogTree tree;
  Trust trust;
  TlogProof receipt;
};

TEST(Receipt, NamesTheCommandAndItsPlace) {
  const Log log;
  const auto verified = verify_receipt(encode(log.receipt), log.trust);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->command, crypto::sha256("69"));
  EXPECT_EQ(verified->height, Height{23});
  EXPECT_EQ(verified->position, 0u);
  EXPECT_EQ(verified->index, 69u);
  EXPECT_EQ(verified->signed_checkpoint.checkpoint.size, 70u);
  EXPECT_EQ(verified->signed_checkpoint.witnesses, 1u);
  EXPECT_TRUE(verify_receipt(encode(Log(1).receipt), log.trust));
}

TEST(Receipt, NoByteOfItMayChange) {
  const Log log;
  const Bytes good = encode(log.receipt);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(verify_receipt(bad, log.trust)) << i;
    EXPECT_FALSE(verify_receipt(good.substr(0, i), log.trust)) << i;
  }
  EXPECT_FALSE(verify_receipt(good + "\n", log.trust));
}

TEST(Receipt, WhatIsWrongIsNamed) {
  Log log;
  const auto why = [&log] { return verify_receipt(encode(log.receipt), log.trust).error().message; };
  log.trust.quorum = 2;
  EXPECT_EQ(why(), "receipt: too few witnesses cosigned");
  log.trust.quorum = 1;
  log.receipt.extra += "x";
  EXPECT_EQ(why(), "receipt: it carries no entry of a ledger's log");
  log.receipt.extra.clear();
  EXPECT_EQ(why(), "receipt: it carries no entry of a ledger's log");
  log.receipt.extra = command_leaf(crypto::sha256("another"), {23}, 0);
  EXPECT_EQ(why(), "receipt: its entry is not in the log of the checkpoint");
  log.trust.log->key = key_named("thief").public_key();
  EXPECT_NE(why().find("not signed by the log"), std::string::npos) << why();
}

TEST(Receipt, NumbersStandInOneFormOnly) {
  const Log log;
  const Bytes good = encode(log.receipt);
  for (const char* index : {"index 069", "index  69", "index +69", "index 69 ", "index ", "index 99999999999999999999"}) {
    Bytes bad = good;
    bad.replace(bad.find("index 69"), 8, index);
    EXPECT_EQ(verify_receipt(bad, log.trust).error().kind, ErrorKind::malformed) << index;
  }
  EXPECT_EQ(verify_receipt(Bytes(kMaxTlogProof + 1, 'x'), log.trust).error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace careledger::proof
