#include "apps/admin_acts.h"

#include <algorithm>
#include <charconv>

#include "contracts/build.h"
#include "contracts/records/records.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace http = edge::http;
namespace json = codec::json;
namespace records = contracts::records;

constexpr std::size_t kReasonMax = 1000;
constexpr std::uint32_t kPageSize = 100;

Result<std::uint32_t> version_in(const json::Value& order) {
  const json::Value* value = order.find("version");
  if (value == nullptr) return 0;
  std::uint32_t version = 0;
  const std::string_view text = value->text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (!value->is_number() || error != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::invalid, "version: expected a number, 0 for all of them");
  return version;
}

Bytes details_of(std::string_view name, std::string_view value) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, name, document.string(value));
  return json::compact(root);
}

// The versions that the order is about, 0 for all that hold something; adds whose record they are to `patients`.
Result<std::vector<std::uint32_t>> versions_of(const vault::View& view, const vault::AuditEntry& entry,
                                               std::vector<std::string>& patients) {
  std::vector<std::uint32_t> wanted;
  std::uint32_t before = entry.version == 0 ? 0 : entry.version + 1;
  for (bool more = true; more;) {
    CARELEDGER_TRY(const auto page, view.history(entry.resource_type, entry.resource_id, before, kPageSize));
    for (const vault::Version& version : page) {
      before = version.meta.version;
      if (version.meta.deleted || (entry.version != 0 && version.meta.version != entry.version)) continue;
      wanted.push_back(version.meta.version);
      for (const std::string& patient : version.meta.patients)
        if (std::find(patients.begin(), patients.end(), patient) == patients.end()) patients.push_back(patient);
    }
    more = entry.version == 0 && page.size() == kPageSize;
  }
  if (wanted.empty()) return fail(ErrorKind::not_found, "there is no such version that holds anything");
  return wanted;
}

Result<void> tell_of(const AdminActs& acts, const Digest& commitment) {
  const auto known = acts.ledger.replica().view().state().get(records::kExceptions, records::exception_id(acts.organisation, commitment));
  if (known && known->status() == static_cast<std::uint32_t>(records::ExceptionStatus::erased)) return {};
  const build::Order order = build::erase(commitment);
  return put_on_ledger(acts, order.contract, order.payload);
}

}  // namespace

Result<void> put_on_ledger(const AdminActs& acts, ContractId contract, Bytes payload) {
  CARELEDGER_TRY(Bytes command, acts.signer.sign(contract, std::move(payload)));
  CARELEDGER_CHECK(acts.ledger.submit_and_wait(acts.organisation, std::move(command)));
  return {};
}

Result<void> tell_of_erasures(const AdminActs& acts) {
  CARELEDGER_TRY(const auto untold, acts.vault.untold_erasures());
  for (const vault::Vault::UntoldErasure& one : untold) {
    CARELEDGER_CHECK(tell_of(acts, one.commitment));
    CARELEDGER_CHECK(acts.vault.erasure_told(one.number));
  }
  return {};
}

Result<http::Response> erase(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry,
                             std::vector<std::string>& patients) {
  const std::string_view reason = order.string_at("reason");
  entry.kind = vault::AuditKind::erase;
  entry.resource_type = order.string_at("type");
  entry.resource_id = order.string_at("id");
  if (reason.empty() || reason.size() > kReasonMax) return fail(ErrorKind::invalid, "an erasure has a reason of 1 to 1000 bytes");
  CARELEDGER_TRY(entry.version, version_in(order));
  entry.details = details_of("reason", reason);
  CARELEDGER_TRY(const bool held, acts.vault.legal_hold(entry.resource_type, entry.resource_id));
  CARELEDGER_TRY(const std::vector<std::uint32_t> versions, versions_of(acts.vault.view(), entry, patients));
  if (held) return fail(ErrorKind::forbidden, "the resource is under a legal hold: lift it first, with the right to do so");
  CARELEDGER_CHECK(acts.begin());
  json::Document document;
  json::Value erased = document.array();
  for (const std::uint32_t version : versions) {
    CARELEDGER_CHECK(acts.vault.erase(entry.resource_type, entry.resource_id, version));
    document.append(erased, document.number(std::int64_t{version}));
  }
  if (const auto told = tell_of_erasures(acts); !told)
    return fail(told.error().kind, "erased here; the ledger is told at the next start, it refused now: " + told.error().message);
  json::Value root = document.object();
  document.set(root, "erased", erased);
  return http::json(200, json::compact(root));
}

Result<http::Response> hold(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry, std::vector<std::string>& patients) {
  entry.resource_type = order.string_at("type");
  entry.resource_id = order.string_at("id");
  const json::Value* held = order.find("held");
  if (held == nullptr || !held->is_boolean()) return fail(ErrorKind::invalid, "held: expected true or false");
  entry.details = held->boolean() ? R"({"legalHold":true})" : R"({"legalHold":false})";
  CARELEDGER_TRY(const vault::VersionMeta meta, acts.vault.view().read_meta(entry.resource_type, entry.resource_id));
  patients = meta.patients;
  CARELEDGER_CHECK(acts.begin());
  CARELEDGER_CHECK(acts.vault.set_legal_hold(entry.resource_type, entry.resource_id, held->boolean()));
  return http::json(200, held->boolean() ? R"({"held":true})" : R"({"held":false})");
}

}  // namespace careledger::apps
