// The running server over loopback, as a client sees it.
#include "edge/http/server.h"

#include <future>
#include <mutex>
#include <thread>

#include "edge/http/gzip.h"
#include "edge/http/test_support.h"
#include "edge/http/worker_pool.h"

namespace careledger::edge::http {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::RawSocket;
using testing::TestClock;

// Answers with what it was asked: "METHOD path body-size".
void echo(Request request, Responder respond) {
  respond(text(200, std::string(name_of(request.method)) + ' ' + request.path + ' ' + std::to_string(request.body.size())));
}

class Recorder : public Observer {
 public:
  void finished(const Exchange& exchange) override {
    const std::lock_guard lock(mutex_);
    statuses_.push_back(exchange.status);
  }
  std::vector<int> statuses() const {
    const std::lock_guard lock(mutex_);
    return statuses_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<int> statuses_;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerConfig config = {}) {
    auto started = Server::start(threads, std::move(config), handler, &recorder);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  static ServerConfig with(Limits limits) {
    ServerConfig config;
    config.limits = limits;
    return config;
  }
  std::string once(const std::string& bytes) {  // everything the server says until it closes
    RawSocket socket(server->port());
    socket.send(bytes);
    auto said = socket.to_end();
    EXPECT_FALSE(socket.timed_out());
    return said;
  }
  void wait_for_connections(std::size_t count) {  // the server notices by events, not by time
    while (server->connections() != count) std::this_thread::yield();
  }

  void settle() {  // what the loops had begun when the client saw its answer has ended
    threads.sweep();
    threads.sweep();
  }

  TestClock clock;
  Recorder recorder;
  FunctionHandler handler{[](Request request, Responder respond) { echo(std::move(request), std::move(respond)); }};
  IoThreads threads{2, clock};
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, KeepsAConnectionForManyRequests) {
  start();
  RawSocket socket(server->port());
  for (int i = 0; i < 5; ++i) {
    socket.send("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto [head, body] = socket.answer();
    EXPECT_EQ(testing::status_of(head), 200);
    EXPECT_EQ(body, "GET /" + std::to_string(i) + " 0");
    EXPECT_NE(head.find("\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("\r\nCache-Control: no-store\r\n"), std::string::npos);
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  WorkerPool pool(2, 100);  // answers come from other threads
  FunctionHandler slow([&pool](Request request, Responder respond) {
    auto job = std::make_shared<std::pair<Request, Responder>>(std::move(request), std::move(respond));
    pool.post([job] { echo(std::move(job->first), std::move(job->second)); });
  });
  auto started = Server::start(threads, {}, slow, nullptr);
  ASSERT_TRUE(started);
  server = std::move(*started);
  RawSocket socket(server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  socket.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(socket.answer().second, "POST /" + std::to_string(i) + " 3");
  server->stop(1s);
}

TEST_F(ServerTest, TakesRequestsOneByteAtATime) {
  start();
  RawSocket socket(server->port());
  const std::string head = "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char c : head + "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n") ASSERT_TRUE(socket.send({&c, 1}));
  EXPECT_EQ(socket.answer().second, "PUT /a 6");
  for (const char c : head + "0\r\n\r\n") ASSERT_TRUE(socket.send({&c, 1}));
  EXPECT_EQ(socket.answer().second, "PUT /a 0");
}

TEST_F(ServerTest, ClosesWhenAskedAndTakesOldAndProxyForms) {
  start();
  EXPECT_NE(once("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").find("Connection: close"), std::string::npos);
  EXPECT_EQ(testing::status_of(once("GET / HTTP/1.0\r\n\r\n")), 200);
  const auto absolute = once("GET http://other:1/abs?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(absolute.find("GET /abs 0"), std::string::npos) << absolute;
}

TEST_F(ServerTest, LeavesTheBodyOfHeadOut) {
  start();
  RawSocket socket(server->port());
  socket.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(socket.answer(false).first.find("Content-Length: 9\r\n"), std::string::npos);
  EXPECT_EQ(socket.answer().second, "GET /b 0");
}

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  start();
  const std::vector<std::pair<std::string, int>> cases{
      {"\x16\x03\x01\x02\x01 nonsense\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /../etc HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},  // smuggling
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST / HTTP/1.1\r\nHost: x\r\nExpect: payment\r\nContent-Length: 1\r\n\r\nx", 417},
  };
  for (const auto& [bytes, status] : cases) EXPECT_EQ(testing::status_of(once(bytes)), status) << bytes;
  for (const int status : recorder.statuses()) EXPECT_GE(status, 400);
}

TEST_F(ServerTest, RefusesWhatIsTooLarge) {
  Limits limits;
  limits.header_bytes = 4096;
  limits.target_bytes = 1000;
  limits.header_fields = 20;
  limits.body_bytes = 10'000;
  start(with(limits));
  const std::string host = " HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(testing::status_of(once("GET /" + std::string(1000, 'a') + host + "\r\n")), 414);
  EXPECT_EQ(testing::status_of(once("GET /" + std::string(100'000, 'a'))), 414);
  EXPECT_EQ(testing::status_of(once("GET /" + host + "A: " + std::string(5000, 'a') + "\r\n\r\n")), 431);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "A: b\r\n";
  EXPECT_EQ(testing::status_of(once("GET /" + host + many + "\r\n")), 431);
  EXPECT_EQ(testing::status_of(once("POST /" + host + "Content-Length: 10001\r\n\r\n")), 413);
  EXPECT_EQ(
      testing::status_of(once("POST /" + host + "Transfer-Encoding: chunked\r\n\r\n2711\r\n" + std::string(10'001, 'x') + "\r\n0\r\n\r\n")),
      413);
  EXPECT_EQ(testing::status_of(once("POST /" + host + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'x'))), 400);
  const auto fine = once("POST /" + host + "Connection: close\r\nContent-Length: 10000\r\n\r\n" + std::string(10'000, 'x'));
  EXPECT_EQ(testing::status_of(fine), 200);
}

TEST_F(ServerTest, UnpacksGzipAndStopsABomb) {
  Limits limits;
  limits.body_bytes = 100'000;
  start(with(limits));
  const auto post = [](const std::string& body) {
    return "POST /g HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  };
  EXPECT_NE(once(post(gzip_pack(std::string(90'000, 'a')))).find("POST /g 90000"), std::string::npos);
  EXPECT_EQ(testing::status_of(once(post(gzip_pack(std::string(5'000'000, 'a'))))), 413);
  EXPECT_EQ(testing::status_of(once(post("no gzip"))), 400);
  EXPECT_EQ(testing::status_of(once(post(gzip_pack("abc").substr(0, 12)))), 400);
}

TEST_F(ServerTest, BoundsAllBodiesTogether) {
  Limits limits;
  limits.body_bytes = 50'000;
  limits.bodies_bytes = 50'000;
  start(with(limits));
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n";
  // How far the server has read of either is not ours to know: sometimes the first one is refused, or neither.
  std::string kept, refused;
  while (testing::status_of(kept) != 200 || testing::status_of(refused) != 503) {
    RawSocket first(server->port());
    first.send(post + std::string(30'000, 'x'));
    refused = once(post + std::string(40'000, 'x'));
    first.send(std::string(10'000, 'x'));
    kept = first.to_end();
  }
  EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos);
  std::string after;
  while (testing::status_of(after) != 200) after = once(post + std::string(40'000, 'x'));  // the share was given back
}

TEST_F(ServerTest, CompressesWhatPays) {
  const std::string large(5000, 'j');
  FunctionHandler answers(
      [&large](Request request, Responder respond) { respond(request.path == "/small" ? json(200, "{}") : json(200, large)); });
  auto started = Server::start(threads, {}, answers, nullptr);
  ASSERT_TRUE(started);
  server = std::move(*started);
  RawSocket socket(server->port());
  const std::string accept = " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n";
  socket.send("GET /large" + accept);
  const auto [head, body] = socket.answer();
  EXPECT_NE(head.find("Content-Encoding: gzip\r\n"), std::string::npos);
  EXPECT_NE(head.find("Vary: Accept-Encoding\r\n"), std::string::npos);
  std::string plain;
  ASSERT_TRUE(Unpacker(10'000).add(body, plain));
  EXPECT_EQ(plain, large);
  socket.send("GET /small" + accept);
  EXPECT_EQ(socket.answer().second, "{}");
  socket.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(socket.answer().second, large);
  server->stop(1s);
}

TEST_F(ServerTest, AsksForABodyThatWaits) {
  start();
  RawSocket socket(server->port());
  socket.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(socket.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("ok");
  EXPECT_EQ(socket.answer().second, "POST /e 2");
  socket.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n");
  EXPECT_EQ(testing::status_of(socket.to_end()), 413);
}

TEST_F(ServerTest, SpeaksCorsToTheOriginsItKnows) {
  ServerConfig config;
  config.cors_origins = {"https://app.example"};
  start(config);
  RawSocket socket(server->port());
  const std::string preflight =
      "OPTIONS /p HTTP/1.1\r\nHost: x\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: if-match\r\nOrigin: ";
  socket.send(preflight + "https://app.example\r\n\r\n");
  const auto known = socket.answer().first;
  EXPECT_EQ(testing::status_of(known), 204);
  EXPECT_NE(known.find("Access-Control-Allow-Origin: https://app.example\r\n"), std::string::npos);
  EXPECT_NE(known.find("Access-Control-Allow-Headers: if-match\r\n"), std::string::npos);
  EXPECT_NE(known.find("Access-Control-Allow-Methods: "), std::string::npos);
  socket.send(preflight + "https://evil.example\r\n\r\n");
  EXPECT_EQ(socket.answer().first.find("Access-Control"), std::string::npos);
  socket.send("GET /p HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\n\r\n");
  const auto plain = socket.answer().first;
  EXPECT_NE(plain.find("Access-Control-Allow-Origin: https://app.example\r\n"), std::string::npos);
  EXPECT_NE(plain.find("Vary: Accept-Encoding, Origin\r\n"), std::string::npos);
}

TEST_F(ServerTest, EndsSlowHeadsAndBodies) {
  start();
  RawSocket head(server->port());
  head.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo");
  EXPECT_EQ(head.answer().second, "GET /first 0");  // so the server has what follows, too
  RawSocket body(server->port());
  body.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(testing::status_of(body.until("\r\n\r\n")), 100);
  RawSocket idle(server->port());
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(idle.answer().second, "GET / 0");
  settle();  // nothing is over its time yet
  EXPECT_EQ(server->connections(), 3u);
  clock.advance(31s);
  threads.sweep();
  EXPECT_EQ(testing::status_of(head.to_end()), 408);
  EXPECT_EQ(testing::status_of(body.to_end()), 408);
  idle.send("GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(idle.answer().second, "GET /still 0");
  settle();
  clock.advance(76s);
  threads.sweep();
  EXPECT_EQ(idle.to_end(), "");
  EXPECT_FALSE(idle.timed_out());
}

TEST_F(ServerTest, ABodyThatMovesMayTakeLong) {
  Limits limits;
  limits.transfer_rate = 1;
  start(with(limits));
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
  socket.until("\r\n\r\n");
  socket.send(std::string(99'999, 'x'));
  const auto reading_done = [this] { return recorder.statuses().empty(); };
  for (int second = 0; second < 29; ++second) {  // within the grace whatever has been read
    clock.advance(1s);
    threads.sweep();
    ASSERT_TRUE(reading_done());
  }
  socket.send("x");
  EXPECT_EQ(socket.answer().second, "POST / 100000");
}

TEST_F(ServerTest, GivesUpOnAHandlerThatNeverAnswers) {
  std::vector<Responder> kept;
  std::mutex mutex;
  FunctionHandler silent([&](Request, Responder respond) {
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(respond));
  });
  auto started = Server::start(threads, {}, silent, &recorder);
  ASSERT_TRUE(started);
  server = std::move(*started);
  RawSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (bool waiting = true; waiting;) {
    const std::lock_guard lock(mutex);
    waiting = kept.empty();
  }
  clock.advance(301s);
  threads.sweep();
  EXPECT_EQ(testing::status_of(socket.to_end()), 503);
  kept[0](text(200, "too late"));  // harmless
  wait_for_connections(0);
  server->stop(0s);
}

TEST_F(ServerTest, AnswersForAHandlerThatForgets) {
  FunctionHandler forgets([](Request, Responder) {});
  auto started = Server::start(threads, {}, forgets, nullptr);
  ASSERT_TRUE(started);
  server = std::move(*started);
  RawSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(testing::status_of(socket.answer().first), 500);
  server->stop(0s);
}

TEST_F(ServerTest, BoundsConnections) {
  Limits limits;
  limits.connections = 4;
  limits.connections_per_peer = 3;
  start(with(limits));
  std::vector<std::unique_ptr<RawSocket>> held;
  for (int i = 0; i < 3; ++i) held.push_back(std::make_unique<RawSocket>(server->port()));
  wait_for_connections(3);
  EXPECT_EQ(once("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
  held.pop_back();
  wait_for_connections(2);
  RawSocket again(server->port());
  again.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(again.answer().second, "GET /again 0");
}

TEST_F(ServerTest, HalfClosedClientsStillGetTheirAnswer) {
  start();
  RawSocket socket(server->port());
  socket.send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.half_close();
  EXPECT_NE(socket.to_end().find("GET /half 0"), std::string::npos);
  wait_for_connections(0);
}

TEST_F(ServerTest, ServesAHundredConnectionsAtOnce) {
  start();
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back([this, i, &right] {
      RawSocket socket(server->port());
      for (int k = 0; k < 20; ++k) {
        const auto path = "/" + std::to_string(i) + "/" + std::to_string(k);
        socket.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        right += socket.answer().second == "GET " + path + " 0" ? 1 : 0;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(right, 2000);
  settle();
  EXPECT_EQ(recorder.statuses().size(), 2000u);
}

TEST_F(ServerTest, HalfOpenClientsDisturbNobody) {
  start();
  std::vector<std::unique_ptr<RawSocket>> half_open;
  for (int i = 0; i < 300; ++i) {
    half_open.push_back(std::make_unique<RawSocket>(server->port()));
    if (i % 2 == 0) half_open.back()->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
  }
  RawSocket socket(server->port());
  socket.send("GET /normal HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(socket.answer().second, "GET /normal 0");
  half_open.clear();
  wait_for_connections(1);
}

TEST_F(ServerTest, StopsGracefully) {
  std::promise<void> arrived;
  std::promise<Responder> held;
  FunctionHandler slow([&](Request, Responder respond) {
    held.set_value(std::move(respond));
    arrived.set_value();
  });
  auto started = Server::start(threads, {}, slow, nullptr);
  ASSERT_TRUE(started);
  server = std::move(*started);
  RawSocket idle(server->port());
  RawSocket busy(server->port());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  arrived.get_future().wait();
  std::thread stopper([this] { server->stop(20s); });
  EXPECT_EQ(idle.to_end(), "");  // closed at once
  held.get_future().get()(text(200, "done"));
  const auto said = busy.to_end();
  EXPECT_NE(said.find("done"), std::string::npos);
  EXPECT_NE(said.find("Connection: close"), std::string::npos);
  stopper.join();
  EXPECT_EQ(server->connections(), 0u);
  EXPECT_FALSE(RawSocket(server->port()).connected());
}

TEST_F(ServerTest, StopsEvenWhenAHandlerHangs) {
  std::promise<Responder> held;
  FunctionHandler slow([&](Request, Responder respond) { held.set_value(std::move(respond)); });
  auto started = Server::start(threads, {}, slow, nullptr);
  ASSERT_TRUE(started);
  server = std::move(*started);
  RawSocket busy(server->port());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto responder = held.get_future().get();
  server->stop(0s);
  EXPECT_EQ(busy.to_end(), "");
  responder(text(200, "nobody hears"));
}

TEST_F(ServerTest, RefusesAConfigurationThatIsUnsafeOrOutOfBounds) {
  ServerConfig open;
  open.address = "0.0.0.0";
  const auto refused = Server::start(threads, open, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  ServerConfig name;
  name.address = "localhost";
  EXPECT_FALSE(Server::start(threads, name, handler));
  Limits limits;
  limits.header_bytes = 10;
  EXPECT_FALSE(Server::start(threads, with(limits), handler));
  start();
  ServerConfig taken;
  taken.port = server->port();
  const auto twice = Server::start(threads, taken, handler);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::unavailable);
}

TEST_F(ServerTest, TwoServersShareTheThreads) {
  start();
  FunctionHandler other([](Request, Responder respond) { respond(text(200, "other")); });
  auto second = Server::start(threads, {}, other, nullptr);
  ASSERT_TRUE(second);
  RawSocket to_first(server->port());
  RawSocket to_second((*second)->port());
  to_second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(to_second.answer().second, "other");
  (*second)->stop(0s);
  to_first.send("GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(to_first.answer().second, "GET /still 0");
}

}  // namespace
}  // namespace careledger::edge::http
