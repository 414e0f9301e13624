// The engine as a child, played by shell scripts: what it gets, what is told when it ends, and what a fork that fails must not do.
#include "ordering/abci/engine_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>
#include <utility>

#include "ordering/abci/engine_child.h"

namespace careledger::ordering::abci {
namespace {

class EngineProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/careledger-process-XXXXXX";
    folder = ::mkdtemp(pattern);
    config.program = folder + "/engine";
    config.home = folder;
    config.log = folder + "/engine.log";
    config.again_min_ms = 1;
    config.on_event = [this](const std::string& event) {
      if (++events == 1) first_event.set_value(event);
    };
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void script(const std::string& text) {
    std::ofstream(config.program) << "#!/bin/sh\n" << text;
    ::chmod(config.program.c_str(), 0700);
  }
  std::unique_ptr<EngineProcess> start() {
    auto started = EngineProcess::start(config);
    EXPECT_TRUE(started) << started.error().message;
    return std::move(*started);
  }
  void look_often(bool answers) {
    config.look_ms = 1;
    config.answers = [this, answers] {
      ++asked;
      return answers;
    };
  }
  // No more than these events after twenty looks more, and the engine goes on.
  void is_let_alone(const EngineProcess& engine, int said) {
    const int then = asked;
    while (asked < then + 20) std::this_thread::yield();
    EXPECT_EQ(events, said);
    EXPECT_EQ(engine.starts(), 1u);
  }
  static std::string read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::string folder;
  ProcessConfig config;
  std::atomic<int> events{0}, asked{0};
  std::promise<std::string> first_event;
};

TEST_F(EngineProcessTest, ItsEndIsToldWithItsLastWordsAndItIsStartedAgain) {
  script("echo the end is near\nexit 3\n");
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("status 3"), std::string::npos) << event;
  EXPECT_NE(event.find("the end is near"), std::string::npos) << event;
  while (engine->starts() < 3) std::this_thread::yield();
}

TEST_F(EngineProcessTest, WhatDoesOneThingIsRunOnceAndWellOrSaysWhyNot) {
  config.verb = "rollback";
  script("echo \"$@\" >> " + folder + "/asked\n");
  ASSERT_TRUE(run_to_its_end(config));
  EXPECT_EQ(read(folder + "/asked"), "rollback --home " + folder + "\n");
  script("echo no state found\nexit 1\n");
  const auto refused = run_to_its_end(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(refused.error().message, "the engine's rollback ended with status 1; its last words: no state found ");
  script("kill -9 $$\n");
  EXPECT_NE(run_to_its_end(config).error().message.find("ended by signal 9"), std::string::npos);
  config.program = folder + "/nothing";
  EXPECT_EQ(run_to_its_end(config).error().kind, ErrorKind::not_found);
}

TEST_F(EngineProcessTest, ItsPanicIsToldAndNotTheStackBehindIt) {
  script("echo before\necho 'panic: state.AppHash does not match'\nfor i in $(seq 100); do echo github.com/some/function; done\nexit 2\n");
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("its last words: panic: state.AppHash does not match github.com"), std::string::npos) << event;
}

TEST_F(EngineProcessTest, ItGetsNoDescriptorNoInputAndNoVariableOfOurs) {
  ::setenv("CMT_LOG_LEVEL", "debug", 1);
  const int inherited = ::open("/dev/zero", O_RDONLY);  // without close-on-exec, as libraries make sockets
  script("ls -l /proc/$$/fd\nenv\nread line || echo no input\n");
  const auto engine = start();
  first_event.get_future().wait();
  engine->stop();
  ::close(inherited);
  ::unsetenv("CMT_LOG_LEVEL");
  const std::string words = read(config.log + ".1") + read(config.log);
  EXPECT_NE(words.find("no input"), std::string::npos) << words;
  EXPECT_NE(words.find("HOME=" + folder), std::string::npos) << words;
  EXPECT_EQ(words.find("/dev/zero"), std::string::npos) << words;
  EXPECT_EQ(words.find("CMT_"), std::string::npos) << words;
}

TEST_F(EngineProcessTest, WithALogThatCannotBeWrittenItWritesNowhere) {
  std::filesystem::create_directory(config.log);
  std::ofstream(config.log + "/file") << "so that the folder stays";
  std::filesystem::create_directory(config.log + ".1");
  std::ofstream(config.log + ".1/file") << "so that the folder stays";
  script("where=$(readlink /proc/$$/fd/1)\necho $where >> " + folder + "/out\n");
  const auto engine = start();
  first_event.get_future().wait();
  const std::string told_by_each = read(folder + "/out");  // it is started again, and may be writing this moment
  EXPECT_EQ(told_by_each.substr(0, told_by_each.find('\n')), "/dev/null");
}

TEST_F(EngineProcessTest, AForkThatFailsIsToldAndNobodyIsSignalled) {
  script("exit 0\n");
  config.stop_ms = 1;
  config.fork = [] {
    errno = EAGAIN;
    return pid_t{-1};
  };
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("could not be started"), std::string::npos) << event;
  ASSERT_EQ(engine->process_id(), 0);  // below 0 the stop that follows would reach every process of the user
  EXPECT_EQ(engine->starts(), 0u);
}

TEST_F(EngineProcessTest, AFileThatIsNoProgramIsToldWithTheReasonAndWhatToName) {
  std::ofstream(config.program) << "neither a program nor a script";
  ::chmod(config.program.c_str(), 0700);
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("(" + config.program + ") could not be started: Exec format error: is it CometBFT v0.38.25?"), std::string::npos)
      << event;
  EXPECT_EQ(engine->process_id(), 0);
}

TEST_F(EngineProcessTest, BehindKnownLastWordsStandsWhatHelps) {
  const std::array<std::array<std::string, 2>, 5> known = {{
      {"ERROR: failed to start node: listen tcp 127.0.0.1:1: bind: address already in use",
       "another process has this member's port: end it"},
      {"panic: state.AppHash does not match AppHash after replay", "this node's state is not what the others agreed on"},
      {"ERROR: unknown flag: --home", "is it CometBFT v0.38.25?"},
      {"ERROR: write x: no space left on device", "the disk is full: make room"},
      {"ERROR: failed to initialize database: resource temporarily unavailable", "another engine works in this folder"},
  }};
  for (const auto& [words, advice] : known) {
    script("echo '" + words + "'\nexit 1\n");
    std::promise<std::string> event;
    config.on_event = [&event, told = false](const std::string& what) mutable {
      if (!std::exchange(told, true)) event.set_value(what);
    };
    const auto engine = start();
    const std::string said = event.get_future().get();
    EXPECT_NE(said.find(words), std::string::npos) << said;
    EXPECT_NE(said.find(": " + advice), std::string::npos) << said;
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
}

TEST_F(EngineProcessTest, APeerOfAnotherChainIsToldOfOnceALife) {
  script(R"x(for i in 1 2; do echo '{"_msg":"Error dialing peer",)x"
         R"x("err":"incompatible: peer is on a different network. Got cl-b, expected cl-a"}')x"
         "\ndone\necho '{\"_msg\":\"other\",\"err\":\"peer is on a different network. Got x\"}'\nwhile :; do sleep 0.01; done\n");
  look_often(true);
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_EQ(event.find("the engine at a member's address runs another chain (Got cl-b, expected cl-a): this folder is of another network"),
            0u)
      << event;
  is_let_alone(*engine, 1);
}

TEST_F(EngineProcessTest, OneThatNeitherAsksNorAnswersIsToldOfOnceALifeAndLetAlone) {
  script("while :; do sleep 0.01; done\n");
  look_often(false);
  std::atomic<bool> at_work{true};
  std::atomic<std::uint64_t> calls{0};
  config.calls = [&] { return at_work ? ++calls : calls.load(); };
  const auto engine = start();
  while (asked < 20) std::this_thread::yield();
  EXPECT_EQ(events, 0) << "it replays";
  at_work = false;
  const std::string event = first_event.get_future().get();
  EXPECT_EQ(event.find("the engine runs, and neither asks this node for anything nor answers: is it CometBFT v0.38.25"), 0u) << event;
  is_let_alone(*engine, 1);
}

TEST_F(EngineProcessTest, ItsSilenceBeforeTheFirstAnswerIsNotHeldAgainstIt) {
  script("while :; do sleep 0.01; done\n");
  config.first_ms = 1;
  config.look_ms = 5;
  config.answers = [this] { return ++asked > 20 && asked != 22; };  // it replays, and one of its first answers is lost
  const auto engine = start();
  while (asked < 30) std::this_thread::yield();
  EXPECT_EQ(engine->starts(), 1u);
}

TEST_F(EngineProcessTest, OneThatHangsBetweenItsFirstAnswerAndTheFirstLookIsKilledToo) {
  script("while :; do sleep 0.01; done\n");
  config.first_ms = 1;
  config.look_ms = 300;
  config.again_min_ms = 60'000;
  config.answers = [this] { return ++asked == 1; };
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("was killed: it did not answer any more"), std::string::npos) << event;
  EXPECT_EQ(asked, 3);
}

TEST_F(EngineProcessTest, WhatDoesNotEndByItselfIsKilled) {
  script("trap '' TERM\necho up > " + folder + "/up\nwhile :; do sleep 0.01; done\n");
  config.stop_ms = 1;
  const auto engine = start();
  while (!std::filesystem::exists(folder + "/up")) std::this_thread::yield();
  const pid_t pid = engine->process_id();
  engine->stop();
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(engine->process_id(), 0);
  EXPECT_EQ(events, 0);
}

TEST_F(EngineProcessTest, OneThatAnsweredAndThenDoesNotIsKilledAndStartedAgain) {
  script("while :; do sleep 0.01; done\n");
  config.look_ms = 1;
  config.answers = [&] { return ++asked < 5 && asked != 3; };  // one answer may be lost
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("was killed: it did not answer any more"), std::string::npos) << event;
  while (engine->starts() < 2) std::this_thread::yield();
  EXPECT_GE(asked, 6);
}

TEST_F(EngineProcessTest, OneThatHasNotAnsweredYetIsLetAlone) {
  script("while :; do sleep 0.01; done\n");
  look_often(false);
  const auto engine = start();
  is_let_alone(*engine, 0);
}

TEST_F(EngineProcessTest, OneThatIsComplainedOfTwiceInARowIsKilledAndStartedAgain) {
  script("while :; do sleep 0.01; done\n");
  config.look_ms = 1;
  config.complaint = [this] { return ++asked == 2 || (asked > 3 && asked < 6) ? std::string("it is not as it should be") : ""; };
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("was killed: it is not as it should be"), std::string::npos) << event;
  EXPECT_GE(asked, 5) << "once may pass by itself";
  while (engine->starts() < 2) std::this_thread::yield();
}

TEST_F(EngineProcessTest, OneWhoseConsensusEndedIsKilledAndStartedAgain) {
  script("echo '{\"level\":\"error\",\"_msg\":\"CONSENSUS FAILURE!!!\"}'\nwhile :; do sleep 0.01; done\n");
  config.look_ms = 1;
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("was killed: its consensus failed and stood still"), std::string::npos) << event;
  while (engine->starts() < 2) std::this_thread::yield();
}

TEST_F(EngineProcessTest, OneThatIsLeftBehindIsStartedAgainAndAskedOnlyWhileItAnswers) {
  script("while :; do sleep 0.01; done\n");
  config.look_ms = 1;
  std::atomic<int> looked{0};
  config.answers = [this] { return ++asked > 3; };
  config.left_behind = [&] { return ++looked == 2; };
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_NE(event.find("was killed: it stayed far behind the other members"), std::string::npos) << event;
  EXPECT_GE(asked, 5);
  while (engine->starts() < 2) std::this_thread::yield();
}

TEST_F(EngineProcessTest, WhatOthersSentAndItRepeatsInItsLogKillsNobody) {
  script(R"(echo '{"_msg":"wrong chain","err":"got CONSENSUS FAILURE!!! and \"_msg\":\"CONSENSUS FAILURE!!!\""}')"
         "\nwhile :; do sleep 0.01; done\n");
  look_often(true);
  const auto engine = start();
  while (!std::filesystem::exists(config.log) || std::filesystem::file_size(config.log) == 0) std::this_thread::yield();
  is_let_alone(*engine, 0);
}

TEST_F(EngineProcessTest, OneThatRefusesBlocksByAClockThatIsBehindSaysSoOnceALife) {
  script(
      R"x(echo '{"_msg":"Error in validation","err":"block time 2 is too far in the future (wall clock 1 + tolerance 1m0s)","height":7}')x"
      "\nwhile :; do sleep 0.01; done\n");
  look_often(true);
  const auto engine = start();
  const std::string event = first_event.get_future().get();
  EXPECT_EQ(event.find("this machine's clock is over a minute behind the network's blocks"), 0u) << event;
  is_let_alone(*engine, 1);
}

TEST_F(EngineProcessTest, OneThatDecidesABlockItRefusesSaysWhyAndIsStartedAgain) {
  script(R"x(echo '{"_msg":"CONSENSUS FAILURE!!!","err":"+2/3 committed an invalid block: block time 2 is too far in the future (w)"}')x"
         "\nwhile :; do sleep 0.01; done\n");
  config.look_ms = 1;
  const auto engine = start();
  EXPECT_EQ(first_event.get_future().get().find("this machine's clock is over a minute behind"), 0u);
  while (engine->starts() < 2) std::this_thread::yield();
}

TEST_F(EngineProcessTest, OtherBlocksThatItRefusesSayNothingOfTheClock) {
  script(R"(echo '{"_msg":"Error in validation","err":"block time 1 not greater than last block time 2","x":"is too far in the future "}')"
         "\necho '{\"_msg\":\"nil\",\"err\":\"block time 2 is too far in the future (proposed by one alone)\"}'\n"
         "while :; do sleep 0.01; done\n");
  look_often(true);
  const auto engine = start();
  while (!std::filesystem::exists(config.log) || std::filesystem::file_size(config.log) < 150) std::this_thread::yield();
  is_let_alone(*engine, 0);
}

TEST_F(EngineProcessTest, AskingItFromItsOwnEventHangsNobody) {
  std::promise<EngineProcess*> ready;
  std::promise<int> id;
  config.on_event = [&, engine = ready.get_future().share()](const std::string&) {
    if (++events == 1) id.set_value(engine.get()->process_id());
  };
  script("exit 0\n");
  const auto engine = start();
  ready.set_value(engine.get());
  EXPECT_EQ(id.get_future().get(), 0);
}

}  // namespace
}  // namespace careledger::ordering::abci
