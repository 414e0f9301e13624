#include "edge/http/message.h"

#include <gtest/gtest.h>

#include "edge/http/gzip.h"
#include "edge/http/response_writer.h"
#include "edge/http/router.h"

namespace careledger::edge::http {
namespace {

TEST(Target, SplitsAndDecodes) {
  Request request;
  ASSERT_TRUE(read_target("/fhir/Patient%20x/%C3%A9?name=a+b%2Bc&_id=1&_id=2&flag", 10, request));
  EXPECT_EQ(request.path, "/fhir/Patient x/\xC3\xA9");
  ASSERT_EQ(request.query.size(), 4u);
  EXPECT_EQ(request.query[0].value, "a b+c");
  EXPECT_EQ(request.parameter("_id"), "1");
  EXPECT_EQ(request.query[2].value, "2");
  EXPECT_EQ(request.parameter("flag"), "");
  EXPECT_FALSE(request.parameter("other"));
}

TEST(Target, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const std::string bad : {"", "fhir", "http://x/", "*", "/a%2", "/a%zz", "/a%00b", "/a%2fb", "/a%5cb", "/a/../b", "/a/%2e%2e/b", "/.",
                                "/%ff", "/%c0%af", "/%ed%a0%80", "/a?x=%ff", "/a?%=1", "/a#b", "/a%0d%0ab"}) {
    Request request;
    const auto read = read_target(bad, 10, request);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().kind, ErrorKind::malformed) << bad;
  }
}

TEST(Target, CountsParameters) {
  Request request;
  EXPECT_TRUE(read_target("/a?1&2&3", 3, request));
  const auto read = read_target("/a?1&2&3&4", 3, request);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::too_large);
}

TEST(Percent, EncodesWhatItDecodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all), true), all);
}

TEST(Headers, CompareWithoutCaseAndKeepOrder) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("x-two", "2");
  headers.add("x-one", "3");
  EXPECT_EQ(headers.get("X-ONE"), "1");
  EXPECT_EQ(headers.joined("x-One"), "1, 3");
  EXPECT_EQ(headers.count("x-one"), 2u);
  headers.set("X-one", "4");
  EXPECT_EQ(headers.joined("x-one"), "4");
  EXPECT_EQ(headers.at(0).value, "2");
  EXPECT_FALSE(headers.find("absent"));
}

TEST(Gzip, UnpacksWhatItPacksInAnyPieces) {
  std::string plain;
  for (int i = 0; i < 20'000; ++i) plain += std::to_string(i * 7919);
  const auto packed = gzip_pack(plain);
  EXPECT_LT(packed.size(), plain.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, packed.size()}) {
    Unpacker unpacker(plain.size());
    std::string out;
    for (std::size_t at = 0; at < packed.size(); at += piece) ASSERT_TRUE(unpacker.add(std::string_view(packed).substr(at, piece), out));
    EXPECT_TRUE(unpacker.complete());
    EXPECT_EQ(out, plain);
  }
}

TEST(Gzip, StopsABombBeforeItIsStored) {
  const auto packed = gzip_pack(std::string(64 << 20, 'x'));
  Unpacker unpacker(1 << 20);
  std::string out;
  const auto added = unpacker.add(packed, out);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::too_large);
  EXPECT_LE(out.size(), 1u << 20);
}

TEST(Gzip, RefusesWhatIsNoneAndWhatFollows) {
  std::string out;
  EXPECT_FALSE(Unpacker(100).add("plain text", out));
  EXPECT_FALSE(Unpacker(100).add(gzip_pack("a") + "b", out));
  auto damaged = gzip_pack("some text");
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  EXPECT_FALSE(Unpacker(100).add(damaged, out));
}

TEST(Gzip, ReadsAcceptEncoding) {
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("deflate, GZIP;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip(""));
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip; q=0.000, *"));
  EXPECT_FALSE(accepts_gzip("br"));
}

TEST(Writer, KeepsLineBreaksOutOfFields) {
  Response response = text(200, "x");
  response.headers.add("Location", "/a\r\nSet-Cookie: stolen=1");
  std::string head;
  write_head(response, {}, false, "date", head);
  EXPECT_EQ(head.find("\r\nSet-Cookie"), std::string::npos);
}

TEST(Writer, WritesTheDateOfTheRfc) {
  EXPECT_EQ(imf_date({784'111'777'000}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(imf_date({0}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(imf_date({1'709'251'199'999}), "Thu, 29 Feb 2024 23:59:59 GMT");
  EXPECT_EQ(imf_date({4'102'444'800'000}), "Fri, 01 Jan 2100 00:00:00 GMT");
}

Response ask(Router& router, Method method, std::string path) {
  Request request;
  request.method = method;
  request.path = std::move(path);
  Response answer;
  router.handle(std::move(request), [&answer](Response response) { answer = std::move(response); });
  return answer;
}

TEST(Router, PrefersTheMoreExactPattern) {
  Router router;
  const auto says = [](std::string what) { return [what](const Request&) { return text(200, what); }; };
  router.add({}, "/*", says("all"));
  router.add({Method::get}, "/fhir/{type}", says("type"));
  router.add({Method::get}, "/fhir/metadata", says("metadata"));
  router.add({Method::get}, "/fhir/{type}/*", says("below"));
  EXPECT_EQ(ask(router, Method::get, "/fhir/metadata").body, "metadata");
  EXPECT_EQ(ask(router, Method::get, "/fhir/Patient").body, "type");
  EXPECT_EQ(ask(router, Method::get, "/fhir/Patient/1/_history").body, "below");
  EXPECT_EQ(ask(router, Method::get, "/x/y").body, "all");
  EXPECT_EQ(ask(router, Method::get, "/fhir/Patient").route, "/fhir/{type}");
  EXPECT_EQ(ask(router, Method::head, "/fhir/Patient").body, "type");
}

TEST(Router, SaysWhatIsMissingOrNotOffered) {
  Router router;
  router.add({Method::get}, "/a", [](const Request&) { return text(200, "a"); });
  EXPECT_EQ(ask(router, Method::get, "/b").status, 404);
  const auto answer = ask(router, Method::post, "/a");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.get("Allow"), "GET");
}

}  // namespace
}  // namespace careledger::edge::http
