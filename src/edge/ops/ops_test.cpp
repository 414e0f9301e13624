#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "codec/json/json.h"
#include "edge/http/test_support.h"
#include "edge/ops/notify.h"
#include "edge/ops/telemetry.h"

namespace careledger::edge::ops {
namespace {

using namespace std::chrono_literals;

class OpsTest : public ::testing::Test {
 protected:
  OpsTest() {
    std::string name = std::filesystem::temp_directory_path() / "careledger-ops-XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~OpsTest() override { std::filesystem::remove_all(folder); }
  std::unique_ptr<Log> open(bool json, Level level = Level::info) {
    auto log = Log::open({level, json, folder + "/log"}, clock);
    EXPECT_TRUE(log);
    return std::move(*log);
  }
  std::string written() const {
    std::ifstream file(folder + "/log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string folder;
  ManualClock clock;
};

TEST_F(OpsTest, LogsOneLineAnEvent) {
  {
    const auto log = open(false);
    log->info("started", {{"port", 8080}, {"name", "a b"}, {"tls", true}});
    EXPECT_TRUE(written().ends_with("tls=true\n")) << "each line is out at once: " << written();
    log->debug("hidden");
    log->error("two words", {{"why", "line\nbreak \"quoted\""}});
  }
  EXPECT_EQ(written(),
            "2027-01-15T08:00:00.000Z info started port=8080 name=\"a b\" tls=true\n"
            "2027-01-15T08:00:00.000Z error \"two words\" why=\"line\\u000abreak \\\"quoted\\\"\"\n");
}

TEST_F(OpsTest, LogsJsonThatParses) {
  {
    const auto log = open(true, Level::debug);
    log->debug("x\x1b[2J", {{"n", -5}, {"s", "\xff\"\\"}, {"b", false}});
  }
  const auto text = written();
  const auto line = codec::json::parse(text.substr(0, text.size() - 1));
  ASSERT_TRUE(line) << text;
  EXPECT_EQ(line->root().string_at("level"), "debug");
  EXPECT_EQ(line->root().find("n")->text(), "-5");
  EXPECT_FALSE(line->root().find("b")->boolean());
}

TEST_F(OpsTest, SaysWhenItsFileCannotBe) {
  const auto log = Log::open({Level::info, false, "/proc/nowhere/log"}, clock);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind, ErrorKind::storage);
}

http::Response get(http::Router& router, const std::string& path, const std::string& peer = "127.0.0.1", bool proxied = false) {
  http::Request request;
  request.path = path;
  request.peer = peer;
  if (proxied) request.headers.add("X-Forwarded-For", "203.0.113.7");
  http::Response answer;
  router.handle(std::move(request), [&answer](http::Response response) { answer = std::move(response); });
  return answer;
}

TEST_F(OpsTest, CountsAndShowsRequestsByRoute) {
  const auto log = open(false);
  Metrics metrics;
  Telemetry telemetry(metrics, *log, "fhir-1");
  telemetry.finished({1, http::Method::get, 200, "/fhir/{type}/{id}", 3'000'000, 0, 100});
  telemetry.finished({2, http::Method::get, 200, "/fhir/{type}/{id}", 3'000'000, 0, 100});
  telemetry.finished({3, http::Method::post, 500, "/fhir/{type}", 3'000'000, 7, 0});
  metrics.gauge("careledger_height", "Newest block.", [] { return 42; });
  http::Router router;
  add_routes(router, metrics, *log, {});
  const auto shown = get(router, "/metrics").body;
  EXPECT_NE(shown.find("careledger_http_requests_total{method=\"GET\",route=\"/fhir/{type}/{id}\",server=\"fhir-1\",status=\"200\"} 2"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("careledger_http_sent_bytes_total{server=\"fhir-1\"} 200"), std::string::npos);
  EXPECT_NE(shown.find("careledger_http_request_seconds_bucket{route=\"/fhir/{type}/{id}\",server=\"fhir-1\",le=\"0.005\"} 2"),
            std::string::npos);
  EXPECT_NE(shown.find("careledger_height 42"), std::string::npos);
  log->flush();
  EXPECT_NE(written().find("warning request request=3 server=fhir-1 method=POST route=/fhir/{type} status=500 us=3000"), std::string::npos)
      << written();
  EXPECT_EQ(written().find("request=1"), std::string::npos);
}

TEST_F(OpsTest, FiguresAreForThisMachineAlone) {
  const auto log = open(false);
  Metrics metrics;
  http::Router router;
  add_routes(router, metrics, *log, {});
  EXPECT_EQ(get(router, "/metrics", "::1").status, 200);
  EXPECT_EQ(get(router, "/metrics", "203.0.113.7").status, 404);
  EXPECT_EQ(get(router, "/metrics", "127.0.0.1", true).status, 404);
  EXPECT_EQ(get(router, "/healthz", "203.0.113.7").status, 200);
}

TEST_F(OpsTest, BoundsTheRoutes) {
  const auto log = open(false);
  Metrics metrics;
  Telemetry telemetry(metrics, *log, "s");
  for (int i = 0; i < 1000; ++i) telemetry.finished({1, http::Method::get, 200, "/" + std::to_string(i), 1, 0, 0});
  const auto text = metrics.text();
  EXPECT_NE(text.find("route=\"other\""), std::string::npos);
  EXPECT_EQ(text.find("route=\"/999\""), std::string::npos);
}

TEST_F(OpsTest, ReadinessNamesWhatIsMissing) {
  const auto log = open(false);
  Metrics metrics;
  bool ready = false;
  http::Router router;
  add_routes(router, metrics, *log, {{"ledger", [&ready]() -> Result<void> {
                                        if (ready) return {};
                                        return fail(ErrorKind::unavailable, "no quorum");
                                      }}});
  EXPECT_EQ(get(router, "/healthz").status, 200);
  const auto waiting = get(router, "/readyz");
  EXPECT_EQ(waiting.status, 503);
  EXPECT_EQ(waiting.body, "not ready: ledger\n");
  ready = true;
  EXPECT_EQ(get(router, "/readyz").status, 200);
}

TEST_F(OpsTest, TellsSystemd) {
  const auto path = folder + "/notify";
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  timeval limit{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const auto receive = [fd] {
    std::array<char, 100> bytes{};
    const auto count = ::recv(fd, bytes.data(), bytes.size(), 0);
    return std::string(bytes.data(), count < 0 ? 0 : static_cast<std::size_t>(count));
  };
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(notify("READY=1"));  // nobody listens, nothing is said
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  EXPECT_TRUE(notify("READY=1"));
  EXPECT_EQ(receive(), "READY=1");
  {
    const Watchdog watchdog(1h, [] { return true; });
    EXPECT_EQ(receive(), "WATCHDOG=1");
  }
  ::setenv("NOTIFY_SOCKET", (folder + "/nobody").c_str(), 1);
  EXPECT_FALSE(notify("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
  ::close(fd);
}

TEST(WatchdogInterval, ReadsTheEnvironment) {
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_FALSE(watchdog_interval());
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::microseconds(30'000'000));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(watchdog_interval());
  ::unsetenv("WATCHDOG_PID");
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_FALSE(watchdog_interval());
  ::unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace careledger::edge::ops
