// The folder of one who comes with the file of a ledger that grew, then or later.
#include "apps/network/growing.h"

#include <gtest/gtest.h>

#include "apps/network/founding.h"
#include "apps/network/grown_file.h"
#include "apps/network/old_chain.h"
#include "base/test_folder.h"
#include "kernel/canonical.h"
#include "ordering/test_grown.h"
#include "replica/newest_block.h"

namespace careledger::apps::network {
namespace {

using ordering::testing::GrownLedger;

constexpr std::uint64_t kOwnerSeed = 1;

class GrownFolder : public ::testing::Test {
 protected:
  GrownFolder() {
    for (const std::string name : {"South", "City", "Region"}) {
      describes(name);
      admitted.push_back(admission_of(*read_description(text_of(name), std::nullopt)));
      texts.push_back(text_of(name));
    }
    ledger = std::make_unique<GrownLedger>(kOwnerSeed, admitted);
    ledger->grown.descriptions = texts;
    write(file, ledger->grown);
  }
  Layout at(const std::string& name) const { return {folder.path() + "/" + name}; }
  Bytes text_of(const std::string& name) const { return *system_files().read_all(at(name).description(), kDescriptionBytesMax); }
  // In a folder of its own, for the owner's ledger or another one.
  void describes(const std::string& name, const std::string& host = {}, std::uint64_t owner = kOwnerSeed) {
    const std::string where = host.empty() ? slug_of(name) + ".example:26656" : host;
    DescribeOrder order;
    order.organisation = name;
    order.listen = where;
    order.api = "https://" + slug_of(name) + ".example:8443";
    kernel::Founding founding;
    ASSERT_TRUE(kernel::parse_canonical(ordering::testing::Founder(ManualClock().now(), owner).founding(), founding));
    order.joins = founding;
    const auto text = describe(at(name), order, clock, entropy);
    ASSERT_TRUE(text) << text.error().message;
  }
  void write(const std::string& path, ordering::Grown& grown) {
    ledger->sign(grown);
    const auto state = replica::SnapshotReader::make(ledger->replica->view());
    ASSERT_TRUE(write_grown_file(system_files(), path, ordering::encode(grown), *state));
  }
  // The same ledger's end once more, as its owner alone can make it.
  std::string another_file() {
    ordering::Grown other = ledger->grown;
    other.owner.listen = "elsewhere:1";
    write(folder.path() + "/another", other);
    return folder.path() + "/another";
  }
  static void change_last_byte(const std::string& path) {
    Bytes bytes = *system_files().read_all(path, 1 << 24);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    ASSERT_TRUE(system_files().replace(path, bytes));
  }
  Result<Config> found(const std::string& name, const std::string& path) { return found_grown(at(name), path, {0, 0}, clock); }
  LateOrder order() const { return {file, ordering::number_of(ordering::encode(ledger->grown)), {}, {0, 0}}; }
  DescriptionFile description_of(const std::string& name) const { return {at(name).description(), text_of(name)}; }
  void refused(const std::string& name, const LateOrder& order, ErrorKind kind, const std::string& why) {
    const auto config = prepare_to_join_grown(at(name), order, clock);
    ASSERT_FALSE(config) << why;
    EXPECT_EQ(config.error().kind, kind);
    EXPECT_NE(config.error().message.find(why), std::string::npos) << config.error().message;
    EXPECT_FALSE(system_files().exists(at(name).config()));
    EXPECT_FALSE(system_files().exists(at(name).ledger()));
  }
  // The folder has the state at the seal, and the file with this number.
  void holds(const std::string& name, const std::string& path) {
    replica::LedgerStoreOptions options;
    options.folder = at(name).ledger();
    options.read_only = true;
    const auto store = replica::open_ledger_store(options);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ((*replica::stored_heights(**store))->newest, ledger->grown.seal_height());
    const auto given = GrownFile::open(system_files(), path);
    ASSERT_TRUE(given) << given.error().message;
    EXPECT_EQ(*system_files().read_all(at(name).grown(), ordering::kGrownBytesMax), given->bytes());
    EXPECT_EQ(*system_files().read_all(at(name).grown_file(), 1 << 24), *system_files().read_all(path, 1 << 24));
    const auto config = read_config(system_files(), at(name).config());
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->ledger, ledger->founder.ledger());
    const auto names = *system_files().list(at(name).folder);
    for (const std::string& one : names) EXPECT_EQ(one.find("unproven"), std::string::npos) << one;
  }
  static const PeerConfig* peer(const Config& config, const std::string& name) {
    const auto found = std::ranges::find(config.network->peers, name, &PeerConfig::name);
    return found == config.network->peers.end() ? nullptr : &*found;
  }

  TestFolder folder;
  ManualClock clock;
  SeededEntropy entropy{5};
  std::vector<contracts::governance::AdmitMember> admitted;
  std::vector<Bytes> texts;
  std::unique_ptr<GrownLedger> ledger;
  const std::string file = folder.path() + "/file";
};

TEST_F(GrownFolder, OfOneThatCameWhenItGrew) {
  const auto config = found("South", file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network->peers.size(), 3u);
  EXPECT_TRUE(peer(*config, "North"));
  holds("South", file);
  EXPECT_TRUE(found("South", file));
  describes("East");
  EXPECT_NE(found("East", file).error().message.find("network join --grown"), std::string::npos);
}

TEST_F(GrownFolder, GoesOverToAnotherFileOnceItsPiecesAreProven) {
  ASSERT_TRUE(found("South", file));
  const std::string other = another_file();
  change_last_byte(other);
  const auto changed = found("South", other);
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message.find("is not that of its last block"), std::string::npos) << changed.error().message;
  holds("South", file);
  another_file();
  ASSERT_TRUE(found("South", other));
  holds("South", other);
}

TEST_F(GrownFolder, OfOneThatComesLater) {
  describes("East");
  const auto config = prepare_to_join_grown(at("East"), order(), clock);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network->peers.size(), 4u);
  holds("East", file);
  const auto again = prepare_to_join_grown(at("East"), order(), clock);
  ASSERT_TRUE(again) << again.error().message;
  std::filesystem::remove_all(at("East").ledger());
  ASSERT_TRUE(load_grown(at("East")));
  holds("East", file);
}

TEST_F(GrownFolder, IsNotFilledFromACopyOfAnotherEnd) {
  ASSERT_TRUE(found("South", file));
  std::filesystem::copy_file(another_file(), at("South").grown_file(), std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove_all(at("South").ledger());
  const auto loaded = load_grown(at("South"));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::corrupt);
  EXPECT_FALSE(std::filesystem::exists(at("South").ledger()));
}

TEST_F(GrownFolder, IsFilledAgainWhollyOrNotAtAll) {
  ASSERT_TRUE(found("South", file));
  const Layout layout = at("South");
  std::filesystem::remove_all(layout.ledger());
  change_last_byte(layout.grown_file());
  EXPECT_FALSE(load_grown(layout));
  EXPECT_FALSE(std::filesystem::exists(layout.ledger())) << "pieces that were good, without the last one";
  std::filesystem::create_directory(layout.ledger() + ".unproven");  // an attempt that was killed
  ASSERT_TRUE(system_files().replace(layout.ledger() + ".unproven/CURRENT", "no such manifest\n"));
  change_last_byte(layout.grown_file());
  const auto loaded = load_grown(layout);
  ASSERT_TRUE(loaded) << loaded.error().message;
  holds("South", file);
}

TEST_F(GrownFolder, IsFilledFromTheOldBlocksWhollyOrNotAtAll) {
  ASSERT_TRUE(found("South", file));
  const Layout layout = at("South");
  const auto bring = [&] { return write_old_chain(system_files(), layout.old_chain(), ledger->replica->view(), ledger->grown); };
  std::filesystem::remove_all(layout.ledger());
  ASSERT_TRUE(bring());
  change_last_byte(layout.old_chain());
  EXPECT_FALSE(load_grown(layout));
  EXPECT_FALSE(std::filesystem::exists(layout.ledger()));
  EXPECT_TRUE(std::filesystem::exists(layout.old_chain()));
  ASSERT_TRUE(bring());
  const auto loaded = load_grown(layout);
  ASSERT_TRUE(loaded) << loaded.error().message;
  holds("South", file);
  EXPECT_FALSE(std::filesystem::exists(layout.old_chain()));
  ASSERT_TRUE(bring());  // a kill came before it was removed
  ASSERT_TRUE(load_grown(layout));
  holds("South", file);
  EXPECT_FALSE(std::filesystem::exists(layout.old_chain()));
}

TEST_F(GrownFolder, OfOneThatComesLaterIsForThatNetworkAlone) {
  describes("East");
  LateOrder wrong = order();
  wrong.number = Digest{};
  refused("East", wrong, ErrorKind::invalid, "ask a member by another way");
  refused("South", order(), ErrorKind::conflict, "South came when this ledger grew");
  describes("Far", {}, kOwnerSeed + 8);
  refused("Far", order(), ErrorKind::conflict, "did not describe itself");
  describes("Posing", "city.example:26656");
  refused("Posing", order(), ErrorKind::conflict, "has an address or a key of the member \"City\"");
  change_last_byte(file);
  refused("East", order(), ErrorKind::invalid, "is not that of its last block");
}

TEST_F(GrownFolder, OfOneThatComesLaterKnowsWhoMovedAndWhoCameSince) {
  LateOrder told = order();
  told.members.push_back(description_of("South"));
  clock.advance_ms(60'000);
  describes("South", "south.elsewhere:1");
  told.members.insert(told.members.begin(), description_of("South"));
  describes("West");
  told.members.push_back(description_of("West"));
  describes("East");
  told.members.push_back(description_of("East"));
  const auto config = prepare_to_join_grown(at("East"), told, clock);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network->peers.size(), 5u);
  EXPECT_EQ(peer(*config, "South")->listen, "south.elsewhere:1");
  EXPECT_TRUE(peer(*config, "West"));
}

TEST_F(GrownFolder, OfOneThatComesLaterMayHaveThePlaceThatAnotherLeft) {
  clock.advance_ms(60'000);
  describes("East", "south.example:26656");
  refused("East", order(), ErrorKind::conflict,
          "has an address or a key of the member \"South\": each has its own; if that member has moved, name its newer description too");
  LateOrder told = order();
  describes("South", "city.example:26656");  // and City's place is South's
  describes("City", "city.elsewhere:1");
  told.members = {description_of("South"), description_of("City")};
  const auto config = prepare_to_join_grown(at("East"), told, clock);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(peer(*config, "South")->listen, "city.example:26656");
  EXPECT_EQ(peer(*config, "City")->listen, "city.elsewhere:1");
}

TEST_F(GrownFolder, OfOneThatComesLaterIsNotWhereANamedOneIs) {
  clock.advance_ms(60'000);
  describes("South", "south.elsewhere:1");
  describes("East", "south.elsewhere:1");
  LateOrder told = order();
  told.members = {description_of("South")};
  refused("East", told, ErrorKind::conflict, "has an address or a key of the member");
}

}  // namespace
}  // namespace careledger::apps::network
