// The socket under an engine that behaves badly: one connection may end, and nothing else notices.
#include "ordering/abci/socket_server.h"

#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>
#include <thread>

#include "ordering/abci/fake_engine.h"

namespace careledger::ordering::abci {
namespace {

using testing::Dial;
namespace wire = careledger::abci;

// Answers Info with its own count, Query with as many bytes as asked for, and fails Commit.
class Counter final : public Handler {
 public:
  Result<wire::Response> handle(const wire::Request& request) override {
    wire::Response response;
    if (request.has_query()) {
      response.mutable_query()->set_value(Bytes(static_cast<std::size_t>(request.query().height()), 'v'));
      return response;
    }
    if (request.has_commit()) return fail(ErrorKind::storage, "the disk is gone");
    response.mutable_info()->set_last_block_height(++count);
    return response;
  }
  std::atomic<int> count{0};
};

class SocketServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/careledger-abci-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    path = folder_ + "/engine.sock";
    start();
  }
  void TearDown() override {
    server.reset();
    std::filesystem::remove_all(folder_);
  }
  void start(std::size_t waiting_bytes_max = 1 << 20) {
    SocketConfig config{.path = path, .frame_bytes_max = 1 << 20, .waiting_bytes_max = waiting_bytes_max};
    config.on_fault = [this](const Error& error) {
      const std::lock_guard lock(mutex);
      faults.push_back(error);
      changed.notify_all();
    };
    auto made = SocketServer::listen(config, handler);
    ASSERT_TRUE(made) << made.error().message;
    server = std::move(*made);
  }
  static wire::Request info() {
    wire::Request request;
    request.mutable_info();
    return request;
  }
  std::optional<wire::Response> last_of(Dial& dial) {
    std::optional<wire::Response> last;
    while (auto response = dial.receive()) last = response;
    return last;
  }

  std::string folder_, path;
  Counter handler;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Error> faults;
  std::unique_ptr<SocketServer> server;
};

TEST_F(SocketServerTest, AnswersComeInTheOrderOfTheRequestsOnEachOfFourConnections) {
  std::vector<std::unique_ptr<Dial>> dials;
  for (int i = 0; i < 4; ++i) dials.push_back(std::make_unique<Dial>(path));
  wire::Request echo;
  for (int round = 0; round < 200; ++round)
    for (auto& dial : dials) {
      echo.mutable_echo()->set_message(std::to_string(round));
      ASSERT_TRUE(dial->send(echo));
    }
  for (int round = 0; round < 200; ++round)
    for (auto& dial : dials) EXPECT_EQ(dial->receive()->echo().message(), std::to_string(round));
}

TEST_F(SocketServerTest, EverySplitOfTheBytesGivesTheSameAnswers) {
  wire::Request flush;
  flush.mutable_flush();
  const Bytes stream = frame(info().SerializeAsString()) + frame(flush.SerializeAsString());
  for (std::size_t split = 1; split < stream.size(); ++split) {
    Dial dial(path);
    dial.write(ByteView(stream).substr(0, split));
    dial.write(ByteView(stream).substr(split));
    EXPECT_TRUE(dial.receive()->has_info());
    EXPECT_TRUE(dial.receive()->has_flush());
  }
}

TEST_F(SocketServerTest, AConnectionThatEndsAtAnyByteDisturbsNoOther) {
  Dial other(path);
  const Bytes stream = frame(info().SerializeAsString());
  for (std::size_t bytes = 0; bytes <= stream.size(); ++bytes) {
    Dial dial(path);
    dial.write(ByteView(stream).substr(0, bytes));
    dial.hang_up();
    EXPECT_TRUE(other.ask(info()).has_info());
  }
}

TEST_F(SocketServerTest, WhatIsNoRequestIsAnsweredWithAnExceptionAndTheEnd) {
  Dial other(path);
  const std::vector<Bytes> bad = {frame(Bytes(100, '\xff')), frame(""), frame("\x22\x00"), Bytes(12, '\xff'), "\xff\xff\xff\xff\x0f"};
  for (const Bytes& bytes : bad) {
    Dial dial(path);
    dial.write(bytes);
    const auto last = last_of(dial);
    ASSERT_TRUE(last && last->has_exception()) << to_hex(bytes);
    EXPECT_FALSE(last->exception().error().empty());
  }
  Dial web(path);
  web.write("GET / HTTP/1.1\r\nHost: somebody-who-takes-this-for-something-else.example\r\nAccept: */*\r\n\r\n");
  const auto last = last_of(web);
  ASSERT_TRUE(last && last->has_exception());
  EXPECT_EQ(last->exception().error(),
            "the engine sent 71 bytes that are no ABCI request which is known here: is it CometBFT v0.38.25 (--engine)?");
  EXPECT_TRUE(other.ask(info()).has_info());
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return faults.size() == bad.size() + 1; }));
}

TEST_F(SocketServerTest, AFailureOfTheHandlerIsAnExceptionThatSaysWhy) {
  Dial dial(path);
  wire::Request commit;
  commit.mutable_commit();
  ASSERT_TRUE(dial.send(info()));
  ASSERT_TRUE(dial.send(commit));
  EXPECT_TRUE(dial.receive()->has_info());
  EXPECT_EQ(dial.receive()->exception().error(), "the disk is gone");
  EXPECT_FALSE(dial.receive());
}

// A peer that asks and never reads: what waits for it stays bounded, because it is not read any more either.
TEST_F(SocketServerTest, APeerThatNeverReadsIsNotReadAnyMore) {
  Dial dial(path), other(path);
  wire::Request query;
  query.mutable_query()->set_height(512 * 1024);
  const Bytes bytes = frame(query.SerializeAsString());
  std::thread flood([&] {
    for (int i = 0; i < 100'000; ++i)
      if (!dial.write(bytes)) return;  // the socket is full, until the server stops
  });
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(other.ask(info()).has_info());
  server->stop();
  flood.join();
}

// An engine flushes after each request. What the server takes in before anybody reads is bounded by its own limits and the sockets'.
TEST_F(SocketServerTest, AFloodOfFlushIsTakenAsFarAsThereIsRoomAndAnsweredWhole) {
  constexpr std::size_t kFlushes = 500'000;
  server.reset();
  start(64 << 10);
  Dial dial(path), other(path);
  wire::Request flush;
  flush.mutable_flush();
  const Bytes one = frame(flush.SerializeAsString());
  Bytes flood;
  for (std::size_t i = 0; i < kFlushes; ++i) flood += one;
  const std::size_t taken = dial.write_while_taken(flood);
  EXPECT_LT(taken, flood.size());
  EXPECT_TRUE(other.ask(info()).has_info());
  std::thread rest([&] { EXPECT_TRUE(dial.write(ByteView(flood).substr(taken))); });
  std::size_t answered = 0;
  for (; answered < kFlushes; ++answered)
    if (const auto response = dial.receive(); !response || !response->has_flush()) break;
  EXPECT_EQ(answered, kFlushes);
  if (answered < kFlushes) dial.hang_up();
  rest.join();
  EXPECT_TRUE(dial.ask(info()).has_info());  // and nothing beside them
}

TEST_F(SocketServerTest, MoreConnectionsThanAreTakenAreClosedAndOldOnesMakeRoom) {
  std::vector<std::unique_ptr<Dial>> dials;
  for (int i = 0; i < 8; ++i) {
    dials.push_back(std::make_unique<Dial>(path));
    EXPECT_TRUE(dials.back()->ask(info()).has_info());
  }
  EXPECT_FALSE(Dial(path).receive());
  dials.clear();
  for (;;) {  // their ends are noticed one by one
    Dial again(path);
    again.send(info());
    if (again.receive()) break;
  }
}

TEST_F(SocketServerTest, TheSocketIsOursAloneAndOneProcessHasIt) {
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  const auto second = SocketServer::listen({.path = path}, handler);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  server.reset();
  start();  // what an ended process left is no hindrance
  Dial dial(path);
  EXPECT_TRUE(dial.ask(info()).has_info());
  EXPECT_FALSE(SocketServer::listen({.path = std::string(200, 'x')}, handler));
}

}  // namespace
}  // namespace careledger::ordering::abci
