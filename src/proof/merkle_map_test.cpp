#include "proof/merkle_map.h"

#include <gtest/gtest.h>
#include <algorithm>

#include "crypto/hash.h"
#include "proof/simple_map.h"

namespace careledger::proof {
namespace {

Bytes key_of(int number) {
  Bytes key(1, '\x40');
  return key + crypto::sha256(std::to_string(number)).bytes();
}

MapModel model_of(int rows) {
  MapModel model;
  for (int i = 0; i < rows; ++i) model.put(key_of(i), "value " + std::to_string(i));
  return model;
}

// The definition of the root, written down once more without a stack: split where the keys beneath first differ.
Digest plain_root(const std::vector<std::pair<Bytes, Bytes>>& rows) {
  if (rows.size() == 1) return map_leaf(rows[0].first, rows[0].second);
  const std::uint32_t bit = split_bit(rows.front().first, rows.back().first);
  std::vector<std::pair<Bytes, Bytes>> left, right;
  for (const auto& row : rows) (key_bit(row.first, bit) ? right : left).push_back(row);
  return map_inner(plain_root(left), plain_root(right));
}

TEST(MerkleMap, TheRootIsAFunctionOfTheRowsAlone) {
  EXPECT_EQ(MapModel().root(), crypto::sha256(ByteView()));
  for (int size : {1, 2, 3, 5, 8, 33, 200}) {
    const MapModel model = model_of(size);
    EXPECT_EQ(model.root(), plain_root({model.rows().begin(), model.rows().end()})) << size;
    MapModel detour = model_of(size + 40);
    for (int i = size; i < size + 40; ++i) detour.erase(key_of(i));
    EXPECT_EQ(detour.root(), model.root());
  }
}

TEST(MerkleMap, EveryPathLeadsToTheRoot) {
  const MapModel model = model_of(100);
  for (int i = 0; i < 100; ++i) {
    const MapPath path = model.path(key_of(i)).value();
    EXPECT_EQ(root_of(path), model.root());
    EXPECT_EQ(path.steps.size(), model.depth(key_of(i)));
    for (std::size_t s = 1; s < path.steps.size(); ++s) EXPECT_GT(path.steps[s - 1].bit, path.steps[s].bit);
  }
  EXPECT_FALSE(model.path(key_of(100)));
}

TEST(MerkleMap, ACutProvesMembersAndAbsenceTogether) {
  const MapModel model = model_of(100);
  for (int i = 0; i < 60; ++i) {
    const std::vector<Bytes> present{key_of(i), key_of(i + 40)};
    const std::vector<Bytes> absent{key_of(1000 + i)};
    std::vector<Bytes> all = present;
    all.push_back(absent[0]);
    const MapCut cut = model.prove(all);
    const auto view = MapView::verify(cut, model.root());
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->look(present[0]), MapView::Known::present);
    EXPECT_EQ(*view->find(present[1])->value, "value " + std::to_string(i + 40));
    EXPECT_EQ(view->look(absent[0]), MapView::Known::absent);
    EXPECT_TRUE(view->exactly(present, absent));
    EXPECT_FALSE(view->exactly({}, absent));
    EXPECT_EQ(encode(decode_cut(encode(cut)).value()), encode(cut));
  }
}

TEST(MerkleMap, AbsenceAtBothEdgesAndInAnEmptyMap) {
  const MapModel model = model_of(50);
  const Bytes low(33, '\x00');
  const Bytes high(33, '\xff');
  for (const Bytes& key : {low, high}) {
    const auto view = MapView::verify(model.prove(std::vector<Bytes>{key}), model.root());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->look(key), MapView::Known::absent);
    EXPECT_EQ(view->leaves().size(), 1u);
    EXPECT_EQ(view->look(key == low ? high : low), MapView::Known::unknown);
  }
  const auto nothing = MapView::verify(MapModel().prove(std::vector<Bytes>{low}), map_empty_root());
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->look(low), MapView::Known::absent);
  EXPECT_FALSE(MapView::verify(MapCut(), model.root()));
}

TEST(MerkleMap, ARangeIsCompleteOrRefused) {
  MapModel model;
  for (int i = 0; i < 64; ++i) model.put("k" + u32_bytes(static_cast<std::uint32_t>(i * 3)), std::to_string(i));
  for (std::uint32_t first = 0; first < 200; first += 7) {
    for (std::uint32_t last = first; last < 210; last += 13) {
      const Bytes from = "k" + u32_bytes(first);
      const Bytes to = "k" + u32_bytes(last);
      const auto view = MapView::verify(model.prove_range(from, to), model.root());
      ASSERT_TRUE(view) << first << " " << last;
      const auto rows = view->range(from, to);
      ASSERT_TRUE(rows) << first << " " << last;
      const auto expected = std::distance(model.rows().lower_bound(from), model.rows().lower_bound(to));
      EXPECT_EQ(static_cast<std::ptrdiff_t>(rows->size()), expected);
      EXPECT_TRUE(view->exactly_range(from, to));
    }
  }
}

TEST(MerkleMap, OmittedAddedAndChangedRowsAreRefused) {
  MapModel model;
  for (int i = 0; i < 40; ++i) model.put("k" + u32_bytes(static_cast<std::uint32_t>(i)), std::to_string(i));
  const Bytes from = "k" + u32_bytes(10);
  const Bytes to = "k" + u32_bytes(20);
  for (int i = 10; i < 20; ++i) {
    const Bytes key = "k" + u32_bytes(static_cast<std::uint32_t>(i));
    MapModel without = model;
    without.erase(key);
    EXPECT_FALSE(MapView::verify(without.prove_range(from, to), model.root()));
    MapModel changed = model;
    changed.put(key, "other");
    EXPECT_FALSE(MapView::verify(changed.prove_range(from, to), model.root()));
  }
  MapModel more = model;
  more.put("l" + u32_bytes(15), "more");
  EXPECT_FALSE(MapView::verify(more.prove_range(from, to), model.root()));
  // A row left out behind its own hash: the hash is right, and the range is no longer complete.
  std::vector<CutLeaf> some;
  for (int i = 9; i <= 20; ++i) {
    if (i != 14) some.push_back({*model.path("k" + u32_bytes(static_cast<std::uint32_t>(i))), i > 9 && i < 20});
  }
  const auto view = MapView::verify(cut_of(some), model.root());
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->range(from, to));
}

TEST(MerkleMap, ARunNeedsOnlyItsTwoOuterPaths) {
  const MapModel model = model_of(300);
  std::vector<MapRow> rows;
  for (const auto& [key, value] : model.rows()) rows.push_back({key, value});
  for (std::size_t first = 0; first < 300; first += 37) {
    for (std::size_t last = first; last < 300; last += 31) {
      const CutLeaf a{*model.path(rows[first].key), true};
      const CutLeaf b{*model.path(rows[last].key), true};
      const std::size_t between = last > first ? last - first - 1 : 0;
      const MapCut cut = cut_of_run(a, std::span(rows).subspan(std::min(first + 1, last), between), b);
      std::vector<CutLeaf> all;
      for (std::size_t i = first; i <= last; ++i) all.push_back({*model.path(rows[i].key), true});
      EXPECT_EQ(encode(cut), encode(cut_of(all)));
      EXPECT_TRUE(MapView::verify(cut, model.root()));
    }
  }
}

TEST(MerkleMap, AProofHasOneFormOnly) {
  const MapModel model = model_of(30);
  MapCut cut = model.prove(std::vector<Bytes>{key_of(3)});
  const Bytes good = encode(cut);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const auto decoded = decode_cut(bad);
      if (!decoded) continue;
      const auto view = MapView::verify(*decoded, model.root());
      EXPECT_FALSE(view && view->exactly(std::vector<Bytes>{key_of(3)}, {})) << i << " " << bit;
    }
  }
  // A closed subtree opened one level further still hashes right, and says nothing more: refused.
  const MapCut four = model.prove(std::vector<Bytes>{key_of(3), key_of(7)});
  const auto view = MapView::verify(four, model.root());
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->exactly(std::vector<Bytes>{key_of(3)}, {}));
}

TEST(MerkleMap, DepthOfRawKeysIsCountedExactly) {
  for (std::size_t levels : {std::size_t{120}, std::size_t{121}}) {
    MapModel model;
    Bytes key(17, '\0');
    model.put(key, "0");
    for (std::size_t bit = 0; bit < levels; ++bit) {
      Bytes other = key;
      other[bit / 8] = static_cast<char>(other[bit / 8] | (0x80 >> (bit % 8)));
      model.put(other, "1");
    }
    EXPECT_EQ(model.depth(key), levels);
    EXPECT_EQ(model.depth(key) <= kMaxMapDepth, levels == 120);
    EXPECT_TRUE(MapView::verify(model.prove(std::vector<Bytes>{key}), model.root()));
  }
}

TEST(MerkleMap, GrindingHashedKeysBuysOneLevelForTwiceTheWork) {
  // An attacker tries 2^14 digests for those that share ever longer prefixes with one target. The depth that this buys stays near 14.
  const Bytes target = crypto::sha256("target").bytes();
  MapModel model;
  model.put(target, "t");
  std::map<std::uint32_t, Bytes> best;
  for (int i = 0; i < 1 << 14; ++i) {
    const Bytes candidate = crypto::sha256("try " + std::to_string(i)).bytes();
    best.emplace(split_bit(target, candidate), candidate);
  }
  for (const auto& [bit, key] : best) model.put(key, "x");
  EXPECT_GE(model.depth(target), 12u);
  EXPECT_LE(model.depth(target), 26u);
}

TEST(SimpleMap, ProofsLeadToTheAppHash) {
  const AppState state{crypto::sha256("log"), 17, crypto::sha256("state")};
  for (const char* name : {"log", "state"}) {
    SimpleProof proof = prove_simple(app_map(state), name);
    EXPECT_EQ(root_of(proof).value(), app_hash(state));
    proof.value[0] = static_cast<char>(proof.value[0] ^ 1);
    EXPECT_NE(root_of(proof).value(), app_hash(state));
    proof.aunts.push_back(Digest{});
    EXPECT_FALSE(root_of(proof));
  }
}

}  // namespace
}  // namespace careledger::proof
