#include "apps/act_record.h"

#include "codec/json/json.h"

namespace careledger::apps {
namespace {

namespace json = codec::json;

Result<void> record_in_all(Node& node, vault::AuditKind kind, const Bytes& details, vault::AuditOutcome outcome) {
  for (const auto& organisation : node.organisations()) CARELEDGER_CHECK(record_act(organisation->audit(), kind, details, outcome));
  return {};
}

}  // namespace

Result<void> record_act(vault::AuditMap& audit, vault::AuditKind kind, Bytes details, vault::AuditOutcome outcome) {
  vault::AuditEntry entry;
  entry.kind = kind;
  entry.outcome = outcome;
  entry.actor = "Device/command-line";
  entry.role = "administrator";
  entry.details = std::move(details);
  CARELEDGER_CHECK(audit.append_and_wait(std::move(entry)));
  return {};
}

Result<void> record_around(Node& node, vault::AuditKind kind, const Bytes& details, const std::function<Result<void>()>& act) {
  CARELEDGER_CHECK(record_in_all(node, kind, begun(details), vault::AuditOutcome::done));
  const Result<void> acted = act();
  const Result<void> recorded = record_in_all(node, kind, details, acted ? vault::AuditOutcome::done : outcome_of(acted.error()));
  return acted ? recorded : acted;
}

vault::AuditOutcome outcome_of(const Error& error) {
  return error.kind == ErrorKind::forbidden ? vault::AuditOutcome::refused : vault::AuditOutcome::failed;
}

Bytes act_details(const std::string& what, const std::string& about) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, what, document.string(about));
  return json::compact(root);
}

Bytes begun(const Bytes& details) {
  auto document = json::parse(details);
  CARELEDGER_ASSERT(document.has_value());  // the act has described itself
  document->set(document->root(), "begun", document->boolean(true));
  return json::compact(document->root());
}

}  // namespace careledger::apps
