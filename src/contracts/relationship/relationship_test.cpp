#include "contracts/relationship/relationship.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "contracts/test_ledger.h"

namespace careledger::contracts::relationship {
namespace {

using kernel::test_id;
using kernel::test_key;

TEST(Relationship, SamePersonAtTwoHospitalsIsTwoPseudonyms) {
  TestLedger ledger;
  const auto north = ledger.admit(1);
  const auto south = ledger.admit(2);
  const auto authority = TestLedger::authority(3);
  const auto at_north = kernel::account_id(authority, test_id<Digest>(4).view());
  const auto at_south = kernel::account_id(authority, test_id<Digest>(5).view());  // another nonce is enough
  EXPECT_NE(at_north, at_south);
  EXPECT_NE(relationship_id(north, at_north), relationship_id(south, at_north));
}

TEST(Relationship, AClaimMovesTheAccountIntoThePatientsHands) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto patient = ledger.propose(hospital, 2, true);
  const auto id = relationship_id(hospital, patient);
  EXPECT_TRUE(ledger.state().get(kRelationships, id)->held_in_trust());
  const auto own = test_key(7);
  const build::Handover handover{ledger.ledger(), patient, id, kernel::single_key(own.public_key()), {{1, &own}}};
  const auto effect = ledger.execute(patient, build::claim(handover));
  ASSERT_TRUE(effect.code.ok());
  EXPECT_FALSE(ledger.state().get(kRelationships, id)->held_in_trust());
  const auto account = *ledger.state().get(kernel::kAccounts, patient);
  EXPECT_EQ(account.authority_version(), 2u);
  EXPECT_EQ(account.authority().keys(0).public_key(), own.public_key().view());
  const auto past = *ledger.state().get(kernel::kPastAuthorities, patient, 1);
  EXPECT_EQ(kernel::encode(past.authority()), kernel::encode(TestLedger::authority(2)));
  EXPECT_EQ(Height{past.until_height() + 1}, ledger.height());
  ASSERT_EQ(effect.events.size(), 2u);
}

TEST(Relationship, AHandoverProofIsForOneAccountOnOneLedger) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto patient = ledger.propose(hospital, 2, true);
  const auto other = ledger.propose(hospital, 3, true);
  const auto own = test_key(7);
  const auto attempt = [&](const LedgerId& of, const AccountId& proven_for) {
    const build::Handover handover{of, proven_for, relationship_id(hospital, patient), kernel::single_key(own.public_key()), {{1, &own}}};
    return ledger.run(patient, build::claim(handover));
  };
  EXPECT_EQ(attempt(ledger.ledger(), other), code(build::kRelationship, Codes::new_authority_silent));
  EXPECT_EQ(attempt(test_id<LedgerId>(1), patient), code(build::kRelationship, Codes::new_authority_silent));
  EXPECT_TRUE(attempt(ledger.ledger(), patient).ok());
}

// What the ledger shows must not tell which relationship a merged one belongs to.
TEST(Relationship, AMergeNamesNoSurvivor) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto duplicate = ledger.propose(hospital, 2, true);
  const auto survivor = ledger.propose(hospital, 3, true);
  const auto effect = ledger.execute(hospital, build::merge(relationship_id(hospital, duplicate), test_id<Digest>(9)));
  ASSERT_TRUE(effect.code.ok());
  for (const auto& [key, value] : effect.changes) {
    EXPECT_EQ((*value).find(survivor.view()), Bytes::npos);
    EXPECT_EQ((*value).find(relationship_id(hospital, survivor).view()), Bytes::npos);
  }
}

// Random histories against a model: the status of each relationship by the picture in relationship.h.
struct ModelRow {
  AccountId organisation;
  AccountId patient;
  Status status{};  // none
  bool held = false;
};

struct World {
  TestLedger ledger;
  std::vector<AccountId> organisations{ledger.admit(1), ledger.admit(2)};
  std::vector<AccountId> actors = organisations;
  std::map<RelationshipId, ModelRow> rows;
  std::vector<RelationshipId> ids{test_id<RelationshipId>(99)};
  std::uint8_t next_key = 10;

  static bool over(const ModelRow& row) { return row.status == Status::rejected || row.status == Status::ended; }

  void propose() {
    if (next_key > 20) return;
    const auto organisation = *rc::gen::elementOf(organisations);
    const bool held = *rc::gen::arbitrary<bool>();
    const auto patient = ledger.propose(organisation, next_key++, held);
    const auto id = relationship_id(organisation, patient);
    actors.push_back(patient);
    ids.push_back(id);
    rows[id] = {organisation, patient, held ? Status::active : Status::proposed, held};
  }

  // Who may, what must hold, what comes of it.
  Codes expect(const AccountId& actor, const RelationshipId& id, int command) {
    const auto found = rows.find(id);
    if (found == rows.end()) return Codes::relationship_unknown;
    auto& row = found->second;
    const auto move = [&](bool allowed, Codes otherwise, Status status) {
      if (!allowed) return otherwise;
      row.status = status;
      return Codes::ok;
    };
    if (command == 0 && actor != row.patient && actor != row.organisation) return Codes::not_a_party;
    if ((command == 1 || command == 2) && actor != row.patient) return Codes::not_the_patient;
    if ((command == 3 || command == 4) && actor != row.organisation) return Codes::not_the_organisation;
    switch (command) {
      case 0: return move(!over(row), Codes::already_over, Status::ended);
      case 1: return move(row.status == Status::proposed, Codes::not_proposed, Status::active);
      case 2: return move(row.status == Status::proposed, Codes::not_proposed, Status::rejected);
      case 3: return move(row.status == Status::active, Codes::not_active, Status::merged);
      default: return move(row.status == Status::merged, Codes::not_merged, Status::active);
    }
  }

  static build::Order order(const RelationshipId& id, int command) {
    switch (command) {
      case 0: return build::end(id);
      case 1: return build::accept(id);
      case 2: return build::reject(id);
      case 3: return build::merge(id, test_id<Digest>(5));
      default: return build::unmerge(id);
    }
  }

  void step() {
    const int command = *rc::gen::inRange(-2, 5);
    if (command < 0) return propose();
    const auto id = *rc::gen::elementOf(ids);
    const auto actor = *rc::gen::elementOf(actors);
    RC_ASSERT(ledger.run(actor, order(id, command)) == code(build::kRelationship, expect(actor, id, command)));
  }
};

RC_GTEST_PROP(Relationship, RandomHistoriesGoAsInTheModel, ()) {
  World world;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) world.step();
  for (const auto& [id, expected] : world.rows) {
    const auto row = world.ledger.state().get(kRelationships, id);
    RC_ASSERT(row.has_value());
    RC_ASSERT(row->status() == number_of(expected.status));
    RC_ASSERT(row->held_in_trust() == expected.held);
    RC_ASSERT(row->patient() == expected.patient.view());
    RC_ASSERT(row->survivor().empty() == (expected.status != Status::merged));
  }
}

}  // namespace
}  // namespace careledger::contracts::relationship
