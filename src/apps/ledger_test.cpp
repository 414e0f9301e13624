#include "apps/ledger.h"

#include <gtest/gtest.h>

#include "apps/seal_choice.h"
#include "base/test_folder.h"
#include "contracts/all.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_members.h"
#include "replica/ledger_store.h"

namespace careledger::apps {
namespace {

Bytes founding_of_four() {
  auto founding = kernel::test_founding({kernel::test_member(1), kernel::test_member(2), kernel::test_member(3), kernel::test_member(4)},
                                        system_clock().now().value);
  founding.set_protocol(kProtocol);
  return kernel::encode(founding);
}

TEST(LedgerTest, ANetworkOfAnEarlierBuildIsToldThatItMustBeFoundedAnew) {
  const TestFolder folder;
  const Layout layout = layout_of(folder.path() + "/data");
  ASSERT_TRUE(system_files().make_folder(layout.ledger()));
  replica::Config config;
  config.founding = founding_of_four();
  {
    std::shared_ptr<storage::Store> store = *replica::open_ledger_store({layout.ledger()});
    const auto before_votes = contracts::all().first(contracts::all().size() - 1);  // governance came last
    ASSERT_TRUE(replica::Replica::open(config, store, before_votes));
  }
  const auto seal = open_seal(layout, {}, true, system_entropy());
  ASSERT_TRUE(seal);
  const auto keys = vault::Keystore::create(layout.keystore(), *seal, system_clock(), system_entropy());
  ASSERT_TRUE(keys);
  const NetworkConfig network;
  const Engine engine{network, {}, {.program = "no engine is asked for"}};
  const auto opened = Ledger::open(layout, config.founding, **keys, system_clock(), nullptr, &engine);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::unsupported);
  EXPECT_NE(opened.error().message.find("found it anew"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace careledger::apps
