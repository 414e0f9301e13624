#include "apps/network/peer_book.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace careledger::apps::network {
namespace {

PeerConfig peer(char which) {
  PeerConfig made;
  made.name = std::string("Member ") + which;
  made.id = *OrganisationId::from(Bytes(32, which));
  made.node = std::string(40, which);
  made.listen = std::string("127.0.0.1:1") + (which == 'a' ? '1' : '2');
  made.api = "https://" + made.listen;
  return made;
}

TEST(PeerBookTest, SaysWhatTheFileSaysNowAndKeepsItWhileItCannotBeRead) {
  const TestFolder folder;
  const std::string path = folder.path() + "/careledger.json";
  Config config;
  config.name = "Region";
  OrganisationConfig own;
  own.name = "Own";
  own.slug = "own";
  own.kind = "hospital";
  config.organisations = {own};
  config.rpc_ports = {0, 0};
  config.network = NetworkConfig{"127.0.0.1:1", {peer('a')}};
  const PeerBook book(path, {peer('b')});
  EXPECT_TRUE(book.has(std::string(40, 'b'))) << "there is no file yet";
  ASSERT_TRUE(write_config(system_files(), path, config));
  EXPECT_FALSE(book.has(std::string(40, 'b')));
  EXPECT_TRUE(book.has(std::string(40, 'a')));
  config.network->peers.push_back(peer('b'));
  ASSERT_TRUE(write_config(system_files(), path, config));
  EXPECT_TRUE(book.has(std::string(40, 'b')));
  ASSERT_TRUE(system_files().replace(path, "{"));
  EXPECT_EQ(book.peers().size(), 2u);
  EXPECT_FALSE(book.has(std::string(40, 'c')));
}

}  // namespace
}  // namespace careledger::apps::network
