#include "edge/http/signature.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "codec/json/json.h"

namespace careledger::edge::http {
namespace {

using namespace std::chrono_literals;

class Rfc9421 : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(CARELEDGER_SOURCE_DIR "/tests/vectors/http-signatures/rfc9421.json");
    std::ostringstream text;
    text << file.rdbuf();
    auto parsed = codec::json::parse(text.str());
    ASSERT_TRUE(parsed) << parsed.error().message;
    document = std::move(*parsed);
    const auto spki = from_base64(vector().string_at("publicKeySpkiDerB64"));
    ASSERT_TRUE(spki);
    key = *crypto::PublicKey::from(ByteView(*spki).substr(spki->size() - 32));
    signature = *crypto::Signature::from(*from_base64(vector().string_at("signatureB64")));
  }
  const codec::json::Value& vector() { return *document.root().find("ed25519"); }
  static Request example() {
    Request request;
    request.method = Method::post;
    request.target = "/foo?param=Value&Pet=dog";
    request.authority = "example.com";
    request.headers.add("Host", "example.com");
    request.headers.add("Date", "Tue, 20 Apr 2021 02:07:55 GMT");
    request.headers.add("Content-Type", "application/json");
    request.headers.add("Content-Digest",
                        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:");
    request.headers.add("Content-Length", "18");
    request.body = R"({"hello": "world"})";
    return request;
  }

  codec::json::Document document;
  crypto::PublicKey key;
  crypto::Signature signature;
};

TEST_F(Rfc9421, AppendixB26) {
  const auto parameters = read_signature_input(vector().string_at("signatureInput"));
  ASSERT_TRUE(parameters) << parameters.error().message;
  EXPECT_EQ(parameters->label, "sig-b26");
  EXPECT_EQ(parameters->created, 1618884473);
  EXPECT_EQ(parameters->key_id, "test-key-ed25519");
  const auto base = signature_base(example(), *parameters);
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_EQ(*base, vector().string_at("signatureBase"));
  EXPECT_TRUE(crypto::verify(key, *base, signature));
}

TEST_F(Rfc9421, DerivedNegatives) {
  ASSERT_EQ(document.root().items_at("derivedNegatives").size(), 4u);
  for (const auto& negative : document.root().items_at("derivedNegatives")) {
    EXPECT_FALSE(crypto::verify(key, negative.string_at("signatureBase"), signature)) << negative.string_at("label");
  }
}

TEST_F(Rfc9421, ContentDigestOfTheExample) {
  auto request = example();
  EXPECT_TRUE(check_content_digest(request));
  request.body += ' ';
  EXPECT_FALSE(check_content_digest(request));
  request.headers.set("Content-Digest", "md5=:AAAA:");
  EXPECT_FALSE(check_content_digest(request));
}

class SignedRequest : public ::testing::Test {
 protected:
  Request make(const std::string& target = "/exchange/records?a=1", const std::string& body = "sealed") {
    auto request = Request{};
    request.method = Method::post;
    request.target = target;
    request.body = body;
    sign_request(request, "Hospital.example:8443", key, "member-1", 60s, clock, entropy);
    return request;
  }
  Result<VerifiedSignature> verify(const Request& request) {
    const KeyLookup lookup = [this](std::string_view id) -> std::optional<crypto::PublicKey> {
      return id == "member-1" ? std::optional(key.public_key()) : std::nullopt;
    };
    return verify_request(request, "hospital.example:8443", lookup, clock, seen);
  }
  void expect_refused(const Request& request, const char* why) {
    const auto verified = verify(request);
    ASSERT_FALSE(verified) << why;
    EXPECT_EQ(verified.error().kind, ErrorKind::unauthenticated) << why;
  }

  ManualClock clock;
  SeededEntropy entropy{3};
  crypto::SigningKey key = crypto::SigningKey::generate(entropy);
  ReplayCache seen;
};

TEST_F(SignedRequest, Holds) {
  const auto verified = verify(make());
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->key_id, "member-1");
  EXPECT_TRUE(crypto::verify(key.public_key(), verified->base, *crypto::Signature::from(verified->signature)));
  EXPECT_TRUE(verify(make("/without-query", "")));
}

TEST_F(SignedRequest, HoldsOnce) {
  const auto request = make();
  ASSERT_TRUE(verify(request));
  expect_refused(request, "replayed");
  EXPECT_TRUE(verify(make()));
}

TEST_F(SignedRequest, AnyChangeIsRefused) {
  auto method = make();
  method.method = Method::put;
  expect_refused(method, "method");
  auto path = make();
  path.target = "/exchange/record?a=1";
  expect_refused(path, "path");
  auto query = make();
  query.target = "/exchange/records?a=2";
  expect_refused(query, "query");
  auto dropped = make();
  dropped.target = "/exchange/records";
  expect_refused(dropped, "query dropped");
  auto body = make();
  body.body = "sealeD";
  expect_refused(body, "body");
  auto digest = make();
  digest.body = "other";
  digest.headers.set("Content-Digest", content_digest("other"));
  expect_refused(digest, "body with its digest");
  auto authority = make();
  authority.authority = "clinic.example";
  expect_refused(authority, "another node");
  auto signature = make();
  signature.headers.set("Signature", "sig1=:" + to_base64(std::string(64, 's')) + ":");
  expect_refused(signature, "signature");
  auto input = make();
  auto text = std::string(input.headers.get("Signature-Input"));
  input.headers.set("Signature-Input", text.replace(text.find("keyid=\"member-1\""), 16, "keyid=\"member-2\""));
  expect_refused(input, "key");
}

TEST_F(SignedRequest, TimeIsJudgedByTheReceiver) {
  const auto old = make();
  clock.advance_ms(61'000);
  expect_refused(old, "expired");
  const auto early = make();
  clock.advance_ms(-120'000);
  expect_refused(early, "from the future");
}

// Signs whatever Signature-Input says: what a sloppy but honest member would send.
TEST_F(SignedRequest, EveryRequirementCounts) {
  const auto now = std::to_string(clock.now().value / 1000);
  const auto later = std::to_string(clock.now().value / 1000 + 60);
  const std::string all = "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")";
  const std::string times = ";created=" + now + ";expires=" + later;
  const std::string nonce = ";nonce=\"0123456789abcdef\"";
  const std::string id = ";keyid=\"member-1\"";
  const auto with = [&](const std::string& text) {
    auto request = make();
    request.headers.set("Signature-Input", "sig1=" + text);
    const auto parameters = read_signature_input("sig1=" + text);
    if (parameters) request.headers.set("Signature", "sig1=:" + to_base64(key.sign(*signature_base(request, *parameters)).view()) + ":");
    return request;
  };
  ASSERT_TRUE(verify(with(all + times + nonce + id)));
  expect_refused(with("(\"@method\" \"@authority\" \"@path\" \"@query\")" + times + ";nonce=\"1123456789abcdef\"" + id), "no digest");
  expect_refused(with("(\"@method\" \"@path\" \"@query\" \"content-digest\")" + times + ";nonce=\"1123456789abcdef\"" + id),
                 "no authority");
  expect_refused(with(all + ";created=" + now + ";nonce=\"2123456789abcdef\"" + id), "no expires");
  expect_refused(
      with(all + ";created=" + now + ";expires=" + std::to_string(clock.now().value / 1000 + 301) + ";nonce=\"3123456789abcdef\"" + id),
      "too long");
  expect_refused(with(all + times + id), "no nonce");
  expect_refused(with(all + times + ";nonce=\"short\"" + id), "short nonce");
  expect_refused(with(all + times + ";nonce=\"4123456789abcdef\""), "no key id");
  expect_refused(with(all + times + ";nonce=\"5123456789abcdef\"" + id + ";alg=\"hmac-sha256\""), "algorithm");
}

TEST(SignatureInput, RefusesWhatIsNotCanonical) {
  for (const std::string bad : {"", "sig1", "sig1=", "sig1=()x", "sig1=(\"a\"  \"b\")", "sig1=(\"a\" \"a\")", "sig1=(\"A\")", "sig1=(a)",
                                "sig1=(\"a\";req)", "sig1=(\"a\");created=01", "sig1=(\"a\");created=1;created=2", "sig1=(\"a\");what=1",
                                "sig1=(\"a\"); created=1", "sig1=(\"a\"), sig2=(\"b\")", "sig1=(\"a\\\"\")", "Sig1=(\"a\")"}) {
    EXPECT_FALSE(read_signature_input(bad)) << bad;
  }
}

TEST(ReplayCacheBounds, FullIsBusyUntilSomethingExpires) {
  ReplayCache cache(8, 2);
  EXPECT_TRUE(cache.take("k", "1", 100, 0));
  EXPECT_TRUE(cache.take("k", "2", 200, 0));
  EXPECT_EQ(cache.take("k", "3", 300, 0).error().kind, ErrorKind::busy);
  EXPECT_TRUE(cache.take("other", "1", 300, 0));
  EXPECT_TRUE(cache.take("k", "3", 300, 100));
  EXPECT_EQ(cache.take("k", "2", 200, 100).error().kind, ErrorKind::conflict);
}

}  // namespace
}  // namespace careledger::edge::http
