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

TEST_F(EngineVersion, ThoseThatWereTriedAreTaken) {
  for (const char* version : {"0.38.25", "0.38.25-rc1", "0.40.0"}) {
    const auto told = asked("[ \"$1\" = version ] && echo " + std::string(version));
    EXPECT_TRUE(told) << told.error().message;
  }
}

TEST_F(EngineVersion, OthersAreNot) {
  refused("echo 0.37.9", ErrorKind::unsupported, "it says \"0.37.9\"");
  refused("echo 0.39.0", ErrorKind::unsupported, "0.39.0");
  refused("echo 1.0.0", ErrorKind::unsupported, "1.0.0");
  refused("echo 0.380.1", ErrorKind::unsupported, "0.380.1");
  refused("echo 0.38.25; exit 3", ErrorKind::unsupported, "no engine");
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
