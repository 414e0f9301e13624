// A node's whole backup: made, verified, brought back.
#include "apps/backup.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "apps/founding.h"
#include "base/test_folder.h"
#include "exchange/promises.h"
#include "kernel/canonical.h"

namespace careledger::apps {
namespace {

class NodeBackup : public ::testing::Test {
 protected:
  TestFolder folder;
  Layout layout = layout_of(folder.path() + "/node");
  BackupFolders where{folder.path() + "/data", folder.path() + "/keys"};

  void SetUp() override {
    NewLedger order;
    order.organisations = {{"North Hospital", "hospital", 0}};
    ASSERT_TRUE(found_ledger(layout, order, system_clock(), system_entropy(), {}));
  }
  Result<BackedUp> back_up_node() {
    CARELEDGER_TRY(const auto node, NodeAccess::open(layout, {}));
    return back_up(*node, where);
  }
  Result<std::unique_ptr<exchange::PromiseBook>> promises() {
    CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, {}, false, system_entropy()));
    CARELEDGER_TRY(const auto keys, vault::Keystore::open(layout.organisation_keystore(slug), seal, system_clock(), system_entropy()));
    return exchange::PromiseBook::open(layout.promises(slug), *keys, system_files(), system_entropy());
  }
  static ledger::SignedPromise promise(std::uint32_t number) {
    ledger::Promise promised;
    promised.set_custodian(Bytes(32, 'c'));
    promised.set_subject(Bytes(32, 's'));
    promised.set_number(number);
    ledger::SignedPromise made;
    made.set_promise(kernel::encode(promised));
    return made;
  }
  const std::string slug = "north-hospital";
};

TEST_F(NodeBackup, ThePromisesOfOthersComeBackAndAreVerified) {
  {
    const auto book = promises();
    ASSERT_TRUE(book) << book.error().message;
    ASSERT_TRUE((*book)->keep(promise(1)));
    ASSERT_TRUE((*book)->keep(promise(2)));
  }
  const auto made = back_up_node();
  ASSERT_TRUE(made) << made.error().message;
  const auto verify = [&] { return verify_backup(where, {}, layout, system_clock(), system_entropy()); };
  const auto sound = verify();
  ASSERT_TRUE(sound) << sound.error().message;
  const std::string copy = where.data + "/organisations/" + slug + "/promises";
  const Bytes good = *system_files().read_all(copy, 1 << 20);
  for (const std::size_t at : {std::size_t{0}, std::size_t{20}, good.size() - 1}) {
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_TRUE(system_files().replace(copy, bad));
    EXPECT_EQ(verify().error().kind, ErrorKind::corrupt) << "byte " << at;
    EXPECT_EQ(*system_files().read_all(copy, 1 << 20), bad);
  }
  ASSERT_TRUE(system_files().replace(copy, good.substr(0, good.size() - 1)));  // a backup has whole promises alone
  EXPECT_EQ(verify().error().kind, ErrorKind::corrupt);
  ASSERT_TRUE(system_files().replace(copy, good));

  std::filesystem::remove_all(layout.folder);
  const auto back = restore(layout, where, {}, system_clock(), system_entropy());
  ASSERT_TRUE(back) << back.error().message;
  const auto book = promises();
  ASSERT_TRUE(book) << book.error().message;
  EXPECT_EQ((*book)->size(), 2u);
  EXPECT_EQ((*book)->keep(promise(1)).error().kind, ErrorKind::conflict);
}

}  // namespace
}  // namespace careledger::apps
