#include "proof/promise_file.h"

#include <gtest/gtest.h>

#include "proof/test_ledger.h"
#include "proof/trust.h"

namespace careledger::proof {
namespace {

TEST(PromiseFile, WhatIsWrittenIsReadBackAndNothingElseIs) {
  const testing::TestLedger ledger({});
  const Bytes file = encode_promise_file(ledger.promise(false));
  const auto read = decode_promise_file(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode_promise_file(*read), file);
  EXPECT_EQ(decode_promise_file(file.substr(1)).error().kind, ErrorKind::malformed);
  EXPECT_EQ(decode_promise_file(file + "x").error().kind, ErrorKind::malformed);
  EXPECT_EQ(decode_promise_file({}).error().kind, ErrorKind::malformed);
  Bytes newer = file;
  newer[4] = '2';
  EXPECT_EQ(decode_promise_file(newer).error().kind, ErrorKind::newer_format);
  EXPECT_EQ(decode_promise_file(file + Bytes(kMaxPromiseFile, 'x')).error().kind, ErrorKind::too_large);
}

class Checkpoints : public ::testing::Test {
 protected:
  Checkpoints() {
    trust.chain_id = "cl-test";
    trust.log = NoteKey{checkpoint_origin(trust.chain_id), NoteKind::ed25519, log.public_key()};
    trust.witnesses.push_back({"south", NoteKind::cosignature, south.public_key()});
    checkpoint.origin = trust.log->name;
    checkpoint.size = 7;
  }
  Bytes note(bool by_log, bool by_south, const std::string& text) {
    Note note{text, {}};
    if (by_log) note.signatures.push_back(sign_note(text, trust.log->name, log));
    if (by_south) note.signatures.push_back(cosign(text, "south", south, 1));
    return encode(note);
  }
  SeededEntropy entropy{3};
  crypto::SigningKey log = crypto::SigningKey::generate(entropy), south = crypto::SigningKey::generate(entropy);
  Trust trust;
  Checkpoint checkpoint;
};

TEST_F(Checkpoints, TheLogsSignatureIsWantedAndWitnessesAreCounted) {
  const auto both = open_checkpoint(note(true, true, to_text(checkpoint)), trust);
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->witnesses, 1u);
  EXPECT_EQ(both->checkpoint.size, 7u);
  EXPECT_EQ(open_checkpoint(note(true, false, to_text(checkpoint)), trust)->witnesses, 0u);
  EXPECT_FALSE(open_checkpoint(note(false, true, to_text(checkpoint)), trust));
  Bytes flipped = note(true, true, to_text(checkpoint));
  flipped[flipped.find("\n7\n") + 1] = '8';
  EXPECT_FALSE(open_checkpoint(flipped, trust));
  checkpoint.origin = checkpoint_origin("cl-other");
  EXPECT_FALSE(open_checkpoint(note(true, true, to_text(checkpoint)), trust));
  const Bytes good = note(true, true, to_text(checkpoint));
  trust.log.reset();
  EXPECT_FALSE(open_checkpoint(good, trust));
}

}  // namespace
}  // namespace careledger::proof
