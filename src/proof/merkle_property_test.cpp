// Maps and logs of random content: what a proof says is what the rows say, and no change of it is believed.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <rapidcheck/gtest.h>

#include "crypto/hash.h"
#include "proof/merkle_map.h"

namespace careledger::proof {
namespace {

// Keys of one width that share long prefixes often: few different bytes.
Bytes random_key() { return *rc::gen::container<Bytes>(6, rc::gen::element('\x00', '\x01', '\x40', '\x7f', '\xff')); }

MapModel random_map() {
  MapModel map;
  const int rows = *rc::gen::inRange(0, 60);
  for (int i = 0; i < rows; ++i) map.put(random_key(), "v" + std::to_string(i));
  return map;
}

RC_GTEST_PROP(MapProperty, ACutSaysWhatTheRowsSay, ()) {
  const MapModel map = random_map();
  std::vector<Bytes> asked, present, absent;
  const int questions = *rc::gen::inRange(1, 8);
  for (int i = 0; i < questions; ++i) asked.push_back(random_key());
  for (const Bytes& key : asked) (map.rows().contains(key) ? present : absent).push_back(key);
  const MapCut cut = map.prove(asked);
  const auto view = MapView::verify(cut, map.root());
  RC_ASSERT(view.has_value());
  for (const Bytes& key : present) RC_ASSERT(*view->find(key)->value == map.rows().at(key));
  for (const Bytes& key : absent) RC_ASSERT(view->look(key) == MapView::Known::absent);
  RC_ASSERT(view->exactly(present, absent));
  RC_ASSERT(encode(decode_cut(encode(cut)).value()) == encode(cut));
  const Bytes other = random_key();  // whatever it was not asked about, it never says the wrong thing
  const auto known = view->look(other);
  RC_ASSERT(known != MapView::Known::absent || !map.rows().contains(other));
  RC_ASSERT(known != MapView::Known::present || map.rows().contains(other));
}

RC_GTEST_PROP(MapProperty, ARangeHasAllItsRows, ()) {
  const MapModel map = random_map();
  Bytes first = random_key();
  Bytes last = random_key();
  if (last < first) std::swap(first, last);
  const auto view = MapView::verify(map.prove_range(first, last), map.root());
  RC_ASSERT(view.has_value());
  const auto rows = view->range(first, last);
  RC_ASSERT(rows.has_value());
  auto expected = map.rows().lower_bound(first);
  for (const MapLeaf& leaf : *rows) {
    RC_ASSERT(leaf.key == expected->first && leaf.value == expected->second);
    ++expected;
  }
  RC_ASSERT(expected == map.rows().lower_bound(last));
  RC_ASSERT(view->exactly_range(first, last));
}

RC_GTEST_PROP(MapProperty, AProofOfOneMapIsNoProofOfAnother, ()) {
  MapModel map = random_map();
  const Digest root = map.root();
  const Bytes key = random_key();
  if (map.rows().contains(key)) {
    map.erase(key);
  } else {
    map.put(key, "more");
  }
  RC_ASSERT(map.root() != root);
  RC_ASSERT(!MapView::verify(map.prove(std::vector<Bytes>{key}), root).has_value());
}

RC_GTEST_PROP(MapProperty, FoldingRowsGivesTheRootOfAnyOrderOfInsertion, ()) {
  const MapModel map = random_map();
  MapFold fold;
  for (const auto& [key, value] : map.rows()) fold.add(key, map_leaf(key, value));
  RC_ASSERT(fold.root() == map.root());
  RC_ASSERT(fold.size() == map.rows().size());
  for (const auto& [key, value] : map.rows()) RC_ASSERT(root_of(*map.path(key)) == map.root());
}

}  // namespace
}  // namespace careledger::proof
