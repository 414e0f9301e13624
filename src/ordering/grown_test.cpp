#include "ordering/grown.h"

#include <gtest/gtest.h>

#include "ordering/test_grown.h"

namespace careledger::ordering {
namespace {

class GrownTest : public ::testing::Test {
 protected:
  void refused(const Grown& changed, const std::string& why) {
    const auto read = decode_grown(encode(changed));
    ASSERT_FALSE(read) << why;
    EXPECT_NE(read.error().message.find(why), std::string::npos) << read.error().message;
  }
  // Signed again by the key that signed the true one, so that something else has to find it.
  void refused_signed(Grown changed, const std::string& why) {
    ledger_.sign(changed);
    refused(changed, why);
  }

  // As who has the old chain's key does it.
  void sign_again(Grown& changed, std::size_t index) const {
    proof::SignedHeader& one = changed.headers[index];
    proof::Commit& commit = one.commit;
    commit.block_id.hash = proof::hash_of(one.header);
    commit.signatures[0].signature = Bytes(ledger_.validator.sign(proof::vote_sign_bytes(one.header.chain_id, commit, 0)).view());
  }

  testing::GrownLedger ledger_;
  Grown& grown_ = ledger_.grown;
};

TEST_F(GrownTest, WhatIsHandedOverReadsBackTheSame) {
  const Bytes bytes = encode(grown_);
  const auto read = decode_grown(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), bytes);
  EXPECT_EQ(read->seal_height(), ledger_.replica->view().height());
  EXPECT_EQ(read->owner.listen, "north:1");
  Grown other = grown_;
  other.owner.listen = "elsewhere:1";
  ledger_.sign(other);
  EXPECT_TRUE(decode_grown(encode(other)));
  EXPECT_NE(number_of(encode(other)), number_of(bytes));
}

TEST_F(GrownTest, WhatDoesNotFitTogetherIsRefusedWithItsReason) {
  Grown changed = grown_;
  changed.headers.pop_back();
  refused(changed, "three headers");
  changed = grown_;
  std::swap(changed.headers[0], changed.headers[1]);
  refused(changed, "does not follow");
  changed = grown_;
  changed.headers[2].commit.signatures[0].signature[5] ^= 1;
  refused(changed, "signature");
  changed = grown_;
  changed.successors.validators.pop_back();
  refused(changed, "names others");
  changed = grown_;
  changed.validators = changed.successors;
  refused(changed, "one key");
  changed = grown_;
  changed.founding = testing::Founder(ledger_.clock.now(), 9).founding();
  refused(changed, "of another ledger");
  changed = grown_;
  changed.founding = "nothing";
  refused(changed, "founding document");
}

// Somebody has founding.pb, the descriptions and a true file, and keys of his own.
TEST_F(GrownTest, NobodyButTheOwnerMakesOne) {
  Grown changed = grown_;
  changed.owner.listen = "elsewhere:1";  // an address, which no block names
  refused(changed, "its signature does not hold; ask the owner for it again");
  changed = grown_;
  changed.snapshot = "another";
  refused(changed, "its signature does not hold");
  changed = grown_;
  changed.descriptions.pop_back();
  refused(changed, "its signature does not hold");
  changed = grown_;
  changed.owner.organisation = id_cast<OrganisationId>(testing::Founder::admitted(7));
  refused_signed(changed, "its owner has no seat");

  testing::GrownLedger other(2);  // the same ledger by its number, but its chain, members and last command are another's
  changed = other.grown;
  changed.founding = grown_.founding;
  ASSERT_NE(other.founder.ledger(), ledger_.founder.ledger());
  refused(changed, "of another ledger");

  changed = grown_;
  changed.batch = other.grown.batch;
  refused_signed(changed, "not signed by the founder whom the founding document names; ask");
  changed.batch = "nothing";
  refused_signed(changed, "none that makes a network");
  changed.batch = ledger_.founder.envelope({ledger_.founder.admit(1, "North", ledger_.clock.now())});
  refused_signed(changed, "none that makes a network");
}

// A key that signed the old chain was kept, or stolen, and signs its end anew.
TEST_F(GrownTest, TheKeyOfTheOldChainAloneMakesNone) {
  Grown changed = grown_;
  proof::SignedHeader& at = changed.headers[1];
  at.header.time = proof::time_from({proof::block_time(at.header.time).value + 1});
  sign_again(changed, 1);
  refused_signed(changed, "does not follow");
  proof::SignedHeader& seal = changed.headers[2];
  seal.header.last_block_id = at.commit.block_id;
  seal.header.time = proof::time_from({proof::block_time(at.header.time).value + 1});
  sign_again(changed, 2);
  EXPECT_TRUE(proof::verify_commit(seal, changed.validators));
  refused(changed, "its signature does not hold");  // the owner's new key signed the true end

  changed = grown_;
  proof::SignedHeader& before = changed.headers[0];
  before.header.last_results_hash = Bytes(32, 'x');
  sign_again(changed, 0);
  changed.headers[1].header.last_block_id = before.commit.block_id;
  sign_again(changed, 1);
  changed.headers[2].header.last_block_id = changed.headers[1].commit.block_id;
  sign_again(changed, 2);
  refused_signed(changed, "of another block than its headers");  // the founder signed the hash of the true one
}

TEST_F(GrownTest, TheLastCommandIsTheOneThatGrewIt) {
  const auto grow = last_command(*decode_grown(encode(grown_)));
  EXPECT_EQ(grow.seats_size(), 1);
  EXPECT_EQ(grow.members_size(), 3);
  EXPECT_EQ(grow.height() + 1, grown_.seal_height().value);
}

TEST_F(GrownTest, BytesThatAreNoneOfItAreRefused) {
  const Bytes bytes = encode(grown_);
  EXPECT_FALSE(decode_grown(""));
  EXPECT_FALSE(decode_grown(ByteView(bytes).substr(0, bytes.size() - 1)));
  EXPECT_FALSE(decode_grown(bytes + Bytes("\xf8\x07\x01", 3)));  // an unknown field
  Bytes other = bytes;
  ASSERT_EQ(other[1], 2);
  other[1] = 3;
  EXPECT_EQ(decode_grown(other).error().kind, ErrorKind::newer_format);
  other[1] = 1;
  EXPECT_EQ(decode_grown(other).error().kind, ErrorKind::unsupported);
}

}  // namespace
}  // namespace careledger::ordering
