// The old blocks of an embedded ledger that grew, as its former owner's backup carries them.
#include "apps/network/old_chain.h"

#include <gtest/gtest.h>

#include "apps/network/sized_parts.h"
#include "base/test_folder.h"
#include "ordering/local/chain_rows.h"
#include "ordering/test_grown.h"
#include "replica/snapshot.h"

namespace careledger::apps::network {
namespace {

class OldChain : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_old_chain(system_files(), path, ledger.replica->view(), ledger.grown)); }
  Result<void> check() { return check_old_chain(system_files(), path, ledger.grown); }
  Bytes bytes() const { return *system_files().read_all(path, 1 << 20); }
  std::vector<Bytes> parts() const {
    std::vector<Bytes> out;
    auto file = SizedParts::open(system_files(), path, bytes().substr(0, bytes().find('\n') + 1), "chain", "a test");
    while (auto part = *file->next(1 << 20)) out.push_back(std::move(*part));
    return out;
  }
  void write(const std::vector<Bytes>& parts) {
    const Bytes magic = bytes().substr(0, bytes().find('\n') + 1);
    const auto file = *system_files().open(path, false);
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->append(magic));
    for (const Bytes& part : parts) ASSERT_TRUE(append_part(*file, part));
  }
  void refused(const std::string& why) {
    const auto checked = check();
    ASSERT_FALSE(checked) << why;
    EXPECT_EQ(checked.error().kind, ErrorKind::corrupt);
    EXPECT_NE(checked.error().message.find(why), std::string::npos) << checked.error().message;
    const std::shared_ptr<storage::Store> store = replica::memory_ledger_store();
    EXPECT_FALSE(repeat_old_chain(system_files(), path, ledger.grown, store));
    EXPECT_FALSE(*store->get(replica::columns::kMeta, replica::kTipKey));  // nothing is executed of what is not whole
  }

  TestFolder folder;
  const std::string path = folder.path() + "/old-chain";
  ordering::testing::GrownLedger ledger;
};

TEST_F(OldChain, GivesTheLedgerAgainWithAllThatTheOwnerHadOfIt) {
  ASSERT_TRUE(check()) << check().error().message;
  const std::shared_ptr<storage::Store> store = replica::memory_ledger_store();
  const auto repeated = repeat_old_chain(system_files(), path, ledger.grown, store);
  ASSERT_TRUE(repeated) << repeated.error().message;
  const auto again = ledger.founder.open(store);
  ASSERT_TRUE(again);
  const replica::View view = again->view(), before = ledger.replica->view();
  EXPECT_EQ(view.app_hash(), before.app_hash());
  EXPECT_EQ(view.height(), ledger.grown.seal_height());
  EXPECT_EQ(view.first_height(), Height{1});
  EXPECT_TRUE(has_old_chain(view, ledger.grown));
  for (Height height{1}; height <= view.height(); height = next(height)) {
    const auto header = ordering::local::read_header(view, height);
    ASSERT_TRUE(header) << height.value;
    EXPECT_EQ(proof::encode(*header), proof::encode(*ordering::local::read_header(before, height)));
    EXPECT_EQ((*view.block(height))->batches, (*before.block(height))->batches);
  }
  const Digest admitted = kernel::receive_bytes(ledger.founder.admit(1, "North", ledger.clock.now())).digest;
  const auto receipt = view.find_receipt(admitted);
  ASSERT_TRUE(receipt && *receipt);
  EXPECT_EQ((*receipt)->height, Height{1});
  EXPECT_EQ(proof::encode(*ordering::local::read_validators(view)), proof::encode(ledger.grown.validators));
}

TEST_F(OldChain, OneFlippedByteAnywhereIsFound) {
  const Bytes good = bytes();
  for (std::size_t at = 0; at < good.size(); at += 31) {
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    ASSERT_TRUE(system_files().replace(path, bad));
    const auto checked = check();
    ASSERT_FALSE(checked) << at;
    EXPECT_EQ(checked.error().kind, ErrorKind::corrupt);
    EXPECT_NE(checked.error().message.find(path), std::string::npos);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, good.size() - 1}) {
    ASSERT_TRUE(system_files().replace(path, good.substr(0, size)));
    EXPECT_FALSE(check()) << size;
  }
}

TEST_F(OldChain, BlocksThatAreMissingOrMoreAreFound) {
  const std::vector<Bytes> good = parts();
  ASSERT_GE(good.size(), 4u);
  std::vector<Bytes> changed = good;
  changed.pop_back();
  write(changed);
  refused("is not the one that was signed");  // the last one's commit is the seal's
  changed = good;
  std::swap(changed[0], changed[1]);
  write(changed);
  refused("does not follow");
  changed = good;
  changed.erase(changed.begin());
  write(changed);
  refused("does not follow");
  changed = good;
  changed.push_back(good.back());
  write(changed);
  refused("block");
  write({});
  refused("0 blocks");
}

TEST_F(OldChain, ABackupOfTheFormerOwnerHasItOrSaysThatItHasNone) {
  Config owner, other;
  owner.organisations.push_back({});
  owner.organisations.back().id = ledger.grown.owner.organisation;
  other.organisations.push_back({});
  const auto has = [&](const Config& config) { return backup_has_old_chain(system_files(), folder.path(), config, ledger.grown); };
  EXPECT_TRUE(has(owner).value());
  EXPECT_TRUE(has(other).value());
  ASSERT_TRUE(system_files().remove(path));
  EXPECT_FALSE(has(other).value());
  const auto lost = has(owner);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::corrupt);
  EXPECT_NE(lost.error().message.find("old-chain: it is gone, and this is the backup of the node whose ledger grew"), std::string::npos)
      << lost.error().message;
  ASSERT_TRUE(system_files().replace(folder.path() + kNoOldChain, ""));
  EXPECT_FALSE(has(owner).value());
}

TEST_F(OldChain, OneWhoBeganWithTheStateAloneHasNone) {
  const std::shared_ptr<storage::Store> store = replica::memory_ledger_store();
  const replica::View sealed = ledger.replica->view();
  const auto reader = replica::SnapshotReader::make(sealed);
  ASSERT_TRUE(reader);
  const replica::TrustedPoint point{ledger.founder.ledger(), sealed.height(), sealed.time(), sealed.app_hash()};
  auto loader = replica::SnapshotLoader::begin(store, reader->header(), point);
  ASSERT_TRUE(loader);
  for (std::size_t i = 0; i < reader->chunks(); ++i) ASSERT_TRUE(loader->add(*reader->chunk(i)));
  ASSERT_TRUE(loader->finish());
  const auto newcomer = ledger.founder.open(store);
  ASSERT_TRUE(newcomer);
  EXPECT_FALSE(has_old_chain(newcomer->view(), ledger.grown));
}

}  // namespace
}  // namespace careledger::apps::network
