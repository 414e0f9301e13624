#include "crypto/hpke.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/aead.h"
#include "crypto/bytes_cast.h"
#include "crypto/rust_abi.h"
#include "crypto/test_table.h"

namespace careledger::crypto {
namespace {

// Gives the bytes it was made with: the ephemeral key of a vector.
class GivenEntropy : public Entropy {
 public:
  explicit GivenEntropy(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(char* to, std::size_t count) override {
    ASSERT_LE(count, bytes_.size());
    bytes_.copy(to, count);
    bytes_.erase(0, count);
  }

 private:
  Bytes bytes_;
};

struct Vector {
  explicit Vector(const TestRow& row)
      : aead(row.number("aead")),
        mode(row.number("mode")),
        sequence(row.number("sequence")),
        info(row.bytes("info")),
        random(row.bytes("ikmE")),
        private_key(row.bytes("skRm")),
        public_key(row.bytes("pkRm")),
        sender_private(row.bytes("skSm")),
        sender_public(row.bytes("pkSm")),
        psk(row.bytes("psk")),
        psk_id(row.bytes("psk_id")),
        encapsulated(row.bytes("enc")),
        associated(row.bytes("associated")),
        plain(row.bytes("plain")),
        sealed(row.bytes("sealed")) {}

  CareledgerHpkeContext context(const Bytes& sender) const {
    return {static_cast<std::uint16_t>(aead),     sequence, in(info), info.size(), in(psk), psk.size(), in(psk_id), psk_id.size(),
            sender.empty() ? nullptr : in(sender)};
  }

  unsigned aead, mode, sequence;
  Bytes info, random, private_key, public_key, sender_private, sender_public, psk, psk_id, encapsulated, associated, plain, sealed;
};

void expect_seals_to(const Vector& v) {
  const auto context = v.context(v.sender_private);
  Bytes made = v.plain + Bytes(kAeadTagSize, '\0');
  Bytes encapsulated(32, '\0');
  ASSERT_TRUE(careledger_hpke_seal(&context, in(v.public_key), in(v.random), in(v.associated), v.associated.size(), out(made.data()),
                                   v.plain.size(), out(encapsulated.data()), out(made.data() + v.plain.size())));
  EXPECT_EQ(to_hex(encapsulated), to_hex(v.encapsulated));
  EXPECT_EQ(to_hex(made), to_hex(v.sealed));
}

void expect_opens(const Vector& v) {
  const auto context = v.context(v.sender_public);
  Bytes text = v.sealed.substr(0, v.plain.size());
  ASSERT_TRUE(careledger_hpke_open(&context, in(v.private_key), in(v.encapsulated), in(v.associated), v.associated.size(), out(text.data()),
                                   text.size(), in(v.sealed.data() + text.size())));
  EXPECT_EQ(to_hex(text), to_hex(v.plain));
}

void expect_agreement(const std::string& table, std::size_t count) {
  const auto rows = read_table(table);
  ASSERT_EQ(rows.size(), count);
  for (const TestRow& row : rows) {
    SCOPED_TRACE(table + " context " + row.text("context") + " message " + row.text("sequence"));
    const Vector v(row);
    expect_seals_to(v);
    if (v.sequence == 0) expect_opens(v);
  }
}

TEST(Hpke, AgreesWithTheVectorsOfRfc9180) { expect_agreement("hpke_rfc9180.tsv", 72); }
TEST(Hpke, AgreesWithTheVectorsOfCircl) { expect_agreement("hpke_circl.tsv", 54); }

// RFC 9180, A.1.1: base mode with AES-128-GCM, as the RFC prints it.
TEST(Hpke, GivesTheFirstMessageOfAppendixA) {
  const Bytes info = "Ode on a Grecian Urn";
  CareledgerHpkeContext context{};
  context.aead = 1;
  context.info = in(info);
  context.info_size = info.size();
  const Bytes recipient = *from_hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
  const Bytes random = *from_hex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
  Bytes text = "Beauty is truth, truth beauty";
  Bytes encapsulated(32, '\0');
  Bytes tag(16, '\0');
  ASSERT_TRUE(careledger_hpke_seal(&context, in(recipient), in(random), in("Count-0"), 7, out(text.data()), text.size(),
                                   out(encapsulated.data()), out(tag.data())));
  EXPECT_EQ(to_hex(encapsulated), "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
  EXPECT_EQ(to_hex(text + tag), "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a");
}

// The public functions are base mode with AES-256-GCM.
TEST(Hpke, PublicFunctionsFollowTheVectorsOfTheirSuite) {
  std::size_t seen = 0;
  for (const TestRow& row : read_table("hpke_rfc9180.tsv")) {
    const Vector v(row);
    if (v.mode != 0 || v.aead != 2 || v.sequence != 0) continue;
    ++seen;
    GivenEntropy entropy(v.random);
    const auto key = OpeningKey::from_bytes(Secret::copy_of(v.private_key)).value();
    EXPECT_EQ(to_hex(key.public_key().view()), to_hex(v.public_key));
    const auto sealed = hpke_seal(key.public_key(), v.info, v.associated, v.plain, entropy);
    ASSERT_TRUE(sealed.has_value());
    EXPECT_EQ(to_hex(sealed->encapsulated), to_hex(v.encapsulated));
    EXPECT_EQ(to_hex(sealed->ciphertext), to_hex(v.sealed));
    EXPECT_EQ(hpke_open(key, *sealed, v.info, v.associated), v.plain);
  }
  EXPECT_EQ(seen, 1u);
}

RC_GTEST_PROP(Hpke, OpensWhatItSealedForThatKeyInfoAndAssociatedDataAlone,
              (std::uint64_t seed, const Bytes& info, const Bytes& associated, const Bytes& plain)) {
  SeededEntropy entropy(seed);
  const OpeningKey key = OpeningKey::generate(entropy);
  const OpeningKey other = OpeningKey::generate(entropy);
  const auto sealed = hpke_seal(key.public_key(), info, associated, plain, entropy);
  RC_ASSERT(sealed.has_value());
  RC_ASSERT(hpke_open(key.clone(), *sealed, info, associated) == plain);
  RC_ASSERT(hpke_open(other, *sealed, info, associated).error().kind == ErrorKind::corrupt);
  RC_ASSERT(!hpke_open(key, *sealed, info + "x", associated).has_value());
  RC_ASSERT(!hpke_open(key, *sealed, info, associated + "x").has_value());
}

TEST(Hpke, RefusesEveryFlippedBitAndEveryCut) {
  SeededEntropy entropy(1);
  const OpeningKey key = OpeningKey::generate(entropy);
  const Sealed sealed = hpke_seal(key.public_key(), "info", "associated", "message", entropy).value();
  ASSERT_TRUE(hpke_open(key, sealed, "info", "associated").has_value());
  const auto refused_with_flips_in = [&](Bytes Sealed::* part, std::size_t bits) {
    for (std::size_t bit = 0; bit < bits; ++bit) {
      Sealed bad = sealed;
      char& byte = (bad.*part)[bit / 8];
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
      EXPECT_FALSE(hpke_open(key, bad, "info", "associated").has_value()) << bit;
    }
  };
  refused_with_flips_in(&Sealed::encapsulated, 256);
  refused_with_flips_in(&Sealed::ciphertext, sealed.ciphertext.size() * 8);
  for (std::size_t size = 0; size < sealed.ciphertext.size(); ++size) {
    EXPECT_FALSE(hpke_open(key, {sealed.encapsulated, sealed.ciphertext.substr(0, size)}, "info", "associated").has_value());
  }
  EXPECT_FALSE(hpke_open(key, {sealed.encapsulated.substr(1), sealed.ciphertext}, "info", "associated").has_value());
}

TEST(Hpke, RefusesToSealToAPointOfLowOrder) {
  SeededEntropy entropy(2);
  EXPECT_EQ(hpke_seal(SealingKey{}, "info", "", "message", entropy).error().kind, ErrorKind::invalid);
}

TEST(OpeningKey, WantsThirtyTwoBytes) { EXPECT_EQ(OpeningKey::from_bytes(Secret(31)).error().kind, ErrorKind::malformed); }

}  // namespace
}  // namespace careledger::crypto
