// Which engine a program is: programs of all kinds, played by shell scripts.
#include "ordering/abci/engine_version.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/test_folder.h"

namespace careledger::ordering::abci {
namespace {

class EngineVersion : public ::testing::Test {
 protected:
  Result<void> asked(const std::string& text, std::chrono::milliseconds patience = kVersionPatience) {
    std::ofstream(program) << "#!/bin/sh\n" << text << "\n";
    ::chmod(program.c_str(), 0700);
    return check_engine_version(program, patience);
  }
  void refused(const std::string& text, ErrorKind kind, const std::string& why) {
    const auto told = asked(text);
    ASSERT_FALSE(told) << text;
    EXPECT_EQ(told.error().kind, kind) << text;
    EXPECT_NE(told.error().message.find(why), std::string::npos) << told.error().message;
    EXPECT_EQ(told.error().message.find('\n'), std::string::npos) << told.error().message;
  }
  void refused_at_once(const std::string& text) {
    const auto told = asked(text, std::chrono::milliseconds(50));
    ASSERT_FALSE(told) << text;
    EXPECT_EQ(told.error().kind, ErrorKind::unavailable);
  }
  TestFolder folder;
  const std::string program = folder.path() + "/engine";
};

std::string saying(const std::string& name, const std::string& abci, const std::string& blocks) {
  return "echo '{\"cometbft\": \"" + name + "\", \"abci\": \"" + abci + "\", \"block_protocol\": " + blocks + "}'";
}

// What the two builds print that the tests run (tests/vectors/engine): the next line calls itself another version than it is.
TEST_F(EngineVersion, ThoseThatWereTriedAreTaken) {
  for (const char* version : {"0.38.25", "0.40.0"}) {
    const std::string printed = CARELEDGER_SOURCE_DIR "/tests/vectors/engine/version-" + std::string(version) + ".json";
    const auto told = asked("[ \"$*\" = 'version --verbose' ] && exec cat " + printed);
    EXPECT_TRUE(told) << version << ": " << told.error().message;
  }
}

TEST_F(EngineVersion, OfOtherProtocolsIsToldWhatToInstall) {
  const std::string what = "install CometBFT v0.38.25";
  refused(saying("0.37.9", "1.0.0", "11"), ErrorKind::unsupported, "version 0.37.9 and speaks ABCI 1.0.0 over blocks of protocol 11");
  refused(saying("0.38.25", "2.0.0", "12"), ErrorKind::unsupported, what);
  refused(saying("1.0.1", "2.1.0", "11"), ErrorKind::unsupported, what);
  refused(saying("0.380.1", "20.0.0", "11"), ErrorKind::unsupported, what);
  refused(saying("\\u001b[2J", "1.0.0", "11"), ErrorKind::unsupported, "calls itself version ?[2J");
}

TEST_F(EngineVersion, OthersAreNot) {
  refused("echo 0.38.25", ErrorKind::unsupported, "it says \"0.38.25\"");
  refused(saying("0.38.25", "2.0.0", "11") + "; exit 3", ErrorKind::unsupported, "no engine");
  for (const char* blocks : {"\"11\"", "-11", "1.1e1", "11.0", "99999999999999999999", "null"})
    refused(saying("0.38.25", "2.0.0", blocks), ErrorKind::unsupported, "no engine");
  refused("echo '[]'", ErrorKind::unsupported, "it says \"[]\"");
  refused("echo '{\"abci\": \"2.0.0\"}'", ErrorKind::unsupported, "no engine");
  refused("echo '{\"block_protocol\": 11}'", ErrorKind::unsupported, "no engine");
  refused("true", ErrorKind::unsupported, "it says \"\"");
  refused("printf '\\033[2Jhello\\nthere'", ErrorKind::unsupported, "hello\"");
  refused("head -c 1000000 /dev/zero", ErrorKind::unsupported, "no engine");
  ASSERT_FALSE(check_engine_version(folder.path() + "/none"));
  EXPECT_EQ(check_engine_version(folder.path() + "/none").error().kind, ErrorKind::not_found);
  EXPECT_EQ(check_engine_version(folder.path()).error().kind, ErrorKind::not_found);
}

TEST_F(EngineVersion, OneThatDoesNotEndIsKilled) {
  refused_at_once("exec sleep 1000");
  refused_at_once("exec >&-; sleep 1000");
  refused_at_once("exec >&-; exec sleep 1000");
  refused_at_once("while :; do echo 0.38.25; done");
}

}  // namespace
}  // namespace careledger::ordering::abci
