// The server over TLS and the client, against each other and against the command-line tools' library.
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "edge/http/certificate.h"
#include "edge/http/client.h"
#include "edge/http/test_support.h"

namespace careledger::edge::http {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::RawSocket;
using testing::TestClock;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "careledger-tls-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, const std::string& contents) const {
    const auto file = path_ + "/" + name;
    std::ofstream(file) << contents;
    return file;
  }

 private:
  std::string path_;
};

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    make_certificate("127.0.0.1");
    ServerConfig config;
    config.certificate_file = certificate_file;
    config.key_file = key_file;
    config.limits.body_bytes = 1 << 20;
    auto started = Server::start(threads, config, handler);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  void make_certificate(const std::string& name) {
    const auto pair = self_signed({name, "careledger.test"}, std::chrono::days(30), system_clock().now());
    ASSERT_TRUE(pair) << pair.error().message;
    certificate_file = folder.write("certificate.pem", pair->certificate);
    key_file = folder.write("key.pem", pair->key);
  }
  std::unique_ptr<Client> client(ClientConfig config = {}) {
    if (config.origin.empty()) config.origin = server->origin();
    if (config.trust_file.empty()) config.trust_file = certificate_file;
    auto made = Client::make(config);
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }

  Folder folder;
  std::string certificate_file;
  std::string key_file;
  TestClock clock;
  std::atomic<int> calls{0};
  FunctionHandler handler{[this](Request request, Responder respond) {
    ++calls;
    auto answer = text(200, request.body.empty() ? request.path : std::move(request.body));
    answer.headers.add("X-Tls", request.tls ? "yes" : "no");
    answer.headers.add("X-Authority", request.authority);
    respond(std::move(answer));
  }};
  IoThreads threads{2, clock};
  std::unique_ptr<Server> server;
};

TEST_F(TlsTest, CarriesRequestsAndLargeBodiesBothWays) {
  const auto caller = client();
  for (const std::size_t size : {0ul, 1ul, 1000ul, 100'000ul, 1'000'000ul}) {
    std::string body;
    for (std::size_t i = 0; i < size; ++i) body += static_cast<char>(i * 131 >> 3);
    const auto answer = caller->call(make_request(Method::post, "/p", body));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, size == 0 ? "/p" : body);
    EXPECT_EQ(answer->headers.get("X-Tls"), "yes");
    EXPECT_EQ("https://" + std::string(answer->headers.get("X-Authority")), server->origin());
    EXPECT_FALSE(answer->headers.get("Strict-Transport-Security").empty());
  }
  EXPECT_EQ(server->connections(), 1u);  // kept alive
}

TEST_F(TlsTest, ReadsARefusalThatComesBeforeTheBodyWasTaken) {
  const auto answer = client()->call(make_request(Method::post, "/p", std::string(3 << 20, 'x')));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

// One handshake with a version forced; what the library says.
bool handshake(std::uint16_t port, int version) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  const RawSocket socket(port);
  SSL_set_fd(ssl.get(), socket.descriptor());
  return SSL_connect(ssl.get()) == 1;
}

TEST_F(TlsTest, SpeaksOnlyTls13) {
  EXPECT_TRUE(handshake(server->port(), TLS1_3_VERSION));
  EXPECT_FALSE(handshake(server->port(), TLS1_2_VERSION));
  EXPECT_FALSE(handshake(server->port(), TLS1_1_VERSION));
}

// A second connection that brings the first one's ticket needs no signature of the server.
TEST_F(TlsTest, ResumesSessions) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(nullptr, SSL_SESSION_free);
  for (const bool resumed : {false, true}) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
    const RawSocket socket(server->port());
    SSL_set_fd(ssl.get(), socket.descriptor());
    if (session) SSL_set_session(ssl.get(), session.get());
    ASSERT_EQ(SSL_connect(ssl.get()), 1);
    EXPECT_EQ(SSL_session_reused(ssl.get()) == 1, resumed);
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
    std::array<char, 4096> answer{};
    ASSERT_GT(SSL_read(ssl.get(), answer.data(), answer.size()), 0);  // the ticket came before it
    SSL_shutdown(ssl.get());                                          // what is cut off is not resumed
    session.reset(SSL_get1_session(ssl.get()));
  }
}

TEST_F(TlsTest, ClosesOnPlainTextAndOnASilentHandshake) {
  RawSocket plain(server->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(plain.to_end().find("HTTP/"), std::string::npos);
  RawSocket silent(server->port());
  while (server->connections() != 1) std::this_thread::yield();
  threads.sweep();
  threads.sweep();  // its handshake has begun
  clock.advance(11s);
  threads.sweep();
  EXPECT_EQ(silent.to_end(), "");
  EXPECT_EQ(calls, 0);
}

TEST_F(TlsTest, TheClientTrustsOnlyWhatItWasGiven) {
  const auto other = self_signed({"127.0.0.1"}, std::chrono::days(30), system_clock().now());
  ASSERT_TRUE(other);
  ClientConfig config;
  config.trust_file = folder.write("other.pem", other->certificate);
  const auto refused = client(config)->call(make_request(Method::get, "/"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(calls, 0);
}

TEST_F(TlsTest, TheClientChecksTheName) {
  ClientConfig config;
  config.origin = "https://localhost:" + std::to_string(server->port());  // the certificate says 127.0.0.1
  const auto refused = client(config)->call(make_request(Method::get, "/"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(calls, 0);
}

TEST_F(TlsTest, TakesAnotherCertificateWhileRunning) {
  const auto before = client();
  ASSERT_TRUE(before->call(make_request(Method::get, "/")));
  make_certificate("127.0.0.1");
  ASSERT_TRUE(server->reload_certificate());
  EXPECT_TRUE(client()->call(make_request(Method::get, "/")));
  EXPECT_TRUE(before->call(make_request(Method::get, "/")));  // its connection stays
  folder.write("key.pem", "no key");
  EXPECT_FALSE(server->reload_certificate());
  EXPECT_TRUE(client()->call(make_request(Method::get, "/")));
}

TEST_F(TlsTest, RefusesFilesThatAreNoCertificate) {
  ServerConfig config;
  config.certificate_file = folder.write("x.pem", "x");
  EXPECT_FALSE(Server::start(threads, config, handler));  // no key
  config.key_file = key_file;
  const auto malformed = Server::start(threads, config, handler);
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().kind, ErrorKind::malformed);
  config.certificate_file = "/nowhere.pem";
  const auto absent = Server::start(threads, config, handler);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
}

class ClientTest : public ::testing::Test {
 protected:
  void start(UniqueFunction<void(Request, Responder)> function) {
    handler = std::make_unique<FunctionHandler>(std::move(function));
    auto started = Server::start(threads, {}, *handler);
    ASSERT_TRUE(started);
    server = std::move(*started);
  }
  std::unique_ptr<Client> client(ClientConfig config = {}) {
    config.origin = server->origin();
    auto made = Client::make(config);
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  TestClock clock;
  std::unique_ptr<FunctionHandler> handler;
  IoThreads threads{1, clock};
  std::unique_ptr<Server> server;
};

TEST_F(ClientTest, GivesUpInTime) {
  std::vector<Responder> kept;
  start([&kept](Request, Responder respond) { kept.push_back(std::move(respond)); });
  ClientConfig config;
  config.answer_time = 50ms;
  const auto answer = client(config)->call(make_request(Method::get, "/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::cancelled);
  server->stop(0s);
}

TEST_F(ClientTest, UnpacksAndBoundsAnswers) {
  start([](Request, Responder respond) { respond(text(200, std::string(100'000, 'a'))); });
  ClientConfig config;
  config.body_bytes = 100'000;
  const auto fits = client(config)->call(make_request(Method::get, "/"));
  ASSERT_TRUE(fits) << fits.error().message;
  EXPECT_EQ(fits->body, std::string(100'000, 'a'));
  EXPECT_FALSE(fits->headers.find("Content-Encoding"));
  config.body_bytes = 99'999;
  const auto bomb = client(config)->call(make_request(Method::get, "/"));
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().kind, ErrorKind::too_large);
  auto plain = make_request(Method::get, "/");
  plain.headers.add("Accept-Encoding", "identity");
  EXPECT_EQ(client(config)->call(plain).error().kind, ErrorKind::too_large);
  auto head = make_request(Method::head, "/");
  EXPECT_EQ(client(config)->call(head)->body, "");
}

TEST_F(ClientTest, GoesOnAfterTheServerClosedItsKeptConnection) {
  start([](Request, Responder respond) { respond(text(200, "x")); });
  const auto caller = client();
  ASSERT_TRUE(caller->call(make_request(Method::post, "/", "a")));
  threads.sweep();
  threads.sweep();  // the connection idles
  clock.advance(76s);
  threads.sweep();
  while (server->connections() != 0) std::this_thread::yield();
  EXPECT_TRUE(caller->call(make_request(Method::post, "/", "a")));
}

TEST_F(ClientTest, IsSharedByThreads) {
  start([](Request request, Responder respond) { respond(text(200, request.path)); });
  const auto caller = client();
  std::atomic<int> right{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i) {
    all.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const auto path = "/" + std::to_string(i * 1000 + k);
        const auto answer = caller->call(make_request(Method::get, path));
        right += answer && answer->body == path ? 1 : 0;
      }
    });
  }
  for (auto& each : all) each.join();
  EXPECT_EQ(right, 400);
  EXPECT_LE(server->connections(), 16u);
}

TEST_F(ClientTest, RefusesWhatItMustNotSend) {
  start([](Request, Responder respond) { respond(text(200, "")); });
  const auto caller = client();
  EXPECT_EQ(caller->call(make_request(Method::get, "no-slash")).error().kind, ErrorKind::invalid);
  EXPECT_EQ(caller->call(make_request(Method::get, "/a b")).error().kind, ErrorKind::invalid);
  auto split = make_request(Method::get, "/");
  split.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(caller->call(split).error().kind, ErrorKind::invalid);
}

TEST(ClientConfiguration, NamesWhatIsWrong) {
  for (const std::string bad : {"", "127.0.0.1:80", "ftp://127.0.0.1", "http://example.org", "https://x/path", "http://u:p@127.0.0.1"}) {
    ClientConfig config;
    config.origin = bad;
    const auto made = Client::make(config);
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().kind, ErrorKind::invalid) << bad;
  }
  ClientConfig nobody;
  nobody.origin = "http://127.0.0.1:1";
  auto made = Client::make(nobody);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->call(make_request(Method::get, "/")).error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace careledger::edge::http
