// What a member needs, tried before a ledger is sealed: what no running node can be brought to lack. The rest is
// tests/engine/owner_test.py.
#include "apps/member_trial.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "base/files.h"
#include "base/test_folder.h"

namespace careledger::apps {
namespace {

class MemberTrial : public ::testing::Test {
 protected:
  MemberTrial() {
    EXPECT_TRUE(system_files().make_folder(layout.folder));
    std::ofstream(engine) << "#!/bin/sh\nexec cat " CARELEDGER_SOURCE_DIR "/tests/vectors/engine/version-0.40.0.json\n";
    ::chmod(engine.c_str(), 0700);
  }
  Result<void> tried(const MemberPlan& how) const { return try_member({layout, config, engine, 1, ManualClock().now()}, how); }
  void refused(const MemberPlan& how, const std::string& why) const {
    const auto told = tried(how);
    ASSERT_FALSE(told) << why;
    EXPECT_EQ(told.error().kind, ErrorKind::precondition);
    EXPECT_NE(told.error().message.find(why), std::string::npos) << told.error().message;
    EXPECT_TRUE(told.error().message.starts_with("nothing was sealed")) << told.error().message;
  }
  TestFolder folder;
  Layout layout{folder.path() + "/node"};
  ServeConfig config;
  const std::string engine = folder.path() + "/an-engine";
  const MemberPlan plan{"127.0.0.1:0", "http://127.0.0.1:1", 1};
};

TEST_F(MemberTrial, NothingIsLeftBehind) {
  const auto told = tried(plan);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(system_files().list(layout.folder)->empty());
}

TEST_F(MemberTrial, WhatAKilledOneLeftIsTakenAway) {
  for (const char* end : {".try", ".try.new"}) ASSERT_TRUE(system_files().replace(layout.grown() + end, "left"));
  const auto told = tried(plan);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(system_files().list(layout.folder)->empty());
}

TEST_F(MemberTrial, AFolderThatCannotBeWrittenHoldsNothingOfIt) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  const auto told = tried(plan);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().message.find(layout.grown()), std::string::npos) << told.error().message;
  EXPECT_TRUE(system_files().list(layout.folder)->empty());
}

TEST_F(MemberTrial, AStateThatTheDiskDoesNotTake) {
  MemberPlan large = plan;
  large.pieces = 1'000'000'000;
  refused(large, "MiB, and this takes up to");
  EXPECT_GT(growth_bytes(2), growth_bytes(1));
  EXPECT_TRUE(system_files().list(layout.folder)->empty());
}

TEST_F(MemberTrial, AFolderOfAnotherEngine) {
  ASSERT_TRUE(system_files().make_folder(layout.engine()));
  refused(plan, "is there already, of something else");
}

TEST_F(MemberTrial, AFolderTooDeepForASocket) {
  layout.folder += std::string(100, 'x');
  refused(plan, "longer than the name of a socket may be");
}

TEST_F(MemberTrial, ACertificateThatNobodyExpects) {
  config.certificate_file = config.key_file = engine;
  refused(plan, "names an address without one (http)");
}

TEST_F(MemberTrial, AnAddressWithoutItsCertificate) {
  MemberPlan safe = plan;
  safe.api = "https://[::1]:1";
  refused(safe, "serves without a certificate, which https://[::1]:1 needs");
}

}  // namespace
}  // namespace careledger::apps
