// Lists of accesses in parts: each is proven by a cut that the reference map makes too, and together they are the whole.
#include "vault/access_list.h"

#include "base/test_stride.h"
#include "proof/bundle.h"
#include "vault/audit_state.h"
#include "vault/test_audit.h"

namespace careledger::vault {
namespace {

using proof::AuditPlace;

class AccessListTest : public AuditFixture {
 protected:
  static AuditPlace place(const OpenedEntry& entry) {
    return {static_cast<std::uint64_t>(entry.recorded.time.value), entry.recorded.number};
  }
  // The map as a plain one that knows of no parts, and what the subject has in it.
  void look_at(const Subject& subject) {
    model = {};
    all.clear();
    auto entries = audit->entries(0, 100'000);
    ASSERT_TRUE(entries) << entries.error().message;
    for (OpenedEntry& entry : *entries) {
      model.put(proof::audit_key(id_cast<Digest>(entry.entry.subject), place(entry)), entry.recorded.commitment.view());
      if (entry.entry.subject == subject) all.push_back(std::move(entry));
    }
  }
  AccessList part(const Subject& subject, const ListRange& range) {
    auto found = list(subject, range);
    EXPECT_TRUE(found) << found.error().message;
    if (!found) return {};
    proof::AccessClaim claim;
    claim.subject = id_cast<Digest>(subject);
    claim.after = found->after;
    claim.before = found->before;
    EXPECT_EQ(proof::encode(found->range_proof), proof::encode(model.prove_range(claim.list_begin(), claim.list_end())));
    EXPECT_EQ(found->head.map_root, model.root());
    return std::move(*found);
  }
  // Every part from the beginning on, each of at most `limit` entries.
  void expect_the_whole_in_parts(const Subject& subject, std::uint32_t limit) {
    ListRange range;
    range.limit = limit;
    std::size_t seen = 0;
    for (bool more = true; more;) {
      const AccessList next = part(subject, range);
      EXPECT_EQ(next.after, seen == 0 ? std::nullopt : std::optional(place(all[seen - 1])));
      ASSERT_LE(next.entries.size(), limit);
      ASSERT_LE(seen + next.entries.size(), all.size());
      for (const OpenedEntry& entry : next.entries) EXPECT_EQ(entry.recorded.index, all[seen++].recorded.index);
      more = next.before.has_value();
      if (more) {
        ASSERT_EQ(next.entries.size(), limit);
        ASSERT_EQ(*next.before, place(all[seen]));
        range.from = *next.before;
      }
    }
    EXPECT_EQ(seen, all.size());
  }

  proof::MapModel model;
  std::vector<OpenedEntry> all;
};

TEST_F(AccessListTest, PartsAreEachCompleteAndTogetherTheWhole) {
  audit->start_heads(ledger, signer);
  for (int i = 0; i < 12; ++i) {
    record(399, 3);  // within one millisecond
    clock.advance_ms(i % 3 == 0 ? 70'000 : i % 5);
  }
  for (const std::string patient : {"p0", "p1", "p2"}) {  // first, in the middle and last in the map
    const Subject subject = audit->subject_of(patient);
    look_at(subject);
    ASSERT_EQ(all.size(), 1596u);
    for (const std::uint32_t limit : {97u, 798u, 1595u, 1596u, 5000u}) expect_the_whole_in_parts(subject, limit);
  }
  audit->stop_heads();
  open();  // what the store keeps of the tree is enough after a start
  audit->start_heads(ledger, signer);
  look_at(audit->subject_of("p1"));
  expect_the_whole_in_parts(audit->subject_of("p1"), 333);
}

TEST_F(AccessListTest, OneMillisecondMayHoldMoreThanAPart) {
  record(static_cast<int>(1000 / kTestStride), 1);
  audit->start_heads(ledger, signer);
  const Subject subject = audit->subject_of("p0");
  look_at(subject);
  ASSERT_EQ(all.front().recorded.time, all.back().recorded.time);
  expect_the_whole_in_parts(subject, 64);
  expect_the_whole_in_parts(subject, 1);
}

TEST_F(AccessListTest, ARangeOfTimeIsWhatLiesInIt) {
  for (int i = 0; i < 10; ++i) {  // at 0, 10, … 90 after the first
    record(2, 1);
    clock.advance_ms(10);
  }
  audit->start_heads(ledger, signer);
  const Subject subject = audit->subject_of("p0");
  look_at(subject);
  const auto first = static_cast<std::uint64_t>(all.front().recorded.time.value);
  struct Asked {
    std::uint64_t from, to;
    std::size_t begin, end;  // of all
  };
  for (const Asked& asked : {Asked{first - 5, first + 1000, 0, 20},
                             {first, first + 10, 0, 2},
                             {first + 1, first + 10, 2, 2},
                             {first + 10, first + 31, 2, 8},
                             {first + 85, first + 2000, 18, 20},
                             {first + 91, first + 2000, 20, 20},
                             {first - 9, first - 3, 0, 0},
                             {first + 30, first + 30, 6, 6}}) {
    const AccessList found = part(subject, {{asked.from, 0}, AuditPlace{asked.to, 0}});
    ASSERT_EQ(found.entries.size(), asked.end - asked.begin) << asked.from - first;
    for (std::size_t i = asked.begin; i < asked.end; ++i) EXPECT_EQ(found.entries[i - asked.begin].recorded.index, all[i].recorded.index);
    EXPECT_EQ(found.after, asked.begin == 0 ? std::nullopt : std::optional(place(all[asked.begin - 1])));
    EXPECT_EQ(found.before, asked.end == 20 ? std::nullopt : std::optional(place(all[asked.end])));
  }
  const Subject nobody = audit->subject_of("nobody");
  look_at(nobody);
  const AccessList none = part(nobody, {{first + 10, 0}, AuditPlace{first + 20, 0}});
  EXPECT_TRUE(none.entries.empty());
  EXPECT_FALSE(none.after || none.before) << "the whole list, of nothing";
}

TEST_F(AccessListTest, LargeDetailsMakeShorterParts) {
  AuditEntry large = entry("p0");
  large.details = Bytes(30'000, 'x');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(audit->append_and_wait(large));
  audit->start_heads(ledger, signer);
  const Subject subject = audit->subject_of("p0");
  look_at(subject);
  ListRange range;
  range.bytes = 3'000'000;
  const AccessList found = part(subject, range);
  EXPECT_GE(found.entries.size(), 100u);
  EXPECT_LT(found.entries.size(), 200u);
  ASSERT_TRUE(found.before);
  EXPECT_EQ(*found.before, place(all[found.entries.size()]));
}

// A map that was folded before nodes were kept has none: the way is found by reading what lies around.
TEST_F(AccessListTest, WithoutKeptNodesPartsAreTheSame) {
  audit->start_heads(ledger, signer);
  for (int i = 0; i < 4; ++i) {
    record(500, 2);
    clock.advance_ms(3);
  }
  const Subject subject = audit->subject_of("p0");
  ASSERT_TRUE(list(subject));
  storage::Store& store = audit->state().store->store();
  storage::Batch batch;
  std::size_t kept = 0;
  const auto nodes = store.iterate(storage::Column{6}, storage::Range::all());
  for (nodes->seek_first(); nodes->valid(); nodes->next(), ++kept) batch.erase(storage::Column{6}, nodes->key());
  EXPECT_GT(kept, 0u);
  EXPECT_LT(kept, 400u) << "few of 2,000";
  ASSERT_TRUE(store.write(batch, storage::Durability::buffered));
  look_at(subject);
  expect_the_whole_in_parts(subject, 150);
}

}  // namespace
}  // namespace careledger::vault
