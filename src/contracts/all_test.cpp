// What holds for every contract alike.
#include "contracts/all.h"

#include <gtest/gtest.h>

#include <set>

#include "contracts/access/access.h"
#include "contracts/consent/consent.h"
#include "contracts/governance/governance.h"
#include "contracts/records/records.h"
#include "contracts/registry/registry.h"
#include "contracts/relationship/relationship.h"
#include "contracts/test_ledger.h"

namespace careledger::contracts {
namespace {

TEST(Contracts, StandInTheOrderOfTheirIdsAndNameEachCodeOnce) {
  std::uint16_t last = 0;
  for (const auto& contract : all()) {
    EXPECT_GT(contract.id.value, last);
    last = contract.id.value;
    std::set<std::string_view> names;
    std::uint16_t next_number = 0;
    for (const auto& code : contract.codes) {
      EXPECT_EQ(code.number, next_number++) << contract.name;
      EXPECT_TRUE(names.insert(code.name).second) << code.name;
    }
    EXPECT_FALSE(contract.invariants.empty()) << contract.name;
  }
}

TEST(Contracts, ShareNoSpace) {
  const std::vector<kernel::Space> spaces{
      kernel::kAccounts.space,        kernel::kSequences.space,        kernel::kPastAuthorities.space,
      kernel::kActivations.space,     kernel::kFounding.space,         kernel::kValidators.space,
      registry::kOrganisations.space, registry::kAccreditations.space, relationship::kRelationships.space,
      consent::kGrants.space,         records::kExceptions.space,      access::kHeads.space,
      governance::kMembers.space,     governance::kProposals.space,    governance::kEvidence.space};
  const std::set<kernel::Space> distinct(spaces.begin(), spaces.end());
  EXPECT_EQ(distinct.size(), spaces.size());
}

TEST(Contracts, DecodeNothingThatIsNotExactlyOneCommand) {
  for (const auto& contract : all()) {
    EXPECT_FALSE(contract.decode("").has_value()) << contract.name;  // no command chosen
    EXPECT_FALSE(contract.decode("\xff\xff").has_value()) << contract.name;
    EXPECT_FALSE(contract.decode(Bytes("\xf8\x07\x01", 3)).has_value()) << contract.name;  // a command of a later version
  }
  const auto grant = build::grant(kernel::test_id<RelationshipId>(1), 1, kernel::test_id<Digest>(2), 30'000);
  const auto revoke = build::revoke(kernel::test_id<RelationshipId>(1), 1);
  EXPECT_TRUE(consent::kContract.decode(grant.payload).has_value());
  EXPECT_FALSE(consent::kContract.decode(grant.payload + revoke.payload).has_value());
}

// The limit is 400 bytes a grant over the whole ledger; this is the part that no block layout can save.
TEST(Contracts, AGrantIsSmall) {
  TestLedger ledger;
  const auto patient = ledger.propose(ledger.admit(1), 2, true);
  const auto relationship =
      relationship::relationship_id(kernel::account_id(TestLedger::authority(1), kernel::test_id<Digest>(1).view()), patient);
  const auto order = build::grant(relationship, 1, kernel::test_id<Digest>(9), 21'000);
  const auto key = kernel::test_key(1);
  const auto command = kernel::sign_command({ledger.ledger(), patient, 3, {ledger.time().value + 1000}, order.contract}, order.payload,
                                            kernel::Signer{1, &key});
  const auto effect = ledger.execute(patient, order);
  ASSERT_TRUE(effect.code.ok());
  std::size_t rows = 0;
  for (const auto& [row, value] : effect.changes) rows += row.view().size() + (*value).size();
  EXPECT_LE(command.ByteSizeLong(), 245u);
  EXPECT_LE(rows, 120u);
}

class RecordingRows final : public kernel::Rows {
 public:
  explicit RecordingRows(const kernel::Rows& below) : below_(below) {}
  kernel::RowValue read(const kernel::Key& key) const override {
    asked.insert(key);
    return below_.read(key);
  }
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override { return below_.read_prefix(prefix, limit); }
  mutable std::set<kernel::Key> asked;

 private:
  const kernel::Rows& below_;
};

// A command that is not foreseen costs a read of its own for each row, which no result shows.
TEST(Contracts, ForeseeWhatTheCommandsOfEveryDayRead) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto patient = ledger.propose(hospital, 2, true);
  const auto relationship = relationship::relationship_id(hospital, patient);
  ASSERT_TRUE(ledger.run(patient, build::grant(relationship, 1, kernel::test_id<Digest>(9), 0)).ok());
  ledger::Anchor anchor;
  anchor.set_root(kernel::test_id<Digest>(3).bytes());
  anchor.set_count(4);
  anchor.add_supersedes(kernel::test_id<Digest>(4).bytes());
  anchor.add_entered_in_error(kernel::test_id<Digest>(5).bytes());
  const std::pair<AccountId, build::Order> orders[] = {{patient, build::grant(relationship, 2, kernel::test_id<Digest>(9), 0)},
                                                       {patient, build::revoke(relationship, 1)},
                                                       {hospital, build::anchor(anchor)},
                                                       {hospital, build::erase(kernel::test_id<Digest>(6))}};
  for (const auto& [actor, order] : orders) {
    const auto command = ledger.received(actor, order);
    const auto prepared = kernel::prepare(command, all());
    ASSERT_NE(prepared, nullptr);
    std::vector<kernel::Key> foreseen;
    prepared->foresee(actor, foreseen);
    std::set<kernel::Key> expected(foreseen.begin(), foreseen.end());
    if (order.contract == records::kContract.id) expected.insert(kernel::kAccounts.key(actor));  // which every command needs
    const RecordingRows rows(ledger.rows());
    const kernel::Call call{ledger.height(), ledger.time(), {1}, ledger.ledger(), actor, command.digest};
    EXPECT_TRUE(prepared->decide(call, kernel::Reader(rows)).ok());
    EXPECT_EQ(rows.asked, expected);
  }
}

}  // namespace
}  // namespace careledger::contracts
