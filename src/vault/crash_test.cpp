// Broken off after every single write to the store, then opened again: what was acknowledged is there, nothing is half there.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <map>

#include "crypto/hash.h"
#include "vault/check.h"
#include "vault/test_store.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

// Lets a number of writes through to a store that outlives it; later ones fail, as after a crash nothing is written any more.
class BreakingStore final : public StoreAbove {
 public:
  BreakingStore(std::shared_ptr<storage::Store> below, std::shared_ptr<std::atomic<int>> left)
      : StoreAbove(std::move(below)), left_(std::move(left)) {}
  Result<void> write(const storage::Batch& batch, storage::Durability durability) override {
    if (left_->fetch_sub(1) <= 0) return fail(ErrorKind::storage, "broken off");
    return StoreAbove::write(batch, durability);
  }

 private:
  std::shared_ptr<std::atomic<int>> left_;
};

class Broken {  // one vault that is broken off and opened again
 public:
  Broken() {
    options_.folder = folder_.path();  // of the key pages
    options_.organisation = system_entropy().take_id<OrganisationId>();
    options_.chunk_bytes = 1500;
    options_.open_store = [this](const storage::StoreOptions& options) -> Result<std::unique_ptr<storage::Store>> {
      if (!store_) store_ = storage::open_memory_store(options);
      return std::make_unique<BreakingStore>(store_, left_);
    };
  }
  Result<std::unique_ptr<Vault>> open(int writes) {
    *left_ = writes;
    return Vault::open(options_, *keys_, clock_, system_entropy());
  }
  void leave(int writes) { *left_ = writes; }
  bool broke() const { return *left_ < 0; }

 private:
  TestFolder folder_;
  ManualClock clock_;
  std::unique_ptr<Keystore> keys_ = Keystore::in_memory(clock_, system_entropy());
  VaultOptions options_;
  std::shared_ptr<storage::Store> store_;
  std::shared_ptr<std::atomic<int>> left_ = std::make_shared<std::atomic<int>>(0);
};

bool change(Vault& vault, std::uint32_t version, const std::string& family, int observations) {
  auto transaction = vault.begin();
  if (!transaction) return false;
  if (!(*transaction)->put({"Patient", "p1", version, patient_json("p1", version, family, "1970-01-02")})) return false;
  for (int i = 0; i < observations; ++i) {
    const std::string id = family + std::to_string(i);
    if (!(*transaction)->put({"Observation", id, 1, observation_json(id, 1, "p1", "718-7", "2020-01-01")})) return false;
  }
  return (*transaction)->commit().has_value();
}

TEST(Crash, AtEveryWriteATransactionIsThereInFullOrNotAtAll) {
  bool broke = true;
  for (int writes = 0; broke && writes < 200; ++writes) {
    Broken node;
    int acknowledged = 0;
    {
      auto vault = std::move(*node.open(writes + 1000));
      ASSERT_TRUE(change(*vault, 1, "first", 3));
    }
    {
      auto opened = node.open(writes);
      if (opened) {
        acknowledged += change(**opened, 2, "second", 12) ? 1 : 0;
        acknowledged += acknowledged == 1 && change(**opened, 3, "third", 12) ? 1 : 0;
      }
      broke = node.broke();
    }
    auto vault = node.open(1000);
    ASSERT_TRUE(vault) << vault.error().message;
    const View view = (*vault)->view();
    const std::uint32_t version = view.read("Patient", "p1")->meta.version;
    EXPECT_GE(version, 1u + static_cast<std::uint32_t>(acknowledged)) << "after " << writes << " writes";
    const Query all{"Observation", {{"code", {token_is("718-7", std::nullopt)}, false}}, {}};
    EXPECT_EQ(*view.count(all, 1000), version == 1 ? 3u : version == 2 ? 15u : 27u) << "after " << writes << " writes";
    EXPECT_EQ(view.changes(0, 1000)->size(), version == 1 ? 4u : version == 2 ? 17u : 30u);
    const auto report = check_vault(**vault, {});
    ASSERT_TRUE(report);
    for (const CheckFinding& finding : report->findings)
      ADD_FAILURE() << "after " << writes << ": " << finding.where << ": " << finding.what;
    ASSERT_TRUE(change(**vault, version + 1, "after", 1)) << "and it goes on";
  }
  EXPECT_FALSE(broke) << "every step was reached";
}

Result<void> store_named(Vault& vault, const Digest& name) {
  CARELEDGER_TRY(auto transaction, vault.begin());
  transaction->name(name);
  CARELEDGER_CHECK(transaction->put({"Patient", "p1", 1, patient_json("p1", 1, "First", "1970-01-02")}));
  CARELEDGER_CHECK(transaction->commit());
  return {};
}

Result<bool> is_stored(Vault& vault, const Digest& name) {
  CARELEDGER_TRY(auto transaction, vault.begin());
  return transaction->stored(name);
}

TEST(Crash, NothingIsSaidToBeStoredThatTheDiskMayLose) {
  const Digest name = crypto::sha256("a request");
  int unsure = 0;
  bool broke = true;
  for (int writes = 0; broke && writes < 200; ++writes) {
    Broken node;
    {
      auto vault = std::move(*node.open(1000));
      node.leave(writes);
      broke = !store_named(*vault, name);
      const auto stored = is_stored(*vault, name);
      if (!stored) {
        EXPECT_EQ(stored.error().kind, ErrorKind::storage);
        ++unsure;
      } else {
        EXPECT_NE(*stored, broke) << "after " << writes << " writes";
      }
    }
    auto vault = std::move(*node.open(1000));
    const auto stored = is_stored(*vault, name);
    ASSERT_TRUE(stored);
    EXPECT_EQ(*stored, *vault->view().has_version("Patient", "p1", 1)) << "after " << writes << " writes";
  }
  EXPECT_FALSE(broke) << "every step was reached";
  EXPECT_GT(unsure, 0) << "one step is between writing and syncing";
}

TEST(Crash, AtEveryWriteAnchorsAndErasuresComeToTheirEnd) {
  bool broke = true;
  for (int writes = 0; broke && writes < 200; ++writes) {
    Broken node;
    TestLedger ledger;
    TestSigner signer;
    bool erased = false;
    {
      auto vault = node.open(writes);
      if (vault) {
        change(**vault, 1, "first", 1);
        (*vault)->start_anchoring(ledger, signer);
        change(**vault, 2, "second", 1);
        erased = (*vault)->erase("Patient", "p1", 1).has_value();
        (*vault)->stop_anchoring();
      }
      broke = node.broke();
    }
    auto vault = std::move(*node.open(1000));
    const auto first = vault->view().read_version("Patient", "p1", 1);
    if (erased) EXPECT_EQ(first.error().kind, ErrorKind::gone) << "after " << writes << " writes";
    const bool gone = !first && first.error().kind == ErrorKind::gone;
    EXPECT_EQ(vault->untold_erasures()->size(), gone ? 1u : 0u) << "after " << writes << " writes: the ledger is owed what is gone here";
    const std::uint64_t versions = vault->figures().versions;
    vault->start_anchoring(ledger, signer);
    if (versions > 0) {
      std::promise<AnchorState> told;
      vault->when_anchored(versions, [&told](const AnchorState& state) { told.set_value(state); });
      EXPECT_EQ(told.get_future().get().state, Anchoring::final) << "after " << writes << " writes";
    }
    EXPECT_TRUE(check_vault(*vault, {})->sound()) << "after " << writes << " writes";
  }
  EXPECT_FALSE(broke) << "every step was reached";
}

RC_GTEST_PROP(VaultModel, EveryViewShowsWhatAPlainModelShows, ()) {
  struct Moment {
    std::uint64_t sequence;
    std::map<std::string, std::pair<std::uint32_t, std::string>> families;  // id -> version, family
  };
  Broken node;
  auto vault = std::move(*node.open(1'000'000));
  std::vector<Moment> moments{{0, {}}};
  std::map<std::string, std::uint32_t> versions;
  const auto steps = *rc::gen::container<std::vector<std::vector<std::pair<std::uint8_t, std::uint8_t>>>>(
      rc::gen::resize(6, rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()));
  for (const auto& changes : steps) {
    Moment next = moments.back();
    auto counted = versions;
    auto transaction = std::move(*vault->begin());
    for (const auto& [who, what] : changes) {
      const std::string id = "p" + std::to_string(who % 4);
      const auto version = transaction->next_version("Patient", id);
      if (!version) continue;  // staged already
      RC_ASSERT(*version == counted[id] + 1);
      if (what % 4 == 0) {
        const bool there = next.families.contains(id);
        RC_ASSERT(transaction->remove("Patient", id).has_value() == there);
        if (!there) continue;
        next.families.erase(id);
      } else {
        const std::string family = "family" + std::to_string(what % 3);
        RC_ASSERT(transaction->put({"Patient", id, *version, patient_json(id, *version, family, "1970-01-02")}).has_value());
        next.families[id] = {*version, family};
      }
      counted[id] = *version;
    }
    if (changes.size() % 3 == 2) continue;  // dropped
    next.sequence = transaction->commit()->sequence;
    versions = counted;
    moments.push_back(next);
  }
  for (const Moment& moment : moments) {
    const View view = *vault->view_at(moment.sequence);
    for (int family = 0; family < 3; ++family) {
      const std::string name = "family" + std::to_string(family);
      std::vector<std::string> expected;
      for (const auto& [id, state] : moment.families)
        if (state.second == name) expected.push_back(id);
      const auto page = view.search({"Patient", {{"family", {string_starts(name)}, false}}, {}}, {}, 100);
      RC_ASSERT(page.has_value());
      RC_ASSERT(page->ids == expected);
    }
    for (int who = 0; who < 4; ++who) {
      const std::string id = "p" + std::to_string(who);
      const auto known = moment.families.find(id);
      const auto read = view.read("Patient", id);
      RC_ASSERT(read.has_value() == (known != moment.families.end()));
      if (read) RC_ASSERT(read->meta.version == known->second.first);
    }
  }
  RC_ASSERT(check_vault(*vault, {})->sound());
}

}  // namespace
}  // namespace careledger::vault
