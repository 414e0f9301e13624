// What an endpoint needs, looked at before: certificates of all kinds, and ports that are taken.
#include "edge/http/readiness.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"
#include "edge/http/certificate.h"
#include "edge/http/test_support.h"

namespace careledger::edge::http {
namespace {

constexpr BlockTime kMade{1'900'000'000'000};
constexpr std::int64_t kDayMs = 86'400'000;

class Readiness : public ::testing::Test {
 protected:
  std::string put(const std::string& name, const std::string& text) const {
    std::ofstream(folder.path() + "/" + name) << text;
    return folder.path() + "/" + name;
  }
  void made_for(const std::string& name) {
    const auto pair = self_signed({name}, std::chrono::days(30), kMade);
    ASSERT_TRUE(pair);
    certificate = put("certificate.pem", pair->certificate);
    key = put("key.pem", pair->key);
  }
  void refused(const std::string& host, BlockTime now, ErrorKind kind, const std::string& why) const {
    const auto told = check_certificate(certificate, key, host, now);
    ASSERT_FALSE(told) << why;
    EXPECT_EQ(told.error().kind, kind);
    EXPECT_NE(told.error().message.find(why), std::string::npos) << told.error().message;
  }
  TestFolder folder;
  std::string certificate, key;
};

TEST_F(Readiness, ACertificateHoldsForItsHostAndItsTime) {
  made_for("north.example");
  EXPECT_TRUE(check_certificate(certificate, key, "north.example", kMade));
  refused("south.example", kMade, ErrorKind::invalid, "is not of south.example");
  refused("north.example", {kMade.value + 31 * kDayMs}, ErrorKind::invalid, "has expired");
  refused("north.example", {kMade.value - 2 * kDayMs}, ErrorKind::invalid, "does not hold yet");
  made_for("127.0.1.11");
  EXPECT_TRUE(check_certificate(certificate, key, "127.0.1.11", kMade));
  refused("127.0.1.12", kMade, ErrorKind::invalid, "is not of 127.0.1.12");
}

TEST_F(Readiness, FilesThatAreNoneAreTold) {
  made_for("north.example");
  const std::string other = put("other.pem", self_signed({"north.example"}, std::chrono::days(30), kMade)->key);
  const std::string good = std::exchange(key, other);
  EXPECT_FALSE(check_certificate(certificate, key, "north.example", kMade));
  key = put("none.pem", "no key");
  refused("north.example", kMade, ErrorKind::malformed, "not a PEM key");
  key = folder.path() + "/absent";
  refused("north.example", kMade, ErrorKind::not_found, "no such file");
  key = good;
  EXPECT_TRUE(check_trusted(certificate));
  EXPECT_EQ(check_trusted(folder.path() + "/absent").error().kind, ErrorKind::not_found);
  EXPECT_EQ(check_trusted(put("text", "no certificate")).error().kind, ErrorKind::malformed);
}

TEST_F(Readiness, PlacesAreTriedAtOnceAndLetGo) {
  IoThreads threads(1, system_clock());
  testing::FunctionHandler handler([](Request, Responder) {});
  auto taken = Server::start(threads, {}, handler);
  ASSERT_TRUE(taken);
  const ListenPlace place{"127.0.0.1", (*taken)->port()};
  const auto refused = try_listening({place});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_NE(refused.error().message.find("port " + std::to_string(place.port)), std::string::npos) << refused.error().message;
  (*taken)->stop(std::chrono::milliseconds(0));
  EXPECT_TRUE(try_listening({place}));
  EXPECT_TRUE(try_listening({{"localhost", place.port}}));
  EXPECT_FALSE(try_listening({place, place})) << "one place for two";
  EXPECT_TRUE(try_listening({place})) << "it is held no longer";
  EXPECT_FALSE(try_listening({{"192.0.2.1", 0}})) << "another machine";
  EXPECT_FALSE(try_listening({{"no-such-host.invalid", 1}}));
}

}  // namespace
}  // namespace careledger::edge::http
