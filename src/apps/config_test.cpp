#include "apps/config.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/test_folder.h"

namespace careledger::apps {
namespace {

class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile() {
    Config config;
    config.name = "Region";
    config.rpc_ports = {0, 0};
    OrganisationConfig own;
    own.name = "North Hospital";
    own.slug = "north-hospital";
    own.kind = "hospital";
    config.organisations.push_back(own);
    EXPECT_TRUE(write_config(system_files(), path, config));
  }
  TestFolder folder;
  const std::string path = folder.path() + "/careledger.json";
};

TEST_F(ConfigFile, NoChangeOfSeveralAtOnceIsLost) {
  constexpr std::uint32_t kThreads = 8, kChanges = 25;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kThreads; ++i)
    threads.emplace_back([this] {
      for (std::uint32_t j = 0; j < kChanges; ++j)
        EXPECT_TRUE(change_config(system_files(), path, [](Config& config) -> Result<void> {
          ++config.reserve_mib;
          return {};
        }));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read_config(system_files(), path)->reserve_mib, kReserveMibDefault + kThreads * kChanges);
}

TEST_F(ConfigFile, WhatDoesNotReadIsNamedWithItsPathAndWhatToDo) {
  ASSERT_TRUE(change_config(system_files(), path, [](Config& config) -> Result<void> {
    config.network.emplace().listen = "127.0.0.1:26656";
    config.network->peers.push_back({"South", {}, std::string(40, 'a'), "127.0.0.2:26656", "https://south.example:8443", {}});
    return {};
  }));
  const Bytes sound = *system_files().read_all(path, 1 << 20);
  const auto with = [&sound](const std::string& what, const std::string& instead) {
    Bytes changed = sound;
    return changed.replace(changed.find(what), what.size(), instead);
  };
  const std::vector<std::pair<Bytes, std::string>> bad = {
      {"nonsense", "JSON: "},
      {"", "the text ends too early"},
      {with("https://south", "ftp://south"), "api (https://host:port)"},
      {with("\"rpc\"", "\"rpm\""), "\"rpc\" needs two ports"},
      {with("\"format\": 2", "\"format\": true"), "expected a number"},
  };
  for (const auto& [text, what] : bad) {
    ASSERT_TRUE(system_files().replace(path, text));
    const auto read = read_config(system_files(), path);
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(read.error().kind, ErrorKind::malformed);
    EXPECT_EQ(read.error().message.find(path + ": "), 0u) << read.error().message;
    EXPECT_NE(read.error().message.find(what), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find("; mend it, or put back the one in a backup"), std::string::npos) << read.error().message;
  }
}

TEST_F(ConfigFile, WhatAChangeRefusesIsNotWritten) {
  const auto before = *system_files().read_all(path, 1 << 20);
  const auto refused = change_config(system_files(), path, [](Config& config) -> Result<void> {
    config.name = "Another";
    return fail(ErrorKind::conflict, "no");
  });
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_EQ(*system_files().read_all(path, 1 << 20), before);
  EXPECT_EQ(change_config(system_files(), folder.path() + "/none/careledger.json", [](Config&) -> Result<void> { return {}; }).error().kind,
            ErrorKind::storage);
}

}  // namespace
}  // namespace careledger::apps
