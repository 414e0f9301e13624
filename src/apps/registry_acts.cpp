#include "apps/registry_acts.h"

#include "apps/config.h"
#include "base/clock.h"
#include "codec/fhir/instant.h"
#include "contracts/build.h"
#include "contracts/rules.h"
#include "exchange/refusal.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace http = edge::http;
namespace json = codec::json;
namespace registry = contracts::registry;

constexpr std::uint32_t kRowsMax = 100'000;

// "2027-01-31" as a day of the ledger; the licence ends when that day begins.
Result<std::uint32_t> day_in(const json::Value& order) {
  const auto begin = codec::fhir::parse_day(order.string_at("valid_to"));
  if (!begin || begin->value < 0) return fail(ErrorKind::invalid, "valid_to: expected a date like 2027-01-31");
  return contracts::day_of(*begin);
}

std::string date_of(std::uint32_t day) { return codec::fhir::format_instant({std::int64_t{day} * contracts::kDayMs}).substr(0, 10); }

Result<std::uint32_t> role_in(const json::Value& order) {
  const std::string_view wanted = order.string_at("role");
  std::string known;
  for (std::uint32_t role = 1; role <= static_cast<std::uint32_t>(registry::Role::instrument); ++role) {
    if (exchange::role_code(role) == wanted) return role;
    known += (known.empty() ? "" : ", ") + exchange::role_code(role);
  }
  return fail(ErrorKind::invalid, "role: expected one of " + known);
}

Result<Digest> holder_in(const json::Value& order) {
  const auto bytes = from_hex(order.string_at("holder"));
  const auto holder = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!holder) return fail(ErrorKind::invalid, "holder: expected 64 hex digits");
  return *holder;
}

Result<void> send(const AdminActs& acts, const build::Order& order) {
  CARELEDGER_CHECK(acts.begin());
  return put_on_ledger(acts, order.contract, order.payload);
}

http::Response holder_response(const Digest& holder) { return http::json(200, "{\"holder\":\"" + holder.hex() + "\"}"); }

json::Value organisations_of(json::Document& document, const kernel::Reader& state) {
  json::Value list = document.array();
  for (const auto& [key, row] : state.scan(registry::kOrganisations, Limit{kRowsMax})) {
    json::Value value = document.object();
    document.set(value, "name", document.string(row.name()));
    document.set(value, "id", document.string(to_hex(key.view().substr(1))));
    document.set(value, "kind", document.string(kind_name(row.kind())));
    const bool active = row.status() == static_cast<std::uint32_t>(registry::OrganisationStatus::active);
    document.set(value, "status", document.string(active ? "active" : "suspended"));
    document.append(list, value);
  }
  return list;
}

}  // namespace

Result<http::Response> list_registry(const OrganisationId& organisation, Ledger& ledger) {
  const replica::View view = ledger.replica().view();
  json::Document document;
  json::Value accredited = document.array();
  for (const auto& [key, row] : view.state().scan(registry::kAccreditations, Limit{kRowsMax})) {
    if (row.organisation() != organisation.view()) continue;
    json::Value value = document.object();
    document.set(value, "holder", document.string(to_hex(key.view().substr(1))));
    const bool device = row.kind() == static_cast<std::uint32_t>(registry::HolderKind::device);
    document.set(value, "kind", document.string(device ? "device" : "practitioner"));
    document.set(value, "role", document.string(exchange::role_code(row.role())));
    document.set(value, "valid_to", document.string(date_of(row.valid_to_day())));
    document.set(value, "revoked", document.boolean(row.revoked_height() != 0));
    document.append(accredited, value);
  }
  json::Value root = document.object();
  document.set(root, "organisations", organisations_of(document, view.state()));
  document.set(root, "accredited", accredited);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return http::json(200, json::compact(root));
}

Result<http::Response> accredit(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const std::uint32_t role, role_in(order));
  CARELEDGER_TRY(const std::uint32_t until, day_in(order));
  const std::string_view kind = order.string_at("kind");
  if (kind != "practitioner" && kind != "device") return fail(ErrorKind::invalid, "kind: expected practitioner or device");
  const Digest nonce = system_entropy().take_id<Digest>();
  const Digest holder = registry::holder_id(acts.organisation, nonce.view());
  entry.details = R"({"accredited":")" + holder.hex() + "\"}";
  CARELEDGER_CHECK(send(acts, build::accredit(nonce, kind == "device" ? registry::HolderKind::device : registry::HolderKind::practitioner,
                                              static_cast<registry::Role>(role), until)));
  return holder_response(holder);
}

Result<http::Response> renew(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const Digest holder, holder_in(order));
  CARELEDGER_TRY(const std::uint32_t until, day_in(order));
  entry.details = R"({"renewed":")" + holder.hex() + "\"}";
  CARELEDGER_CHECK(send(acts, build::renew(holder, until)));
  return holder_response(holder);
}

Result<http::Response> revoke(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const Digest holder, holder_in(order));
  entry.details = R"({"revoked":")" + holder.hex() + "\"}";
  CARELEDGER_CHECK(send(acts, build::revoke_accreditation(holder)));
  return holder_response(holder);
}

}  // namespace careledger::apps
