#include "kernel/key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "kernel/rows.h"

namespace careledger::kernel {
namespace {

static_assert(key_shape_holds<Digest>());
static_assert(key_shape_holds<Digest, Height, Counter>());
static_assert(key_shape_holds<RelationshipId, Counter>());
static_assert(key_shape_holds<Counter>());
static_assert(!key_shape_holds<Digest, AccountId>(), "two digests would nest cheaply");
static_assert(!key_shape_holds<Counter, Digest>(), "the digest comes first");
static_assert(!key_shape_holds<Counter, Height>());
static_assert(!key_shape_holds<Counter, Counter>());
static_assert(!key_shape_holds<>());
static_assert(!KeyField<std::string> && !KeyField<std::uint64_t> && !KeyField<BlockTime>);

struct NoRow {};
constexpr Table<NoRow, Digest, Height, Counter> kTable{{0x77}, "test"};

TEST(Key, IsTheSpaceByteAndFixedWidthFields) {
  Digest digest;
  digest.value.fill('d');
  const Key key = kTable.key(digest, Height{0x0102030405060708}, 0x090a0b0c);
  EXPECT_EQ(to_hex(key.view()), "77" + to_hex(Bytes(32, 'd')) + "0102030405060708090a0b0c");
  EXPECT_EQ(key.space(), Space{0x77});
  EXPECT_EQ(key.counter(), 0x090a0b0cu);
  EXPECT_EQ(key.digest<Digest>(), digest);
  EXPECT_EQ(Key::from(key.view()), key);
}

TEST(Key, FromRefusesNothingAndTooMuch) {
  EXPECT_FALSE(Key::from(""));
  EXPECT_TRUE(Key::from(Bytes(Key::kSizeMax, 'x')));
  EXPECT_FALSE(Key::from(Bytes(Key::kSizeMax + 1, 'x')));
}

RC_GTEST_PROP(Key, OrderOfBytesIsOrderOfNumbers, (std::uint64_t a, std::uint64_t b, std::uint32_t m, std::uint32_t n)) {
  const Digest digest;
  const bool less = std::pair(a, m) < std::pair(b, n);
  RC_ASSERT((kTable.key(digest, Height{a}, m) < kTable.key(digest, Height{b}, n)) == less);
}

// Overlays against a plain map: random puts and erasures in layers, read by key and by prefix.
Key small_key(std::uint8_t space, std::uint8_t counter) {
  Key key(Space{static_cast<std::uint8_t>(space % 3 + 1)});
  key.append(Counter{static_cast<Counter>(counter % 8u)});
  return key;
}

using Change = std::tuple<std::uint8_t, std::uint8_t, bool>;

void apply_to(std::map<Key, Bytes>& model, Overlay& overlay, const std::vector<Change>& changes, char value) {
  for (const auto& [space, counter, erased] : changes) {
    const Key key = small_key(space, counter);
    if (erased) {
      model.erase(key);
      overlay.erase(key);
    } else {
      model[key] = Bytes(1, value);
      overlay.put(key, Bytes(1, value));
    }
  }
}

std::vector<Rows::Entry> entries(const std::map<Key, Bytes>& model, ByteView prefix, std::uint32_t limit) {
  std::vector<Rows::Entry> found;
  for (const auto& row : model) {
    if (row.first.view().starts_with(prefix) && found.size() < limit) found.push_back(row);
  }
  return found;
}

RC_GTEST_PROP(Overlay, ReadsLikeAPlainMap, (std::vector<Change> ground, std::vector<Change> block, std::vector<Change> command)) {
  std::map<Key, Bytes> model;
  MemoryRows rows;
  Overlay genesis(rows);
  apply_to(model, genesis, ground, 'a');
  rows.apply(genesis.take());
  Overlay below(rows);
  apply_to(model, below, block, 'b');
  Overlay above(below);
  apply_to(model, above, command, 'c');
  for (std::uint8_t space = 0; space < 3; ++space) {
    const auto limit = *rc::gen::inRange<std::uint32_t>(0, 9);
    const Key prefix(Space{static_cast<std::uint8_t>(space + 1)});
    RC_ASSERT(above.read_prefix(prefix.view(), {limit}) == entries(model, prefix.view(), limit));
    for (std::uint8_t counter = 0; counter < 8; ++counter) {
      const Key key = small_key(space, counter);
      RC_ASSERT(above.read(key) == (model.contains(key) ? RowValue(model.at(key)) : RowValue()));
    }
  }
  below.merge(above.take());
  rows.apply(below.take());
  RC_ASSERT(rows.rows() == model);
}

}  // namespace
}  // namespace careledger::kernel
