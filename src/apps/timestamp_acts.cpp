#include "apps/timestamp_acts.h"

#include "base/files.h"
#include "crypto/timestamp.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

using crypto::TimestampAuthority;
using vault::Purpose;

constexpr std::int64_t kDaysDefault = 3650;

http::Response answer_of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  json::Document document;
  json::Value root = document.object();
  for (const auto& [name, value] : fields) document.set(root, name, document.string(value));
  return http::json(200, json::compact(root));
}

bool is_true(const json::Value& order, std::string_view name) {
  const json::Value* value = order.find(name);
  return value != nullptr && value->boolean();
}

Result<int> days_in(const json::Value& order) {
  const json::Value* days = order.find("days");
  if (days == nullptr) return static_cast<int>(kDaysDefault);
  const std::string text(days->text());
  if (!days->is_number() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos)
    return fail(ErrorKind::invalid, "days: expected a whole number");
  return std::stoi(text);
}

struct AuthorityKey {
  crypto::Secret secret;
  bool made = false;  // and in no keystore yet
};
Result<AuthorityKey> key_for(const TimestampPlace& place, bool another) {
  if (another || !place.keys.holds(Purpose::timestamp)) return AuthorityKey{crypto::make_timestamp_key(place.entropy), true};
  CARELEDGER_TRY(crypto::Secret secret, place.keys.symmetric(Purpose::timestamp));
  return AuthorityKey{std::move(secret), false};
}

Result<void> keep(const TimestampPlace& place, const AuthorityKey& key) {
  return key.made ? place.keys.replace_symmetric(Purpose::timestamp, key.secret) : Result<void>{};
}

// Of a key that the keystore holds: whoever asks for the certificate must still have it when the certificate comes.
Result<http::Response> request(const AdminActs& acts, const TimestampPlace& place, bool another, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const AuthorityKey key, key_for(place, another));
  CARELEDGER_TRY(const Bytes text, crypto::timestamp_request(key.secret, place.organisation));
  entry.details = key.made ? R"({"key":"timestamp","act":"request","new_key":true})" : R"({"key":"timestamp","act":"request"})";
  CARELEDGER_CHECK(acts.begin());
  CARELEDGER_CHECK(keep(place, key));
  return answer_of({{"request", text}});
}

Result<http::Response> take_certificates(const AdminActs& acts, const TimestampPlace& place, const Bytes& certificates,
                                         const AuthorityKey& key, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const TimestampAuthority authority, TimestampAuthority::open(key.secret, certificates));
  CARELEDGER_TRY(const Bytes tried, authority.stamp({}, place.clock.now()));
  entry.details = key.made ? R"({"key":"timestamp","act":"certificate","new_key":true})" : R"({"key":"timestamp","act":"certificate"})";
  CARELEDGER_CHECK(acts.begin());
  CARELEDGER_CHECK(keep(place, key));
  CARELEDGER_CHECK(system_files().replace(place.certificates, authority.certificates()));
  return answer_of({{"certificate", authority.certificates()}});
}

Result<TimestampAuthority> open_authority(const TimestampPlace& place) {
  if (!place.keys.holds(Purpose::timestamp) || !system_files().exists(place.certificates))
    return fail(ErrorKind::not_found,
                "there is no time-stamp authority of " + place.organisation + " yet: careledger keys timestamp-authority makes it");
  CARELEDGER_TRY(const Bytes certificates, system_files().read_all(place.certificates, crypto::kTimestampCertificatesMax));
  CARELEDGER_TRY(const crypto::Secret key, place.keys.symmetric(Purpose::timestamp));
  return TimestampAuthority::open(key, certificates);
}

}  // namespace

Result<http::Response> set_up_timestamps(const AdminActs& acts, const TimestampPlace& place, const json::Value& order,
                                         vault::AuditEntry& entry) {
  entry.kind = vault::AuditKind::key_use;
  const bool another = is_true(order, "new_key");
  if (is_true(order, "request")) return request(acts, place, another, entry);
  if (order.find("certificate") != nullptr) {
    if (another || !place.keys.holds(Purpose::timestamp))
      return fail(ErrorKind::invalid, "a certificate is for a key that is there: ask for it with a request first");
    CARELEDGER_TRY(const AuthorityKey key, key_for(place, false));
    return take_certificates(acts, place, Bytes(order.string_at("certificate")), key, entry);
  }
  entry.details = R"({"key":"timestamp","act":"show"})";
  if (!another && order.find("days") == nullptr)
    if (const auto there = open_authority(place); there && there->stamp({}, place.clock.now()))
      return answer_of({{"certificate", there->certificates()}});
  CARELEDGER_TRY(const int days, days_in(order));
  CARELEDGER_TRY(const AuthorityKey key, key_for(place, another));
  CARELEDGER_TRY(const Bytes certificate, crypto::timestamp_certificate(key.secret, place.organisation, days, place.clock.now()));
  return take_certificates(acts, place, certificate, key, entry);
}

Result<http::Response> stamp_checkpoint(const AdminActs& acts, const TimestampPlace& place, vault::AuditEntry& entry) {
  entry.kind = vault::AuditKind::key_use;
  entry.details = R"({"key":"timestamp","act":"stamp"})";
  CARELEDGER_TRY(const TimestampAuthority authority, open_authority(place));
  CARELEDGER_TRY(const ordering::CheckpointKeeper::Witnessed log, acts.ledger.checkpoints().checkpoint(acts.ledger.replica().view()));
  const BlockTime now = place.clock.now();
  CARELEDGER_TRY(const Bytes token, authority.stamp(log.note, now));
  json::Document document;
  json::Value root = document.object();
  document.set(root, "note", document.string(log.note));
  document.set(root, "token", document.string(to_base64(token)));
  document.set(root, "certificates", document.string(authority.certificates()));
  document.set(root, "time_ms", document.number(now.value));
  return http::json(200, json::compact(root));
}

}  // namespace careledger::apps
