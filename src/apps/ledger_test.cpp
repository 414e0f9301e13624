#include "apps/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "apps/seal_choice.h"
#include "base/test_folder.h"
#include "contracts/all.h"
#include "kernel/authority.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"
#include "replica/ledger_store.h"

namespace careledger::apps {
namespace {

Bytes founding_of_four() {
  std::vector<kernel::FoundingMember> members(4);
  for (std::uint8_t n = 0; n < members.size(); ++n) {
    *members[n].mutable_authority() = kernel::single_key(kernel::test_key(n).public_key());
    members[n].set_nonce(Bytes(32, static_cast<char>(n)));
    members[n].set_name("member " + std::to_string(n));
    members[n].set_kind(1);
    members[n].set_sealing_key(Bytes(32, 's'));
    members[n].set_weight(10);
    members[n].set_validator_key(kernel::test_key(static_cast<std::uint8_t>(20 + n)).public_key().bytes());
  }
  std::ranges::sort(members, {}, [](const kernel::FoundingMember& one) { return kernel::account_id(one); });
  kernel::Founding founding;
  founding.set_format(kernel::kFoundedTogether);
  founding.set_name("network");
  founding.set_created_ms(system_clock().now().value);
  founding.set_epoch_ms(1000);
  founding.set_protocol(kProtocol);
  for (const auto& one : members) *founding.add_members() = one;
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
