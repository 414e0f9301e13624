#include "ordering/witness.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "crypto/hash.h"

namespace careledger::ordering {
namespace {

class WitnessTest : public ::testing::Test {
 protected:
  WitnessTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "witness-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~WitnessTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Witness> open() {
    auto witness = Witness::open(system_files(), folder_ + "/memory", "south.example", key_.clone(), clock_);
    EXPECT_TRUE(witness) << witness.error().message;
    return std::move(*witness);
  }
  // A log of `size` entries; those from `changed` on differ.
  static proof::LogTree log(std::uint64_t size, std::uint64_t changed = ~std::uint64_t{0}) {
    proof::LogTree tree;
    for (std::uint64_t i = 0; i < size; ++i) tree.append_data((i >= changed ? "forged " : "entry ") + std::to_string(i));
    return tree;
  }
  static proof::Checkpoint checkpoint(const proof::LogTree& tree) { return {"careledger/test", tree.size(), tree.root()}; }

  std::string folder_;
  ManualClock clock_;
  SeededEntropy entropy_{7};
  crypto::SigningKey key_ = crypto::SigningKey::generate(entropy_);
};

TEST_F(WitnessTest, CosignsWhatContainsWhatItRemembersAlsoAfterARestart) {
  ASSERT_TRUE(open()->cosign(checkpoint(log(5)), {}));
  const auto witness = open();
  ASSERT_TRUE(witness->remembered());
  EXPECT_EQ(witness->remembered()->size, 5u);
  const auto signature = witness->cosign(checkpoint(log(9)), *proof::prove_consistency(log(9), 5, 9));
  ASSERT_TRUE(signature) << signature.error().message;
  proof::Note note{proof::to_text(checkpoint(log(9))), {*signature}};
  const auto verdict = proof::verify_note(note, std::vector{witness->key()});
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->signers.size(), 1u);
}

TEST_F(WitnessTest, RefusesARewrittenHistoryAndKeepsItsMemory) {
  const auto witness = open();
  ASSERT_TRUE(witness->cosign(checkpoint(log(5)), {}));
  const proof::LogTree forged = log(9, 3);
  const auto refused = witness->cosign(checkpoint(forged), *proof::prove_consistency(forged, 5, 9));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_EQ(open()->remembered()->root, log(5).root());
}

TEST_F(WitnessTest, RefusesAShorterHistoryAndAnotherRootOfTheSameSize) {
  const auto witness = open();
  ASSERT_TRUE(witness->cosign(checkpoint(log(5)), {}));
  EXPECT_FALSE(witness->cosign(checkpoint(log(4)), {}));
  EXPECT_FALSE(witness->cosign(checkpoint(log(5, 4)), {}));
  EXPECT_TRUE(witness->cosign(checkpoint(log(5)), {}));
}

}  // namespace
}  // namespace careledger::ordering
