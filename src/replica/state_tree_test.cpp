#include "replica/state_tree.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "crypto/hash.h"

namespace careledger::replica {
namespace {

constexpr storage::Column kRows{0};

// The tree under test beside the reference model, over one store.
class Pair {
 public:
  explicit Pair(std::size_t threads = 0) : workers_(threads), store_(storage::open_memory_store(options())) {}

  void change(const std::map<Bytes, std::optional<Bytes>>& changes) {
    std::vector<RowChange> rows;
    std::deque<Bytes> befores;
    storage::Batch batch;
    for (const auto& [key, value] : changes) {
      const auto old = model.rows().find(key);
      const Bytes& before = old == model.rows().end() ? befores.emplace_back() : befores.emplace_back(old->second);
      rows.push_back({key, old == model.rows().end() ? std::nullopt : std::optional<ByteView>(before),
                      value ? std::optional<ByteView>(*value) : std::nullopt});
      if (value) {
        model.put(key, *value);
        batch.put(kRows, key, *value);
      } else {
        model.erase(key);
        batch.erase(kRows, key);
      }
    }
    auto next = tree.apply(rows, workers_);
    ASSERT_TRUE(next) << next.error().message;
    tree = std::move(*next);
    ASSERT_TRUE(store_->write(batch, storage::Durability::buffered));
  }
  void rebuild() {
    auto built = StateTree::build(source(), workers_);
    ASSERT_TRUE(built) << built.error().message;
    tree = std::move(*built);
  }
  RowSource source() const { return {store_.get(), kRows}; }
  storage::Store& store() { return *store_; }

  StateTree tree;
  proof::MapModel model;

 private:
  static storage::StoreOptions options() {
    storage::StoreOptions options;
    options.columns = {{"state"}};
    return options;
  }
  Workers workers_;
  std::unique_ptr<storage::Store> store_;
};

Bytes random_key(std::mt19937_64& random, std::uint64_t spread) {
  const std::uint64_t n = random() % spread;
  const Digest digest = crypto::sha256(u64_bytes(n));
  return Bytes(1, static_cast<char>(n % 3 == 0 ? 0x30 : 0xFF)) + digest.bytes() + u32_bytes(static_cast<std::uint32_t>(n % 4));
}

TEST(StateTreeTest, AnEmptyMapHasTheEmptyRoot) {
  Pair pair;
  EXPECT_EQ(pair.tree.root(), proof::map_empty_root());
  pair.change({{"k", "v"}});
  EXPECT_EQ(pair.tree.root(), proof::map_leaf("k", "v"));
  pair.change({{"k", std::nullopt}, {"other", std::nullopt}});
  EXPECT_EQ(pair.tree.root(), proof::map_empty_root());
}

// Long random histories with deletes and with the crown dropped and rebuilt at random moments, on one thread and on several.
class HistoryTest : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Threads, HistoryTest, testing::Values(0, 1, 3));

TEST_P(HistoryTest, AgreesWithTheModel) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::mt19937_64 random(seed);
    Pair pair(GetParam());
    const std::uint64_t spread = seed % 2 == 0 ? 60 : 3000;
    for (int round = 0; round < 40; ++round) {
      std::map<Bytes, std::optional<Bytes>> changes;
      const std::uint64_t count = random() % (round % 10 == 0 ? 400 : 20);
      for (std::uint64_t i = 0; i < count; ++i) {
        const bool erase = random() % 3 == 0;
        changes[random_key(random, spread)] = erase ? std::nullopt : std::optional<Bytes>(u64_bytes(random()));
      }
      pair.change(changes);
      ASSERT_EQ(pair.tree.root(), pair.model.root()) << "seed " << seed << " round " << round;
      if (random() % 5 == 0) {
        pair.rebuild();
        ASSERT_EQ(pair.tree.root(), pair.model.root()) << "seed " << seed << " rebuilt after round " << round;
      }
    }
  }
}

RC_GTEST_PROP(StateTreePropertyTest, AgreesWithTheModelForAnyShape, ()) {
  // Short keys of two bytes collide and nest as much as keys can.
  Pair pair;
  const auto steps = *rc::gen::arbitrary<std::vector<std::map<std::uint16_t, std::pair<bool, std::uint8_t>>>>();
  for (const auto& step : steps) {
    std::map<Bytes, std::optional<Bytes>> changes;
    for (const auto& [key, change] : step) {
      Bytes name;
      append_u16(name, key);
      changes[name] = change.first ? std::optional<Bytes>(Bytes(1, static_cast<char>(change.second))) : std::nullopt;
    }
    pair.change(changes);
    RC_ASSERT(pair.tree.root() == pair.model.root());
  }
  pair.rebuild();
  RC_ASSERT(pair.tree.root() == pair.model.root());
}

TEST(StateTreeTest, OldVersionsStayAsTheyWere) {
  std::mt19937_64 random(7);
  Pair pair;
  std::vector<std::pair<StateTree, Digest>> versions;
  for (int i = 0; i < 30; ++i) {
    std::map<Bytes, std::optional<Bytes>> changes;
    for (int k = 0; k < 20; ++k) changes[random_key(random, 200)] = random() % 2 == 0 ? std::nullopt : std::optional<Bytes>("v");
    pair.change(changes);
    versions.emplace_back(pair.tree, pair.model.root());
  }
  for (const auto& [tree, root] : versions) EXPECT_EQ(tree.root(), root);
}

TEST(StateTreeTest, ProvesMembershipAndAbsence) {
  std::mt19937_64 random(11);
  Pair pair;
  std::map<Bytes, std::optional<Bytes>> changes;
  for (int i = 0; i < 500; ++i) changes[random_key(random, 1000)] = Bytes("value");
  pair.change(changes);
  const Digest root = pair.tree.root();
  std::vector<Bytes> keys = {Bytes(1, '\0'), Bytes(45, '\xff')};
  for (int i = 0; i < 300; ++i) keys.push_back(random_key(random, 1000));
  int present = 0;
  for (const Bytes& key : keys) {
    const auto cut = pair.tree.prove(pair.source(), {&key, 1});
    ASSERT_TRUE(cut);
    const auto view = proof::MapView::verify(*cut, root);
    ASSERT_TRUE(view) << view.error().message;
    const bool there = pair.model.rows().contains(key);
    present += there ? 1 : 0;
    EXPECT_EQ(view->look(key), there ? proof::MapView::Known::present : proof::MapView::Known::absent);
    EXPECT_EQ(proof::encode(*cut), proof::encode(pair.model.prove({&key, 1})));
    if (const auto path = pair.tree.path(pair.source(), key).value()) EXPECT_EQ(proof::root_of(*path), root);
  }
  EXPECT_GT(present, 50);
  EXPECT_LT(present, 300);
}

// Rows that an earlier proof has read serve a later one only where they are still the rows of that version.
TEST(StateTreeTest, ProofsFromRowsReadBeforeAreThoseOfTheModel) {
  std::mt19937_64 random(19);
  Pair pair;
  ShownRows shown(2'000);
  for (int round = 0; round < 60; ++round) {
    std::map<Bytes, std::optional<Bytes>> changes;
    for (int i = 0; i < 12; ++i)
      changes[random_key(random, 400)] = random() % 3 == 0 ? std::nullopt : std::optional<Bytes>(u64_bytes(random()));
    pair.change(changes);
    RowSource source = pair.source();
    source.shown = &shown;
    std::vector<Bytes> keys = {Bytes(1, '\0'), Bytes(45, '\xff')};
    for (int i = 0; i < 30; ++i) keys.push_back(random_key(random, 400));
    EXPECT_EQ(proof::encode(pair.tree.prove(source, keys).value()), proof::encode(pair.model.prove(keys))) << "round " << round;
    for (const Bytes& key : keys) {
      const auto around = pair.tree.neighbours(source, key).value();
      const auto next = pair.model.rows().lower_bound(key);
      ASSERT_EQ(around.at.has_value(), pair.model.rows().contains(key));
      if (around.at) continue;
      ASSERT_EQ(around.after.has_value(), next != pair.model.rows().end());
      ASSERT_EQ(around.before.has_value(), next != pair.model.rows().begin());
      if (around.after) EXPECT_EQ(around.after->key, next->first);
      if (around.before) EXPECT_EQ(around.before->key, std::prev(next)->first);
      if (around.before) EXPECT_EQ(proof::root_of(*around.before), pair.model.root());
    }
  }
}

TEST(StateTreeTest, ProvesThatARangeIsComplete) {
  std::mt19937_64 random(13);
  for (const int rows : {0, 1, 2, 9, 300}) {
    Pair pair;
    std::map<Bytes, std::optional<Bytes>> changes;
    for (int i = 0; i < rows; ++i) changes[random_key(random, 100000)] = Bytes("value");
    pair.change(changes);
    for (int i = 0; i < 40; ++i) {
      Bytes from = random_key(random, 100000);
      Bytes until = random_key(random, 100000);
      if (until < from) std::swap(from, until);
      if (i == 0) from.clear();
      if (i < 2) until.clear();
      const auto range = pair.tree.prove_range(pair.source(), {from, until}, 100000, 1u << 30);
      ASSERT_TRUE(range);
      EXPECT_TRUE(range->next.empty());
      EXPECT_EQ(proof::encode(range->cut), proof::encode(pair.model.prove_range(from, until)));
      if (rows == 0) continue;
      const auto view = proof::MapView::verify(range->cut, pair.tree.root());
      ASSERT_TRUE(view) << view.error().message;
      ASSERT_TRUE(view->range(from, until));
      EXPECT_EQ(view->range(from, until)->size(), range->rows);
    }
  }
}

TEST(StateTreeTest, ALimitedRangeSaysWhereToGoOn) {
  Pair pair;
  std::map<Bytes, std::optional<Bytes>> changes;
  for (std::uint32_t i = 0; i < 100; ++i) changes[u32_bytes(i)] = Bytes("value");
  pair.change(changes);
  Bytes from;
  std::size_t rows = 0;
  do {
    const auto range = pair.tree.prove_range(pair.source(), {from, {}}, 7, 1u << 20);
    ASSERT_TRUE(range);
    EXPECT_TRUE(proof::MapView::verify(range->cut, pair.tree.root()).value().range(from, range->next));
    rows += range->rows;
    from = range->next;
  } while (!from.empty());
  EXPECT_EQ(rows, 100u);
}

// Raw keys that nest as deep as they can: key i differs from the first one in bit i alone.
TEST(StateTreeTest, TheDepthLimitIsSeenBeforeTheRowIsThere) {
  Pair pair;
  const Bytes base(45, '\0');
  pair.change({{base, "v"}});
  EXPECT_EQ(pair.tree.depth_with(base), 0u);
  for (std::size_t bit = 0; bit < proof::kMaxMapDepth + 1; ++bit) {
    Bytes key = base;
    key[bit / 8] = static_cast<char>(0x80 >> bit % 8);
    const std::size_t depth = pair.tree.depth_with(key);
    EXPECT_EQ(depth, pair.tree.depth_with_at_most());
    EXPECT_EQ(depth, pair.model.depth(key)) << bit;
    EXPECT_EQ(depth > proof::kMaxMapDepth, bit == proof::kMaxMapDepth) << "120 passes, 121 is refused";
    pair.change({{key, "v"}});
    ASSERT_EQ(pair.tree.root(), pair.model.root());
  }
}

TEST(StateTreeTest, DepthIsNeverUnderestimated) {
  std::mt19937_64 random(17);
  Pair pair;
  std::size_t deepest = 0;
  for (int i = 0; i < 300; ++i) {
    const Bytes key = random_key(random, 100000);
    const std::size_t bound = pair.tree.depth_with(key);
    EXPECT_GE(bound, pair.model.depth(key));
    EXPECT_LE(bound, pair.tree.depth_with_at_most());
    deepest = std::max(deepest, bound);
    pair.change({{key, "v"}});
  }
  EXPECT_LT(deepest, 30u);
}

// An adversary that grinds digests for common prefixes gains one level a doubling, as the design's estimate says.
TEST(StateTreeTest, GrindingBuysOneLevelForEachDoubling) {
  Pair pair;
  const Bytes victim = Bytes(1, '\x30') + crypto::sha256("victim").bytes();
  std::map<Bytes, std::optional<Bytes>> changes = {{victim, "v"}};
  std::map<std::uint32_t, Bytes> best;  // one key for each length of common prefix
  for (std::uint64_t i = 0; i < 1u << 17; ++i) {
    const Bytes key = Bytes(1, '\x30') + crypto::sha256(u64_bytes(i)).bytes();
    best.emplace(proof::split_bit(key, victim), key);
  }
  for (const auto& [bits, key] : best) changes[key] = Bytes("v");
  pair.change(changes);
  const std::size_t depth = pair.model.depth(victim);
  EXPECT_GE(depth, 15u);
  EXPECT_LE(depth, 24u);
  EXPECT_EQ(pair.tree.root(), pair.model.root());
}

TEST(StateTreeTest, ARowChangedBehindItsBackIsCorrupt) {
  Pair pair;
  std::map<Bytes, std::optional<Bytes>> changes;
  for (std::uint32_t i = 0; i < 100; ++i) changes[u32_bytes(i)] = Bytes("value");
  pair.change(changes);
  storage::Batch batch;
  batch.put(kRows, u32_bytes(50), "other");
  batch.erase(kRows, u32_bytes(51));
  ASSERT_TRUE(pair.store().write(batch, storage::Durability::buffered));
  EXPECT_EQ(pair.tree.path(pair.source(), u32_bytes(50)).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(pair.tree.path(pair.source(), u32_bytes(51)).error().kind, ErrorKind::corrupt);
}

TEST(StateTreeTest, ARowThatWasReadAsSomethingElseIsCorrupt) {
  Pair pair;
  std::map<Bytes, std::optional<Bytes>> changes;
  for (std::uint32_t i = 0; i < 100; ++i) changes[u32_bytes(i)] = Bytes("value");
  pair.change(changes);
  Workers workers(0);
  const Bytes there = u32_bytes(50);
  const Bytes beside = u32_bytes(100);
  const Bytes apart(4, '\xff');
  const std::optional<ByteView> value = "value";
  const auto apply = [&](const RowChange& change) { return pair.tree.apply({&change, 1}, workers); };
  for (const auto& after : {std::optional<ByteView>("new"), std::optional<ByteView>()}) {
    EXPECT_EQ(apply({there, "other", after}).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(apply({there, std::nullopt, after}).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(apply({beside, value, after}).error().kind, ErrorKind::corrupt);
    EXPECT_EQ(apply({apart, value, after}).error().kind, ErrorKind::corrupt);
    EXPECT_TRUE(apply({there, value, after}));
    EXPECT_TRUE(apply({apart, std::nullopt, after}));
  }
}

}  // namespace
}  // namespace careledger::replica
