#include <fmt/format.h>

#include <map>

#include "apps/wallet.h"
#include "base/printable.h"
#include "codec/fhir/instant.h"
#include "proof/verify.h"
#include "vault/audit_entry.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

tl::unexpected<Error> broken(const std::string& what) { return fail(ErrorKind::corrupt, "the node's list of accesses: " + what); }

const char* name_of_outcome(vault::AuditOutcome outcome) {
  switch (outcome) {
    case vault::AuditOutcome::done: return "done";
    case vault::AuditOutcome::refused: return "refused";
    case vault::AuditOutcome::failed: return "failed";
  }
  return "unknown";
}

// Neither another organisation's list, nor an older one than this wallet has seen, nor the same size with other content.
Result<void> judge(const proof::Report& report, const WalletKey& key, const std::string& organisation) {
  if (report.kind != proof::ClaimKind::access_list) return broken("not a list of accesses");
  if (report.organisation.hex() != organisation) return broken("of another organisation");
  if (report.opened != report.entries) return broken("some of its entries stay closed");
  if (report.head.size() < key.head_size || report.as_of.value < key.as_of) return broken("older than one this wallet has seen");
  if (report.head.size() == key.head_size && to_hex(report.head.map_root()) != key.head_root)
    return broken("rewritten since this wallet last saw it");
  return {};
}

Result<std::vector<Access>> accesses_in(const Bytes& bytes, const proof::Report& report,
                                        const std::map<std::string, std::string>& organisations) {
  CARELEDGER_TRY(const proof::Bundle bundle, proof::decode_bundle(bytes));
  const auto& claim = std::get<proof::AccessClaim>(bundle.claim);
  CARELEDGER_TRY(const proof::MapView list, proof::MapView::verify(claim.list, *Digest::from(report.head.map_root())));
  CARELEDGER_TRY(const auto rows, list.range(report.subject.view(), proof::prefix_end(report.subject.view())));
  std::vector<Access> out;
  for (const proof::AuditOpening& opening : claim.openings) {
    const auto entry = vault::read_entry_bytes(opening.entry);
    if (!entry) return broken("an entry does not read");
    ByteView place = ByteView(rows[opening.row].key).substr(32);
    Access access;
    access.time = {static_cast<std::int64_t>(*take_u64(place))};
    access.kind = vault::name_of(entry->kind);
    access.outcome = name_of_outcome(entry->outcome);
    const auto known = organisations.find(entry->organisation);
    access.organisation = known == organisations.end() ? entry->organisation : known->second;
    access.actor = entry->actor;
    access.purpose = entry->purpose;
    if (!entry->resource_type.empty())
      access.resource = entry->resource_type + (entry->resource_id.empty() ? "" : "/" + entry->resource_id);
    access.details = opening.details;
    out.push_back(std::move(access));
  }
  return out;
}

std::string reason_in(const std::string& details) {
  const auto document = json::parse(details);
  if (!document) return {};
  for (const std::string_view name : {"reason", "refused", "failed"})
    if (const std::string_view text = document->root().string_at(name); !text.empty()) return std::string(text);
  return {};
}

}  // namespace

std::string Access::sentence() const {
  std::string what = kind;
  if (kind == "release") {
    what = "released to " + organisation;
    const auto document = json::parse(details);
    if (document) what += fmt::format(" ({} records)", number_at(document->root(), "records"));
  } else if (kind == "refusal") {
    const std::string reason = reason_in(details);
    what = "refused" + (organisation.empty() ? "" : " to " + organisation) + (reason.empty() ? "" : ": " + reason);
  } else {
    if (!resource.empty()) what += " of " + resource;
    if (outcome != "done") what += ", " + outcome + (reason_in(details).empty() ? "" : ": " + reason_in(details));
  }
  return printable(fmt::format("{}  {}; by {}, purpose {}", codec::fhir::format_instant(time), what, actor.empty() ? "nobody named" : actor,
                               purpose.empty() ? "not stated" : purpose));
}

Result<AccessLog> read_log(WalletFile& file, const std::string& origin, const std::string& certificate) {
  Wallet& wallet = file.wallet();
  CARELEDGER_TRY(const auto node, WalletNode::connect(origin, certificate, wallet));
  CARELEDGER_TRY(WalletKey * key, key_for(wallet, *node));
  CARELEDGER_TRY(const http::Response response, node->as_patient(*key, http::Method::get, "/patient/v1/accesses"));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(wallet.trust));
  CARELEDGER_TRY(const proof::Report report, proof::verify(response.body, trust));
  CARELEDGER_CHECK(judge(report, *key, node->organisation()));
  CARELEDGER_CHECK(key->pin_subject(report.subject.hex()));
  CARELEDGER_TRY(const json::Document list, node->get("/ledger/v1/organisations"));
  std::map<std::string, std::string> organisations;
  for (const json::Value& one : list.root().items()) organisations[std::string(one.string_at("id"))] = one.string_at("name");
  AccessLog log;
  CARELEDGER_TRY(log.accesses, accesses_in(response.body, report, organisations));
  log.organisation = node->name();
  log.head_size = key->head_size = report.head.size();
  log.as_of = key->as_of = report.as_of.value;
  log.head_height = report.height.value;
  log.witnesses = report.witnesses;
  log.witnesses_known = report.witnesses_known;
  log.signers = report.signers;
  key->head_root = to_hex(report.head.map_root());
  log.proof = response.body;
  CARELEDGER_CHECK(node->cosign(file, *key));
  return log;
}

}  // namespace careledger::apps
