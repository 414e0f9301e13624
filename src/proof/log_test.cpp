#include "proof/log.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "proof/test_vectors.h"

namespace careledger::proof {
namespace {

using testing::base64_at;
using testing::number_at;
using testing::path_at;
using testing::read_json;

// What the vector's proof comes to here: false also where its hashes do not even have 32 bytes.
bool inclusion_holds(const codec::json::Value& vector) {
  const auto leaf = Digest::from(base64_at(vector, "leafHash"));
  const auto root = Digest::from(base64_at(vector, "root"));
  const auto path = path_at(vector, "proof");
  if (!leaf || !root || !path) return false;
  return verify_inclusion(*leaf, number_at(vector, "leafIdx"), number_at(vector, "treeSize"), *path, *root).has_value();
}

// Some vectors have a text where a root does not matter but for being the same: it is hashed to have 32 bytes.
Digest root_at_key(const codec::json::Value& vector, const char* key) {
  const Bytes bytes = base64_at(vector, key);
  return Digest::from(bytes).value_or(crypto::sha256(bytes));
}

bool consistency_holds(const codec::json::Value& vector) {
  const Digest root1 = root_at_key(vector, "root1");
  const Digest root2 = root_at_key(vector, "root2");
  const auto path = path_at(vector, "proof");
  if (!path) return false;
  return verify_consistency(number_at(vector, "size1"), root1, number_at(vector, "size2"), root2, *path).has_value();
}

TEST(Log, AgreesWithTransparencyDevMerkle) {
  const auto vectors = read_json("proof/rfc6962.json");
  std::size_t refused = 0;
  for (const auto& vector : vectors.root().items()) {
    const bool holds = vector.string_at("kind") == "inclusion" ? inclusion_holds(vector) : consistency_holds(vector);
    EXPECT_EQ(holds, !testing::truth_at(vector, "wantErr")) << vector.string_at("name");
    refused += holds ? 0 : 1;
  }
  EXPECT_EQ(vectors.root().size(), 118u);
  EXPECT_GT(refused, 90u);
}

LogTree tree_of_records(const codec::json::Value& vectors) {
  LogTree tree;
  for (const auto& record : vectors.items_at("recordsHex")) tree.append_data(from_hex(record.text()).value());
  return tree;
}

TEST(Log, HasTheRootsOfXModTlog) {
  const auto vectors = read_json("proof/tree.json");
  const LogTree tree = tree_of_records(vectors.root());
  ASSERT_EQ(tree.size(), 70u);
  std::uint64_t size = 0;
  for (const auto& root : vectors.root().items_at("roots")) {
    const bool bare = root.is_string();
    const std::uint64_t at = bare ? ++size : number_at(root, "size");
    const auto expected = bare ? from_base64(root.text()).value_or("") : base64_at(root, "root");
    EXPECT_EQ(root_at(tree, at).value().bytes(), expected) << at;
  }
}

TEST(Log, MakesTheProofsOfXModTlog) {
  const auto records = read_json("proof/tree.json");
  const LogTree tree = tree_of_records(records.root());
  const auto inclusion = read_json("proof/inclusion.json");
  for (const auto& vector : inclusion.root().items()) {
    EXPECT_EQ(prove_inclusion(tree, number_at(vector, "index"), number_at(vector, "tree")).value(), path_at(vector, "proof").value());
  }
  const auto consistency = read_json("proof/consistency.json");
  for (const auto& vector : consistency.root().items()) {
    const std::uint64_t size1 = number_at(vector, "oldSize");
    const std::uint64_t size2 = number_at(vector, "newSize");
    EXPECT_EQ(prove_consistency(tree, size1, size2).value(), path_at(vector, "proof").value()) << size1 << " " << size2;
  }
}

TEST(Log, EveryProofOfASmallTreeHoldsAndNoOther) {
  LogTree tree;
  for (int i = 0; i < 40; ++i) tree.append_data(std::to_string(i));
  for (std::uint64_t size = 1; size <= 40; ++size) {
    const Digest root = root_at(tree, size).value();
    for (std::uint64_t index = 0; index < size; ++index) {
      const Path path = prove_inclusion(tree, index, size).value();
      const Digest leaf = log_leaf(std::to_string(index));
      EXPECT_TRUE(verify_inclusion(leaf, index, size, path, root));
      EXPECT_FALSE(verify_inclusion(log_leaf("x"), index, size, path, root));
      EXPECT_FALSE(verify_inclusion(leaf, index ^ 1, size, path, root) && size > 1);
    }
    for (std::uint64_t older = 0; older <= size; ++older) {
      const Path path = prove_consistency(tree, older, size).value();
      EXPECT_TRUE(verify_consistency(older, root_at(tree, older).value(), size, root, path)) << older << " " << size;
      if (older > 0 && older < size) {
        EXPECT_FALSE(verify_consistency(older, root, size, root, path)) << older << " " << size;
      }
    }
  }
}

TEST(Log, ACompactRangeGoesOnWhereItWasLeft) {
  LogTree tree;
  for (int i = 0; i < 77; ++i) tree.append_data(std::to_string(i));
  for (std::uint64_t size = 0; size <= 77; ++size) {
    auto range = range_at(tree, size).value();
    auto again = CompactRange::from(size, {range.peaks().begin(), range.peaks().end()}).value();
    for (std::uint64_t i = size; i < 77; ++i) again.append(log_leaf(std::to_string(i)));
    EXPECT_EQ(again.root(), tree.root());
  }
  EXPECT_FALSE(CompactRange::from(3, {Digest{}}));
}

TEST(Log, LargeIndexesDoNotOverflow) {
  EXPECT_TRUE(root_from_inclusion(Digest{}, 0, UINT64_MAX, Path(64)));
  EXPECT_FALSE(root_from_inclusion(Digest{}, 0, UINT64_MAX, Path(63)));
  EXPECT_TRUE(root_from_inclusion(Digest{}, UINT64_MAX - 1, UINT64_MAX, Path(63)));
  EXPECT_FALSE(root_from_inclusion(Digest{}, UINT64_MAX, UINT64_MAX, Path(64)));
  EXPECT_FALSE(root_from_inclusion(Digest{}, 0, 0, {}));
}

}  // namespace
}  // namespace careledger::proof
