#include "proof/checkpoint.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "proof/test_chain.h"
#include "proof/test_vectors.h"

namespace careledger::proof {
namespace {

using testing::key_named;
using testing::number_at;
using testing::read_json;
using testing::truth_at;

// The keys that the vectors' notes know, by name.
std::vector<NoteKey> known_keys(const codec::json::Value& vector) {
  static const codec::json::Document tree = read_json("proof/tree.json");
  std::vector<NoteKey> known;
  for (const auto& name : vector.items_at("knownVerifiers")) {
    for (const auto& key : tree.root().items_at("keys")) {
      if (key.string_at("name") == name.text()) known.push_back(parse_note_key(key.string_at("vkey")).value());
    }
  }
  return known;
}

TEST(Note, AgreesWithXModNote) {
  const auto vectors = read_json("proof/notes.json");
  std::size_t accepted = 0;
  for (const auto& vector : vectors.root().items()) {
    const auto note = parse_note(from_base64(vector.string_at("noteB64")).value());
    const auto known = known_keys(vector);
    const auto verdict = note ? verify_note(*note, known) : tl::make_unexpected(note.error());
    const bool good = verdict && !verdict->signers.empty();  // Open wants at least one signature of a known key
    EXPECT_EQ(good, truth_at(vector, "ok")) << vector.string_at("label");
    if (!good) continue;
    ++accepted;
    EXPECT_EQ(verdict->signers.size(), number_at(vector, "verified")) << vector.string_at("label");
    EXPECT_EQ(verdict->unknown, number_at(vector, "unverified")) << vector.string_at("label");
    EXPECT_EQ(encode(*note), from_base64(vector.string_at("noteB64")).value());
  }
  EXPECT_GE(accepted, 4u);
}

TEST(Checkpoint, IsSignedCosignedAndOpened) {
  const Checkpoint checkpoint{checkpoint_origin("cl-1234"), 17, crypto::sha256("root")};
  Note note{to_text(checkpoint), {}};
  const auto log = key_named("log");
  const auto witness = key_named("witness");
  note.signatures.push_back(sign_note(note.text, "careledger/cl-1234", log));
  note.signatures.push_back(cosign(note.text, "south.example", witness, 1764000000));
  const std::vector<NoteKey> known{{"careledger/cl-1234", NoteKind::ed25519, log.public_key()},
                                   {"south.example", NoteKind::cosignature, witness.public_key()}};
  const Note again = parse_note(encode(note)).value();
  const NoteVerdict verdict = verify_note(again, known).value();
  ASSERT_EQ(verdict.signers.size(), 2u);
  EXPECT_EQ(verdict.signers[1].time_s, 1764000000u);
  EXPECT_EQ(parse_checkpoint(again.text)->root, checkpoint.root);
  EXPECT_EQ(parse_note_key(to_text(known[1])).value(), known[1]);
  const Bytes good = encode(note);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const auto parsed = parse_note(bad);
    const auto judged = parsed ? verify_note(*parsed, known) : tl::make_unexpected(parsed.error());
    EXPECT_FALSE(judged && judged->signers.size() == 2 && judged->unknown == 0) << i;
  }
}

TEST(Checkpoint, HasOneFormOnly) {
  const std::string root = to_base64(crypto::sha256("r").view());
  EXPECT_TRUE(parse_checkpoint("a\n1\n" + root + "\n"));
  for (const std::string& text :
       {"a\n01\n" + root + "\n", "\n1\n" + root + "\n", "a\n1\n" + root, "a\n-1\n" + root + "\n", std::string("a\n1\nAAAA\n"),
        "a\n1\n" + root + "\nmore\n", "a\n18446744073709551616\n" + root + "\n", std::string()}) {
    EXPECT_FALSE(parse_checkpoint(text)) << text;
  }
  EXPECT_TRUE(parse_checkpoint("a\n1\n" + root + "\nmore\n", true));
}

}  // namespace
}  // namespace careledger::proof
