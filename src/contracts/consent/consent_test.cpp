#include "contracts/consent/consent.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "contracts/relationship/relationship.h"
#include "contracts/test_ledger.h"

namespace careledger::contracts::consent {
namespace {

using kernel::test_id;

TEST(Consent, IsInForceUntilRevokedLapsedOrOver) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto patient = ledger.propose(hospital, 2, true);
  const auto id = relationship::relationship_id(hospital, patient);
  const auto today = day_of(ledger.time());
  EXPECT_FALSE(is_in_force(ledger.state(), id, 1, ledger.time()));
  for (kernel::Counter number = 1; number <= 3; ++number) {
    ASSERT_TRUE(ledger.run(patient, build::grant(id, number, test_id<Digest>(9), number == 2 ? today + 2 : 0)).ok());
    EXPECT_TRUE(is_in_force(ledger.state(), id, number, ledger.time()));
  }
  ASSERT_TRUE(ledger.run(patient, build::revoke(id, 1)).ok());
  EXPECT_FALSE(is_in_force(ledger.state(), id, 1, ledger.time()));
  EXPECT_TRUE(is_in_force(ledger.state(), id, 2, {(today + 2) * kDayMs - 1}));
  EXPECT_FALSE(is_in_force(ledger.state(), id, 2, {(today + 2) * kDayMs}));
  ASSERT_TRUE(ledger.run(patient, build::end(id)).ok());
  EXPECT_FALSE(is_in_force(ledger.state(), id, 3, ledger.time()));
}

TEST(Consent, RowsOfARelationshipStandTogetherInOrder) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  for (std::uint8_t key : {2, 3}) {
    const auto patient = ledger.propose(hospital, key, true);
    const auto id = relationship::relationship_id(hospital, patient);
    EXPECT_EQ(next_number(ledger.state(), id), 1u);
    for (kernel::Counter number = 1; number <= 20; ++number) {
      ASSERT_TRUE(ledger.run(patient, build::grant(id, number, test_id<Digest>(key), 0)).ok());
      EXPECT_EQ(next_number(ledger.state(), id), number + 1);
    }
    const auto rows = ledger.state().scan(kGrants, Limit{100}, id);
    ASSERT_EQ(rows.size(), 20u);
    for (kernel::Counter i = 0; i < 20; ++i) {
      EXPECT_EQ(rows[i].first.counter(), i + 1);
      EXPECT_EQ(rows[i].second.terms(), test_id<Digest>(key).view());
    }
    EXPECT_EQ(ledger.state().scan(kGrants, Limit{5}, id).size(), 5u);
  }
}

TEST(Consent, TellsViewsWhatHappened) {
  TestLedger ledger;
  const auto hospital = ledger.admit(1);
  const auto patient = ledger.propose(hospital, 2, true);
  const auto id = relationship::relationship_id(hospital, patient);
  const auto granted = ledger.execute(patient, build::grant(id, 1, test_id<Digest>(9), 30'000));
  ASSERT_EQ(granted.events.size(), 1u);
  Event event;
  ASSERT_TRUE(event.ParseFromString(granted.events[0].body));
  EXPECT_EQ(event.granted().relationship(), id.view());
  EXPECT_EQ(event.granted().number(), 1u);
  EXPECT_EQ(event.granted().terms(), test_id<Digest>(9).view());
  EXPECT_EQ(event.granted().expires_day(), 30'000u);
  const auto refused = ledger.execute(patient, build::revoke(id, 7));
  EXPECT_TRUE(refused.events.empty());
}

// Random histories against a model of a few lines: for each relationship a list of {terms, day, revoked}.
struct ModelGrant {
  Digest terms;
  std::uint32_t day;
  bool revoked;
};
struct Model {
  std::map<RelationshipId, AccountId> patient;
  std::map<RelationshipId, bool> active;
  std::map<RelationshipId, std::vector<ModelGrant>> grants;

  Codes grant(const AccountId& actor, const RelationshipId& id, kernel::Counter number, const Digest& terms, std::uint32_t day,
              std::uint32_t today) {
    if (!patient.contains(id)) return Codes::relationship_unknown;
    if (!active[id]) return Codes::relationship_not_active;
    if (actor != patient[id]) return Codes::not_the_patient;
    if (number <= grants[id].size()) return Codes::grant_exists;
    if (number != grants[id].size() + 1) return Codes::number_not_next;
    if (day != 0 && day <= today) return Codes::expiry_has_come;
    grants[id].push_back({terms, day, false});
    return Codes::ok;
  }
  Codes revoke(const AccountId& actor, const RelationshipId& id, kernel::Counter number) {
    if (!patient.contains(id)) return Codes::relationship_unknown;
    if (actor != patient[id]) return Codes::not_the_patient;
    if (number > grants[id].size()) return Codes::grant_unknown;
    auto& grant = grants[id][number - 1];
    if (grant.revoked) return Codes::grant_revoked;
    grant.revoked = true;
    return Codes::ok;
  }
};

struct World {
  TestLedger ledger;
  Model model;
  std::vector<AccountId> actors;
  std::vector<RelationshipId> ids{kernel::test_id<RelationshipId>(77)};  // one that nobody has

  World() {
    const auto hospital = ledger.admit(1);
    actors.push_back(hospital);
    for (std::uint8_t key = 2; key < 5; ++key) {
      const auto patient = ledger.propose(hospital, key, key != 4);
      const auto id = relationship::relationship_id(hospital, patient);
      actors.push_back(patient);
      ids.push_back(id);
      model.patient[id] = patient;
      model.active[id] = key != 4;
    }
  }

  void step() {
    const auto actor = *rc::gen::elementOf(actors);
    const auto id = *rc::gen::elementOf(ids);
    const auto number = *rc::gen::inRange<kernel::Counter>(1, 6);
    const auto today = day_of(ledger.time());
    switch (*rc::gen::inRange(0, 10)) {
      case 0: ledger.pass_days(1); break;
      case 1: {
        const auto ended = ledger.run(actor, build::end(id));
        if (ended.ok()) model.active[id] = false;
        break;
      }
      case 2:
      case 3:
      case 4: RC_ASSERT(ledger.run(actor, build::revoke(id, number)) == code(build::kConsent, model.revoke(actor, id, number))); break;
      default: {
        const auto day = *rc::gen::element(0u, today, today + 1, today + 9);
        const auto terms = test_id<Digest>(*rc::gen::arbitrary<std::uint8_t>());
        const auto expected = model.grant(actor, id, number, terms, day, today);
        RC_ASSERT(ledger.run(actor, build::grant(id, number, terms, day)) == code(build::kConsent, expected));
      }
    }
  }

  void compare() const {
    for (const auto& [id, grants] : model.grants) {
      const auto rows = ledger.state().scan(kGrants, Limit{100}, id);
      RC_ASSERT(rows.size() == grants.size());
      for (std::size_t i = 0; i < grants.size(); ++i) {
        RC_ASSERT(rows[i].second.terms() == grants[i].terms.view());
        RC_ASSERT((rows[i].second.revoked_height() != 0) == grants[i].revoked);
        const bool lapsed = grants[i].day != 0 && has_come(grants[i].day, ledger.time());
        const bool in_force = model.active.at(id) && !grants[i].revoked && !lapsed;
        RC_ASSERT(is_in_force(ledger.state(), id, static_cast<kernel::Counter>(i + 1), ledger.time()) == in_force);
      }
    }
  }
};

RC_GTEST_PROP(Consent, RandomHistoriesGoAsInTheModel, ()) {
  World world;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) world.step();
  world.compare();
}

}  // namespace
}  // namespace careledger::contracts::consent
