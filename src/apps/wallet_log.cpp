#include <fmt/format.h>

#include <map>

#include "apps/wallet.h"
#include "base/printable.h"
#include "codec/fhir/instant.h"
#include "vault/audit_entry.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

const char* name_of_outcome(vault::AuditOutcome outcome) {
  switch (outcome) {
    case vault::AuditOutcome::done: return "done";
    case vault::AuditOutcome::refused: return "refused";
    case vault::AuditOutcome::failed: return "failed";
  }
  return "unknown";
}

Result<std::vector<Access>> accesses_in(const ListWalk::Part& part, const std::map<std::string, std::string>& organisations) {
  std::vector<Access> out;
  for (const proof::AuditOpening& opening : part.claim.openings) {
    const auto entry = vault::read_entry_bytes(opening.entry);
    if (!entry) return fail(ErrorKind::corrupt, "the node's list of accesses: an entry does not read");
    Access access;
    access.time = {static_cast<std::int64_t>(part.places[opening.row].time_ms)};
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

Result<AccessLog> read_log(WalletFile& file, const LogOrder& order, const EachPart& each) {
  Wallet& wallet = file.wallet();
  CARELEDGER_TRY(const auto node, WalletNode::connect(order.node, order.certificate, wallet));
  CARELEDGER_TRY(WalletKey * key, key_for(wallet, *node));
  CARELEDGER_TRY(const json::Document list, node->get("/ledger/v1/organisations"));
  std::map<std::string, std::string> organisations;
  for (const json::Value& one : list.root().items()) organisations[std::string(one.string_at("id"))] = one.string_at("name");

  AccessLog log;
  ListWalk walk(node->trust(), node->organisation(), order.range);
  while (!walk.done()) {
    CARELEDGER_TRY(const http::Response response, node->as_patient(*key, http::Method::get, walk.target()));
    CARELEDGER_TRY(const ListWalk::Part part, walk.take(response.body, *key));
    AccessPart shown{walk.parts(), walk.done(), {}, response.body};
    CARELEDGER_TRY(shown.accesses, accesses_in(part, organisations));
    CARELEDGER_CHECK(each(shown));
    log.head_size = part.report.head.size();
    log.head_height = part.report.height.value;
    log.as_of = part.report.as_of.value;
    log.witnesses = part.report.witnesses;
    log.witnesses_known = part.report.witnesses_known;
    log.signers = part.report.signers;
  }
  log.organisation = node->name();
  log.entries = walk.entries();
  log.parts = walk.parts();
  CARELEDGER_CHECK(node->cosign(file, *key));
  return log;
}

}  // namespace careledger::apps
