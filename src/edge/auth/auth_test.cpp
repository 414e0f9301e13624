#include <gtest/gtest.h>

#include <thread>

#include "edge/auth/token.h"

namespace careledger::edge::auth {
namespace {

using namespace std::chrono_literals;

const OrganisationId kHome = *OrganisationId::from(std::string(32, 'h'));
const OrganisationId kElsewhere = *OrganisationId::from(std::string(32, 'e'));

class TokenTest : public ::testing::Test {
 protected:
  Principal clinician() const {
    Principal principal;
    principal.organisation = kHome;
    principal.actor = "Practitioner/17";
    principal.scopes = {"user/Observation.rs", "user/Patient.r"};
    return principal;
  }
  std::string issue(const Principal& principal, std::chrono::seconds life = 600s) {
    const auto token = issue_token(key, principal, life, clock, entropy);
    EXPECT_TRUE(token) << token.error().message;
    return token.value_or("");
  }
  // A token with the given claims, rightly signed: for what issue_token would never make.
  std::string sign(const std::string& header, const std::string& claims) const {
    auto token = to_base64url(header) + '.' + to_base64url(claims);
    return token + '.' + to_base64url(key.sign(token).view());
  }
  Result<TokenClaims> verify(const std::string& token) const { return verify_token(token, kHome, keys, clock); }
  static http::Request with(const std::string& field) {
    http::Request request;
    request.headers.add("Authorization", field);
    return request;
  }

  ManualClock clock;
  SeededEntropy entropy{7};
  crypto::SigningKey key = crypto::SigningKey::generate(entropy);
  std::vector<crypto::PublicKey> keys{key.public_key()};
};

TEST_F(TokenTest, CarriesThePrincipal) {
  auto principal = clinician();
  principal.emergency = true;
  principal.purpose = "ETREAT";
  const auto claims = verify(issue(principal));
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->principal.organisation, kHome);
  EXPECT_EQ(claims->principal.actor, "Practitioner/17");
  EXPECT_EQ(claims->principal.role, Role::clinician);
  EXPECT_EQ(claims->principal.purpose, "ETREAT");
  EXPECT_EQ(claims->principal.scopes, principal.scopes);
  EXPECT_TRUE(claims->principal.emergency);
  EXPECT_EQ(claims->expires.value, (clock.now().value / 1000 + 600) * 1000);
}

TEST_F(TokenTest, EveryChangedCharacterIsRefused) {
  const auto token = issue(clinician());
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto claims = verify(changed);
    ASSERT_FALSE(claims) << i;
    EXPECT_EQ(claims.error().kind, ErrorKind::unauthenticated);
  }
  EXPECT_FALSE(verify(""));
  EXPECT_FALSE(verify(token + "A"));
  EXPECT_FALSE(verify(token.substr(0, token.rfind('.'))));
}

TEST_F(TokenTest, LivesNoLongerThanItSays) {
  const auto token = issue(clinician(), 60s);
  clock.advance_ms(59'000);
  EXPECT_TRUE(verify(token));
  clock.advance_ms(1'000);
  EXPECT_FALSE(verify(token));
  EXPECT_FALSE(issue_token(key, clinician(), 3601s, clock, entropy));
  EXPECT_FALSE(issue_token(key, clinician(), 0s, clock, entropy));
}

TEST_F(TokenTest, HoldsForOneOrganisationAndItsKeysOnly) {
  const auto token = issue(clinician());
  EXPECT_FALSE(verify_token(token, kElsewhere, keys, clock));
  const std::vector<crypto::PublicKey> others{crypto::SigningKey::generate(entropy).public_key()};
  EXPECT_FALSE(verify_token(token, kHome, others, clock));
  EXPECT_FALSE(verify_token(token, kHome, {}, clock));
}

TEST_F(TokenTest, RefusesSignedNonsense) {
  const std::string header = R"({"alg":"EdDSA","typ":"at+jwt"})";
  const auto now = clock.now().value / 1000;
  const auto times = [&](std::int64_t iat, std::int64_t exp) {
    return ",\"iat\":" + std::to_string(iat) + ",\"exp\":" + std::to_string(exp);
  };
  const std::string who = "{\"iss\":\"" + kHome.hex() + R"(","sub":"a","role":"system","purpose":"TREAT","jti":"j")";
  const std::string good = times(now, now + 60);
  ASSERT_TRUE(verify(sign(header, who + good + "}")));
  EXPECT_FALSE(verify(sign(R"({"alg":"none","typ":"at+jwt"})", who + good + "}")));
  EXPECT_FALSE(verify(sign(R"({"typ":"at+jwt","alg":"EdDSA"})", who + good + "}")));
  for (const std::string& claims :
       {who + "}", who + good + R"(,"sub":"b"})", who + good + R"(,"admin":true})", who + good + R"(,"emergency":true})",
        who + good + R"(,"emergency":"yes"})", who + good + R"(,"patient":"p"})", who + times(now, now + 3601) + "}",
        who + times(now, now) + "}", who + times(now + 61, now + 100) + "}", who + R"(,"iat":1.5,"exp":2})",
        who + R"(,"iat":"1","exp":"2"})", std::string("[]"), std::string("{"), std::string("")}) {
    EXPECT_FALSE(verify(sign(header, claims))) << claims;
  }
}

TEST_F(TokenTest, IssuesOnlyWhatItWouldTake) {
  auto nobody = clinician();
  nobody.actor = "";
  EXPECT_FALSE(issue_token(key, nobody, 60s, clock, entropy));
  auto stray = clinician();
  stray.compartment = "p1";
  EXPECT_FALSE(issue_token(key, stray, 60s, clock, entropy));
  Principal patient;
  patient.role = Role::patient;
  patient.actor = "Patient/p1";
  EXPECT_FALSE(issue_token(key, patient, 60s, clock, entropy));
  patient.compartment = "p1";
  patient.emergency = true;
  EXPECT_FALSE(issue_token(key, patient, 60s, clock, entropy));
}

TEST_F(TokenTest, AuthenticatesTheBearer) {
  const Authenticator authenticator(kHome, keys, clock);
  const auto token = issue(clinician());
  for (int i = 0; i < 3; ++i) {  // from the signature, then from memory
    const auto principal = authenticator.authenticate(with("Bearer " + token));
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal->actor, "Practitioner/17");
  }
  clock.advance_ms(601'000);
  EXPECT_FALSE(authenticator.authenticate(with("Bearer " + token)));
}

TEST_F(TokenTest, AsksForATokenAndSaysWhatWasWrong) {
  const Authenticator authenticator(kHome, keys, clock);
  const auto none = authenticator.authenticate(http::Request{});
  ASSERT_FALSE(none);
  EXPECT_EQ(refusal(none.error()).status, 401);
  EXPECT_EQ(refusal(none.error()).headers.get("WWW-Authenticate"), "Bearer realm=\"careledger\"");
  for (const std::string field : {"Basic YTpi", "Bearer", "Bearer x", "Bearer a.b.c"}) {
    const auto bad = authenticator.authenticate(with(field));
    ASSERT_FALSE(bad) << field;
    EXPECT_EQ(refusal(bad.error()).status, 401);
    EXPECT_EQ(refusal(bad.error()).headers.count("WWW-Authenticate"), 1u);
    EXPECT_NE(challenge(bad.error()).find("invalid_token"), std::string::npos);
  }
  auto twice = with("Bearer " + issue(clinician()));
  twice.headers.add("Authorization", "Bearer " + issue(clinician()));
  EXPECT_FALSE(authenticator.authenticate(twice));
}

TEST_F(TokenTest, ForgetsWhatAnOldKeyLetIn) {
  Authenticator authenticator(kHome, keys, clock);
  const auto token = "Bearer " + issue(clinician());
  ASSERT_TRUE(authenticator.authenticate(with(token)));
  authenticator.set_keys({crypto::SigningKey::generate(entropy).public_key()});
  EXPECT_FALSE(authenticator.authenticate(with(token)));
}

TEST_F(TokenTest, RemembersBoundedlyAndFromManyThreads) {
  const Authenticator authenticator(kHome, keys, clock, 32);
  std::vector<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.push_back("Bearer " + issue(clinician()));
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const auto& token : tokens) right += authenticator.authenticate(with(token)).has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

// ---- permit ----

Principal as(Role role) {
  Principal principal;
  principal.role = role;
  principal.actor = "a";
  if (role == Role::patient) principal.compartment = "p1";
  return principal;
}

TEST(Permit, FollowsItsTable) {
  const std::vector<std::string> own{"p1"};
  using enum Action;
  const std::vector<Action> all{read,        search,   history,     create, update,     remove,
                                transaction, retrieve, export_data, prove,  read_audit, administrate};
  const auto allowed = [&](Role role) {
    std::string out;
    for (const auto action : all) {
      if (permit(as(role), action, {"Observation", "1", own})) out += std::string(name_of(action)) + ' ';
    }
    return out;
  };
  EXPECT_EQ(allowed(Role::clinician), "read search history create update delete transaction retrieve export prove ");
  EXPECT_EQ(allowed(Role::system), allowed(Role::clinician));
  EXPECT_EQ(allowed(Role::patient), "read search history export prove read-audit ");
  EXPECT_EQ(allowed(Role::auditor), "prove read-audit ");
  EXPECT_EQ(allowed(Role::administrator), "administrate ");
}

TEST(Permit, KeepsPatientsInTheirCompartment) {
  const std::vector<std::string> two{"p0", "p1"};
  const std::vector<std::string> other{"p2"};
  EXPECT_TRUE(permit(as(Role::patient), Action::read, {"Observation", "1", two}));
  const auto refused = permit(as(Role::patient), Action::read, {"Observation", "1", other});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
  EXPECT_EQ(refused.error().message.find("p2"), std::string::npos);
  EXPECT_FALSE(permit(as(Role::patient), Action::search, {"Observation", "", {}}));
  EXPECT_FALSE(permit(as(Role::patient), Action::read, {"Bundle", "1", two})) << "it may carry others' records";
  auto nameless = as(Role::patient);
  nameless.compartment = "";
  const std::vector<std::string> empty{""};
  EXPECT_FALSE(permit(nameless, Action::read, {"Observation", "1", empty}));
}

TEST(Permit, AuditEventsAreReadAsAuditAndWrittenByNobody) {
  EXPECT_TRUE(permit(as(Role::auditor), Action::search, {"AuditEvent", "", {}}));
  EXPECT_FALSE(permit(as(Role::clinician), Action::read, {"AuditEvent", "1", {}}));
  EXPECT_FALSE(permit(as(Role::system), Action::create, {"AuditEvent", "", {}}));
}

TEST(Permit, ScopesOnlyTakeAway) {
  auto narrow = as(Role::clinician);
  narrow.scopes = {"user/Observation.rs", "user/Condition.read", "user/Encounter.cu"};
  EXPECT_TRUE(permit(narrow, Action::read, {"Observation", "1", {}}));
  EXPECT_TRUE(permit(narrow, Action::search, {"Condition", "", {}}));
  EXPECT_TRUE(permit(narrow, Action::create, {"Encounter", "", {}}));
  EXPECT_TRUE(permit(narrow, Action::transaction, {"", "", {}}));
  EXPECT_FALSE(permit(narrow, Action::create, {"Observation", "", {}}));
  EXPECT_FALSE(permit(narrow, Action::read, {"Patient", "1", {}}));
  EXPECT_FALSE(permit(narrow, Action::remove, {"Encounter", "1", {}}));
  for (const char* odd : {"user/Observation.s?category=laboratory", "user/Observation.sr", "user/Observation.", "user/Observation.rr"}) {
    narrow.scopes = {odd};  // what is not understood covers nothing
    EXPECT_FALSE(permit(narrow, Action::search, {"Observation", "", {}})) << odd;
    EXPECT_FALSE(permit(narrow, Action::read, {"Observation", "", {}})) << odd;
    EXPECT_FALSE(permit(narrow, Action::create, {"Observation", "", {}})) << odd;
  }
  auto wide = as(Role::administrator);
  wide.scopes = {"system/*.cruds"};
  EXPECT_FALSE(permit(wide, Action::read, {"Patient", "1", {}}));
}

}  // namespace
}  // namespace careledger::edge::auth
