#include "vault/vault.h"

#include "base/files.h"
#include "codec/fhir/record.h"
#include "crypto/hash.h"
#include "vault/layout.h"
#include "vault/parts.h"
#include "vault/test_vault.h"

namespace careledger::vault {
namespace {

using Ids = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(Stores, VaultTest, ::testing::Values(Where::memory, Where::disk),
                         [](const auto& which) { return which.param == Where::memory ? "memory" : "disk"; });

TEST_P(VaultTest, AVersionComesBackByteForByte) {
  const std::string body = patient_json("p1", 1, "Straße", "1970-01-02");
  const Committed committed = put("Patient", "p1", 1, body);
  auto read = vault->view().read("Patient", "p1");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->body, body);
  EXPECT_EQ(read->meta.version, 1u);
  EXPECT_EQ(read->meta.number, committed.first_number);
  EXPECT_EQ(read->meta.patients, Ids{"p1"});
  EXPECT_EQ(read->meta.updated, clock.now());
  EXPECT_EQ(vault->view().read("Patient", "p2").error().kind, ErrorKind::not_found);
  EXPECT_EQ(vault->view().read("Patient", "../p2").error().kind, ErrorKind::invalid);
}

TEST_P(VaultTest, VersionsHistoryAndTombstones) {
  put("Patient", "p1", 1, patient_json("p1", 1, "Old", "1970-01-02"));
  clock.advance_ms(5);
  put("Patient", "p1", 2, patient_json("p1", 2, "New", "1970-01-02"));
  {
    auto transaction = std::move(*vault->begin());
    ASSERT_TRUE(transaction->remove("Patient", "p1"));
    ASSERT_TRUE(transaction->commit());
  }
  const View view = vault->view();
  EXPECT_EQ(view.read("Patient", "p1").error().kind, ErrorKind::gone);
  EXPECT_TRUE(view.read_meta("Patient", "p1")->deleted);
  EXPECT_NE(view.read_version("Patient", "p1", 1)->body.find("Old"), std::string::npos);
  EXPECT_NE(view.read_version("Patient", "p1", 2)->body.find("New"), std::string::npos);
  EXPECT_EQ(view.read_version("Patient", "p1", 3).error().kind, ErrorKind::gone);
  EXPECT_EQ(view.read_version("Patient", "p1", 4).error().kind, ErrorKind::not_found);
  auto history = view.history("Patient", "p1", 0, 2);
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 2u);
  EXPECT_TRUE((*history)[0].meta.deleted);
  EXPECT_EQ((*history)[1].meta.version, 2u);
  EXPECT_EQ((*view.history("Patient", "p1", 2, 9))[0].meta.version, 1u);
  auto transaction = std::move(*vault->begin());
  EXPECT_EQ(transaction->remove("Patient", "p1").error().kind, ErrorKind::gone);
  EXPECT_EQ(transaction->remove("Patient", "p2").error().kind, ErrorKind::not_found);
  EXPECT_EQ(*transaction->next_version("Patient", "p1"), 4u);
}

TEST_P(VaultTest, AnotherVersionThanExpectedIsAConflictAndStoresNothing) {
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  auto transaction = std::move(*vault->begin());
  EXPECT_EQ(transaction->put({"Patient", "p1", 1, patient_json("p1", 1, "B", "1970-01-02")}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(transaction->put({"Patient", "p1", 3, patient_json("p1", 3, "B", "1970-01-02")}).error().kind, ErrorKind::conflict);
  ASSERT_TRUE(transaction->put({"Patient", "p1", 2, patient_json("p1", 2, "B", "1970-01-02")}));
  EXPECT_EQ(transaction->put({"Patient", "p1", 3, patient_json("p1", 3, "C", "1970-01-02")}).error().kind, ErrorKind::conflict);
  transaction.reset();  // no commit
  EXPECT_EQ(vault->view().read("Patient", "p1")->meta.version, 1u);
  EXPECT_EQ(vault->view().read_version("Patient", "p1", 2).error().kind, ErrorKind::not_found);
}

TEST_P(VaultTest, TypeAndIdInTheBodyMustBeThoseItIsStoredUnder) {
  auto transaction = std::move(*vault->begin());
  EXPECT_EQ(transaction->put({"Patient", "p2", 1, patient_json("p1", 1, "A", "1970-01-02")}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(transaction->put({"Observation", "p1", 1, patient_json("p1", 1, "A", "1970-01-02")}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(transaction->put({"Patient", "p1", 1, "{"}).error().kind, ErrorKind::malformed);
}

TEST_P(VaultTest, ALargeTransactionIsInvisibleUntilItCommitsAndNothingOfItStaysWithout) {
  options.chunk_bytes = 2000;
  vault.reset();
  if (GetParam() == Where::memory) keys = Keystore::in_memory(clock, entropy);
  open();
  put("Patient", "p1", 1, patient_json("p1", 1, "Stays", "1970-01-02"));
  const View before = vault->view();
  {
    auto transaction = std::move(*vault->begin());
    ASSERT_TRUE(transaction->put({"Patient", "p1", 2, patient_json("p1", 2, "Dropped", "1970-01-02")}));
    for (int i = 0; i < 100; ++i) {
      const std::string id = "o" + std::to_string(i);
      ASSERT_TRUE(transaction->put({"Observation", id, 1, observation_json(id, 1, "p1", "718-7", "2020-01-01")}));
    }
    EXPECT_EQ(vault->view().read("Patient", "p1")->meta.version, 1u);
    EXPECT_EQ(search(vault->view(), "Observation", "code", {token_is("718-7", "http://loinc.org")}), Ids{});
    EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("stay")}), Ids{"p1"});
  }  // dropped
  EXPECT_EQ(search(vault->view(), "Observation", "code", {token_is("718-7", std::nullopt)}), Ids{});
  EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("stay")}), Ids{"p1"});
  EXPECT_EQ(search(vault->view(), "Patient", "family", {string_starts("drop")}), Ids{});
  {
    auto transaction = std::move(*vault->begin());
    for (int i = 0; i < 100; ++i) {
      const std::string id = "o" + std::to_string(i);
      ASSERT_TRUE(transaction->put({"Observation", id, 1, observation_json(id, 1, "p1", "718-7", "2020-01-01")}));
    }
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(search(vault->view(), "Observation", "code", {token_is("718-7", std::nullopt)}).size(), 100u);
  EXPECT_EQ(search(before, "Observation", "code", {token_is("718-7", std::nullopt)}), Ids{});
}

TEST_P(VaultTest, AViewSeesItsOwnMoment) {
  put("Patient", "p1", 1, patient_json("p1", 1, "First", "1970-01-02"));
  const View first = vault->view();
  put("Patient", "p1", 2, patient_json("p1", 2, "Second", "1970-01-02"));
  const View second = vault->view();
  put("Patient", "p1", 3, patient_json("p1", 3, "First", "1970-01-02"));
  const View third = vault->view();
  EXPECT_NE(first.read("Patient", "p1")->body.find("First"), std::string::npos);
  EXPECT_NE(second.read("Patient", "p1")->body.find("Second"), std::string::npos);
  EXPECT_EQ(search(first, "Patient", "family", {string_starts("first")}), Ids{"p1"});
  EXPECT_EQ(search(second, "Patient", "family", {string_starts("first")}), Ids{});
  EXPECT_EQ(search(second, "Patient", "family", {string_starts("second")}), Ids{"p1"});
  EXPECT_EQ(search(third, "Patient", "family", {string_starts("first")}), Ids{"p1"});
  EXPECT_EQ(search(third, "Patient", "family", {string_starts("second")}), Ids{});
  auto at = vault->view_at(second.sequence());
  ASSERT_TRUE(at);
  EXPECT_NE(at->read("Patient", "p1")->body.find("Second"), std::string::npos);
  EXPECT_FALSE(vault->view_at(third.sequence() + 1));
}

TEST_P(VaultTest, PagesNeitherRepeatNorLoseWhileOthersWrite) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = "o" + std::to_string(10 + i);
    put("Observation", id, 1, observation_json(id, 1, "p1", "718-7", "2020-01-01"));
  }
  const View view = vault->view();
  const Query query{"Observation", {{"code", {token_is("718-7", std::nullopt)}, false}}, {}};
  Ids seen;
  std::string after;
  for (int page = 0; page < 4; ++page) {
    auto found = view.search(query, after, 5);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->more, page < 3);
    seen.insert(seen.end(), found->ids.begin(), found->ids.end());
    after = found->ids.back();
    put("Observation", "o1" + std::to_string(page) + "x", 1, observation_json("o1" + std::to_string(page) + "x", 1, "p1", "718-7", "2020"));
    auto transaction = std::move(*vault->begin());
    ASSERT_TRUE(transaction->remove("Observation", "o2" + std::to_string(page)));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(seen.size(), 20u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(*vault->view().count(query, 1000), 20u);
}

TEST_P(VaultTest, SearchCombinesClauses) {
  put("Observation", "a", 1, observation_json("a", 1, "p1", "718-7", "2020-03-01"));
  put("Observation", "b", 1, observation_json("b", 1, "p2", "718-7", "2020-04-01T10:00:00Z"));
  put("Observation", "c", 1, observation_json("c", 1, "p1", "2345-7", "2021"));
  const View view = vault->view();
  EXPECT_EQ(search(view, "Observation", "subject", {reference_is("Patient/p1")}), (Ids{"a", "c"}));
  EXPECT_EQ(search(view, "Observation", "patient", {reference_is("Patient/p2")}), Ids{"b"});
  EXPECT_EQ(search(view, "Observation", "code", {token_is("718-7", "http://loinc.org"), token_is("2345-7", std::nullopt)}),
            (Ids{"a", "b", "c"}));
  EXPECT_EQ(search(view, "Observation", "code", {token_is("718-7", "http://snomed.info/sct")}), Ids{});
  EXPECT_EQ(search(view, "Observation", "code", {token_of_system("http://loinc.org")}).size(), 3u);
  EXPECT_EQ(search(view, "Observation", "code", {token_is("718-7", std::nullopt)}, true), Ids{"c"});
  EXPECT_EQ(search(view, "Observation", "value-string", {any_value()}, true), (Ids{"a", "b", "c"}));
  auto both = view.search(
      {"Observation", {{"subject", {reference_is("Patient/p1")}, false}, {"code", {token_is("718-7", std::nullopt)}, false}}, {}}, {}, 10);
  EXPECT_EQ(both->ids, Ids{"a"});
  EXPECT_EQ(view.search({"Observation", {}, {}}, {}, 10)->ids, (Ids{"a", "b", "c"}));
  EXPECT_EQ(view.search({"Observation", {}, {"c", "nobody", "a"}}, {}, 10)->ids, (Ids{"a", "c"}));
}

TEST_P(VaultTest, DatesAreIntervals) {
  put("Observation", "day", 1, observation_json("day", 1, "p", "1", "2020-03-10"));
  put("Observation", "year", 1, observation_json("year", 1, "p", "1", "2020"));
  put("Observation", "instant", 1, observation_json("instant", 1, "p", "1", "2020-03-10T12:00:00Z"));
  const View view = vault->view();
  const auto find = [&](Comparison comparison, const char* text) {
    return search(view, "Observation", "date", date_is("date", comparison, *codec::fhir::interval_of(text)));
  };
  EXPECT_EQ(find(Comparison::eq, "2020-03-10"), (Ids{"day", "instant"}));
  EXPECT_EQ(find(Comparison::eq, "2020"), (Ids{"day", "instant", "year"}));
  EXPECT_EQ(find(Comparison::gt, "2020-03-10"), Ids{"year"});
  EXPECT_EQ(find(Comparison::ge, "2020-03-10"), (Ids{"day", "instant", "year"}));
  EXPECT_EQ(find(Comparison::lt, "2020-03-10"), Ids{"year"});
  EXPECT_EQ(find(Comparison::le, "2020-03-10"), (Ids{"day", "instant", "year"}));
  EXPECT_EQ(find(Comparison::sa, "2020-03-09"), (Ids{"day", "instant"}));
  EXPECT_EQ(find(Comparison::eb, "2020-03-11"), (Ids{"day", "instant"}));
  EXPECT_EQ(find(Comparison::ne, "2020-03-10"), Ids{"year"});
}

TEST_P(VaultTest, TheFeedGivesEveryChangeOnceInOrder) {
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  put("Patient", "p2", 1, patient_json("p2", 1, "B", "1970-01-02"));
  {
    auto transaction = std::move(*vault->begin());
    ASSERT_TRUE(transaction->remove("Patient", "p1"));
    ASSERT_TRUE(transaction->commit());
  }
  auto all = vault->view().changes(0, 10);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].meta.id, "p1");
  EXPECT_EQ((*all)[1].meta.id, "p2");
  EXPECT_TRUE((*all)[2].meta.deleted);
  auto rest = vault->view().changes((*all)[0].meta.number, 1);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].meta.id, "p2");
}

TEST_P(VaultTest, ErasingOneVersionLeavesTheOthers) {
  put("Patient", "p1", 1, patient_json("p1", 1, "Secret", "1970-01-02"));
  put("Patient", "p1", 2, patient_json("p1", 2, "Open", "1970-01-02"));
  ASSERT_TRUE(vault->set_legal_hold("Patient", "p1", true));
  EXPECT_EQ(vault->erase("Patient", "p1", 1).error().kind, ErrorKind::forbidden);
  ASSERT_TRUE(vault->set_legal_hold("Patient", "p1", false));
  const View before = vault->view();
  const Digest commitment = vault->proof_material("Patient", "p1", 1)->commitment;
  EXPECT_TRUE(vault->untold_erasures()->empty());
  ASSERT_TRUE(vault->erase("Patient", "p1", 1));
  EXPECT_EQ(vault->view().read_version("Patient", "p1", 1).error().kind, ErrorKind::gone);
  const auto untold = *vault->untold_erasures();
  ASSERT_EQ(untold.size(), 1u);
  EXPECT_EQ(untold[0].commitment, commitment);
  const auto remains = vault->proof_material("Patient", "p1", 1);
  ASSERT_TRUE(remains) << remains.error().message;
  EXPECT_EQ(crypto::tagged_hash("careledger/record/1", {codec::fhir::kRecordProfile, "Patient", remains->remnant->view()}), commitment);
  EXPECT_TRUE(remains->seed.empty() && remains->version.body.empty());
  ASSERT_TRUE(vault->erasure_told(untold[0].number));
  EXPECT_TRUE(vault->untold_erasures()->empty());
  EXPECT_TRUE(vault->view().read_version("Patient", "p1", 2));
  EXPECT_EQ(search(before, "Patient", "family", {string_starts("secret")}), Ids{});
  EXPECT_EQ(search(vault->view(), "Patient", "identifier", {token_is("MRN-p1", "urn:mrn")}), Ids{"p1"});
  auto history = vault->view().history("Patient", "p1", 0, 10);
  ASSERT_EQ(history->size(), 2u);
  EXPECT_TRUE((*history)[1].meta.erased);
  ASSERT_TRUE(vault->erase("Patient", "p1", 2));
  EXPECT_EQ(vault->view().read("Patient", "p1").error().kind, ErrorKind::gone);
  EXPECT_EQ(search(vault->view(), "Patient", "identifier", {token_is("MRN-p1", "urn:mrn")}), Ids{});
  EXPECT_EQ(vault->view().search({"Patient", {}, {}}, {}, 10)->ids, Ids{});
}

class DiskVaultTest : public VaultTest {};
INSTANTIATE_TEST_SUITE_P(Disk, DiskVaultTest, ::testing::Values(Where::disk), [](const auto&) { return "disk"; });

TEST_P(DiskVaultTest, EverythingCommittedIsThereAfterAReopen) {
  put("Patient", "p1", 1, patient_json("p1", 1, "A", "1970-01-02"));
  put("Patient", "p1", 2, patient_json("p1", 2, "B", "1970-01-02"));
  ASSERT_TRUE(vault->erase("Patient", "p1", 1));
  const std::uint64_t sequence = vault->view().sequence();
  reopen();
  EXPECT_EQ(vault->view().sequence(), sequence);
  EXPECT_NE(vault->view().read("Patient", "p1")->body.find("\"B\""), std::string::npos);
  EXPECT_EQ(vault->view().read_version("Patient", "p1", 1).error().kind, ErrorKind::gone);
  put("Patient", "p1", 3, patient_json("p1", 3, "C", "1970-01-02"));
  EXPECT_EQ(vault->view().read("Patient", "p1")->meta.number, 3u);
}

TEST_P(DiskVaultTest, AWrongKeyIsSaidSo) {
  vault.reset();
  auto other = Keystore::in_memory(clock, entropy);
  auto opened = Vault::open(options, *other, clock, entropy);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::wrong_key) << opened.error().message;
}

TEST_P(VaultTest, ADamagedRowOfTheIndexIsReportedWithoutWhatItHolds) {
  put("Patient", "p1", 1, patient_json("p1", 1, "Featherstonehaugh", "1970-01-02"));
  const auto rows = vault->parts().store->iterate(kIndexColumn, storage::Range::prefix(parameter_prefix("Patient", "family")));
  rows->seek_first();
  ASSERT_TRUE(rows->valid());
  const Bytes key(rows->key());
  storage::Batch batch;
  batch.put(kIndexColumn, key, "damaged");
  ASSERT_TRUE(vault->parts().store->write(batch, storage::Durability::synced));
  const auto found = vault->view().search({"Patient", {{"family", {string_starts("featherstonehaugh")}, false}}, {}}, {}, 10);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::corrupt);
  EXPECT_NE(found.error().message.find("index"), std::string::npos);
  for (const Bytes& told : {Bytes("featherstonehaugh"), to_hex("featherstonehaugh"), to_hex("p1")})
    EXPECT_EQ(found.error().message.find(told), std::string::npos) << found.error().message;
}

TEST_P(VaultTest, ATransactionConcernsThePatientsOfWhatItReplacesAsWell) {
  put("Observation", "o1", 1, observation_json("o1", 1, "a", "718-7", "2020-01-01"));
  auto transaction = std::move(*vault->begin());
  ASSERT_TRUE(transaction->put({"Observation", "o1", 2, observation_json("o1", 2, "b", "718-7", "2020-01-01")}));
  ASSERT_TRUE(transaction->put({"Observation", "o2", 1, observation_json("o2", 1, "c", "718-7", "2020-01-01")}));
  EXPECT_EQ(transaction->patients(), (std::set<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(vault->view().read("Observation", "o1")->meta.patients, Ids{"b"});
  transaction = std::move(*vault->begin());
  ASSERT_TRUE(transaction->remove("Observation", "o1"));
  EXPECT_EQ(transaction->patients(), std::set<std::string>{"b"});
}

}  // namespace
}  // namespace careledger::vault
