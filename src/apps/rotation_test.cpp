#include "apps/rotation.h"

#include <gtest/gtest.h>

#include "contracts/all.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"
#include "replica/ledger_store.h"

namespace careledger::apps {
namespace {

using vault::kNextKey;
using vault::Purpose;

// A rotation in a network may take effect after a crash, while a node signs with the keys before.
TEST(RotationTest, IsOvertakenWhenTheLedgerKnowsAKeyThatTheKeystoreOnlyPrepares) {
  kernel::Founding founding;
  founding.set_format(kernel::kFoundedByOne);
  founding.set_name("test");
  founding.set_created_ms(1);
  *founding.mutable_founder() = kernel::single_key(kernel::test_key(1).public_key());
  founding.set_founder_nonce(Bytes(32, 'n'));
  founding.set_epoch_ms(1);
  founding.set_protocol(1);
  replica::Config config;
  config.founding = kernel::encode(founding);
  const auto replica = replica::Replica::open(config, replica::memory_ledger_store(), contracts::all());
  ASSERT_TRUE(replica);
  const replica::View view = (*replica)->view();
  const OrganisationId own = kernel::account_id(founding.founder(), founding.founder_nonce());
  ManualClock clock;
  SeededEntropy entropy{1};
  const auto keys = vault::Keystore::in_memory(clock, entropy);
  ASSERT_TRUE(keys->add_signing(Purpose::command, {}, kernel::test_key(1)));
  EXPECT_FALSE(*is_overtaken(*keys, view, own)) << "nothing is prepared";
  ASSERT_TRUE(keys->signing(Purpose::command, kNextKey));
  EXPECT_FALSE(*is_overtaken(*keys, view, own)) << "the ledger knows the one before";
  ASSERT_TRUE(keys->add_signing(Purpose::command, kNextKey, kernel::test_key(1)));
  EXPECT_TRUE(*is_overtaken(*keys, view, own));
  EXPECT_FALSE(*is_overtaken(*keys, view, OrganisationId{})) << "of somebody whom the ledger does not know";
}

}  // namespace
}  // namespace careledger::apps
