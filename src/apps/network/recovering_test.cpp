// The mark of `network recover`: a folder whose ledger is half fetched is opened by no node, and one that is whole is left as it is.
#include <gtest/gtest.h>

#include <filesystem>

#include "apps/ledger.h"
#include "apps/network/founding.h"
#include "apps/network/joining.h"
#include "apps/node.h"
#include "base/test_folder.h"

namespace careledger::apps::network {
namespace {

class RecoveringMark : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* names[] = {"North", "South", "City", "Region"};
    std::vector<DescriptionFile> files;
    for (int i = 0; i < 4; ++i) {
      DescribeOrder order;
      order.network = "Region";
      order.epoch_ms = 1000;
      order.organisation = names[i];
      const std::string port = std::to_string(2000 + i);
      order.listen = "127.0.0.1:1" + port;
      order.api = "https://127.0.0.1:2" + port;
      const Layout one = layout_of(folder.path() + "/" + names[i]);
      auto text = describe(one, order, system_clock(), system_entropy());
      ASSERT_TRUE(text) << text.error().message;
      files.push_back({one.description(), std::move(*text)});
    }
    const auto founded = found(layout, files, rpc_ports_from(0), system_clock());
    ASSERT_TRUE(founded) << founded.error().message;
    make_ledger();
  }
  void make_ledger() {
    const auto seal = open_seal(layout, {}, false, system_entropy());
    ASSERT_TRUE(seal);
    const auto keys = vault::Keystore::open(layout.keystore(), *seal, system_clock(), system_entropy());
    ASSERT_TRUE(keys);
    const auto ledger =
        Ledger::open_at_rest(layout, *system_files().read_all(layout.founding(), kFoundingBytesMax), **keys, system_clock());
    ASSERT_TRUE(ledger) << ledger.error().message;
  }
  void lose_ledger() { std::filesystem::remove_all(layout.ledger()); }
  // There is no engine that it could be fetched with.
  Error recover() {
    JoinOrder order;
    order.engine = folder.path() + "/no engine";
    order.step = [](const Joining&) {};
    const auto recovered = recover_ledger(layout, order, system_clock(), system_entropy());
    EXPECT_FALSE(recovered);
    return recovered ? Error{} : recovered.error();
  }
  bool is_marked() const { return system_files().exists(layout.recovering()); }
  // What opening it says of that; empty: nothing.
  std::string refused() const {
    const std::string what = "is not recovered yet: run careledger network recover again";
    const auto served = Node::open(layout, {}, system_clock(), system_entropy());
    const auto at_rest = Node::open_at_rest(layout, {}, system_clock(), system_entropy());
    const auto names_it = [&](const auto& opened) { return !opened && opened.error().message.find(what) != std::string::npos; };
    EXPECT_EQ(names_it(served), names_it(at_rest));
    return names_it(at_rest) ? at_rest.error().message : "";
  }

  TestFolder folder;
  const Layout layout = layout_of(folder.path() + "/North");
};

TEST_F(RecoveringMark, AFolderThatIsWholeGetsNone) {
  recover();
  EXPECT_FALSE(is_marked());
  EXPECT_EQ(refused(), "");
}

TEST_F(RecoveringMark, OneWhoseLedgerIsHalfThereKeepsItAndNoNodeOpensIt) {
  lose_ledger();
  recover();
  ASSERT_TRUE(std::filesystem::exists(layout.ledger()));  // begun, and without a block
  EXPECT_TRUE(is_marked());
  EXPECT_NE(refused(), "");
  recover();  // again: what is there now is no whole ledger
  EXPECT_TRUE(is_marked());
  EXPECT_NE(refused(), "");
}

TEST_F(RecoveringMark, OneOfWhichNothingWasBegunIsAsItWas) {
  lose_ledger();
  std::filesystem::rename(layout.keystore(), layout.keystore() + ".away");
  recover();
  EXPECT_FALSE(std::filesystem::exists(layout.ledger()));
  EXPECT_FALSE(is_marked());
}

TEST_F(RecoveringMark, ANodeThatServesIsNotMarkedBelowItsFeet) {
  const auto serving = lock_folder(layout);
  ASSERT_TRUE(serving);
  lose_ledger();
  EXPECT_EQ(recover().kind, ErrorKind::unavailable);
  EXPECT_FALSE(is_marked());
}

TEST_F(RecoveringMark, ARestoreThatWasCutOffGoesFirst) {
  lose_ledger();
  ASSERT_TRUE(system_files().replace(layout.restoring(), "a backup"));
  EXPECT_EQ(recover().kind, ErrorKind::precondition);
  EXPECT_FALSE(is_marked());
}

}  // namespace
}  // namespace careledger::apps::network
