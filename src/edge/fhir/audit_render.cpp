#include "edge/fhir/audit_render.h"

#include "codec/fhir/instant.h"
#include "codec/fhir/reference.h"
#include "codec/json/json.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

using vault::AuditKind;
using vault::AuditOutcome;

struct Shown {
  const char* interaction;  // of http://hl7.org/fhir/restful-interaction; null: not a REST interaction
  const char* action;       // of http://hl7.org/fhir/audit-event-action
};

Shown shown(AuditKind kind) {
  switch (kind) {
    case AuditKind::read: return {"read", "R"};
    case AuditKind::vread: return {"vread", "R"};
    case AuditKind::search: return {"search-type", "E"};
    case AuditKind::history: return {"history-instance", "R"};
    case AuditKind::create: return {"create", "C"};
    case AuditKind::update: return {"update", "U"};
    case AuditKind::remove: return {"delete", "D"};
    case AuditKind::transaction: return {"transaction", "E"};
    case AuditKind::release:
    case AuditKind::refusal:
    case AuditKind::retrieve:
    case AuditKind::export_data:
    case AuditKind::prove:
    case AuditKind::read_audit:
    case AuditKind::break_glass: return {nullptr, "R"};
    case AuditKind::backup:
    case AuditKind::restore:
    case AuditKind::key_use:
    case AuditKind::configuration:
    case AuditKind::failed_login:
    case AuditKind::erase:
    case AuditKind::start:
    case AuditKind::stop:
    case AuditKind::check: return {nullptr, "E"};
  }
  return {nullptr, "E"};  // a kind of a newer program
}

std::string kind_name(AuditKind kind) {
  const char* name = vault::name_of(kind);
  return name != nullptr && *name != '\0' ? name : "kind-" + std::to_string(static_cast<unsigned>(kind));
}

const char* outcome_code(AuditOutcome outcome) {
  switch (outcome) {
    case AuditOutcome::done: return "0";
    case AuditOutcome::refused: return "4";
    case AuditOutcome::failed: return "8";
  }
  return "12";
}

void append_coding(Bytes& out, std::string_view system, std::string_view code) {
  out += '{';
  append_member(out, "system", system);
  append_member(out, "code", code);
  out += '}';
}

void append_identifier(Bytes& out, std::string_view system, std::string_view value) {
  out += "{\"identifier\":{";
  append_member(out, "system", system);
  append_member(out, "value", value);
  out += "}}";
}

void append_type(Bytes& out, AuditKind kind) {
  const Shown as = shown(kind);
  out += ",\"type\":";
  if (as.interaction == nullptr) {
    append_coding(out, "https://careledger.example/fhir/CodeSystem/audit-kind", kind_name(kind));
  } else {
    append_coding(out, "http://terminology.hl7.org/CodeSystem/audit-event-type", "rest");
    out += ",\"subtype\":[";
    append_coding(out, "http://hl7.org/fhir/restful-interaction", as.interaction);
    out += ']';
  }
  append_member(out, "action", as.action);
}

void append_agent(Bytes& out, const vault::AuditEntry& entry) {
  out += ",\"agent\":[{";
  if (!entry.role.empty()) {
    out += "\"role\":[{\"coding\":[";
    append_coding(out, "https://careledger.example/fhir/CodeSystem/role", entry.role);
    out += "]}],";
  }
  out += "\"who\":";
  const auto who = codec::fhir::read_reference(entry.actor);
  if (who.form == codec::fhir::ReferenceForm::relative) {
    out += '{';
    append_member(out, "reference", entry.actor);
    out += '}';
  } else {
    append_identifier(out, "urn:careledger:actor", entry.actor.empty() ? "unknown" : entry.actor);
  }
  out += ",\"requestor\":true}";
  if (!entry.organisation.empty()) {
    out += ",{\"who\":";
    append_identifier(out, "urn:careledger:organisation", entry.organisation);
    out += ",\"requestor\":false}";
  }
  out += ']';
}

void append_entity(Bytes& out, const vault::AuditEntry& entry) {
  if (entry.resource_id.empty() && entry.details.empty()) return;
  out += ",\"entity\":[{";
  if (!entry.resource_id.empty()) {
    std::string reference = entry.resource_type + '/' + entry.resource_id;
    if (entry.version != 0) reference += "/_history/" + std::to_string(entry.version);
    out += "\"what\":{";
    append_member(out, "reference", reference);
    out += '}';
  }
  if (!entry.details.empty()) {
    if (out.back() == '}') out += ',';
    out += "\"detail\":[{\"type\":\"details\",\"valueString\":";
    codec::json::append_string(out, entry.details);
    out += "}]";
  }
  out += "}]";
}

}  // namespace

Bytes audit_event(const vault::OpenedEntry& opened, OrganisationId organisation, std::string_view organisation_name) {
  const vault::AuditEntry& entry = opened.entry;
  const std::string time = codec::fhir::format_instant(opened.recorded.time);
  Bytes out = R"({"resourceType":"AuditEvent")";
  append_member(out, "id", std::to_string(opened.recorded.index));
  out += R"(,"meta":{"versionId":"1")";
  append_member(out, "lastUpdated", time);
  out += '}';
  append_type(out, entry.kind);
  append_member(out, "recorded", time);
  append_member(out, "outcome", outcome_code(entry.outcome));
  if (!entry.purpose.empty()) {
    out += ",\"purposeOfEvent\":[{\"coding\":[";
    append_coding(out, "http://terminology.hl7.org/CodeSystem/v3-ActReason", entry.purpose);
    out += "]}]";
  }
  append_agent(out, entry);
  out += ",\"source\":{\"observer\":{\"identifier\":{";
  append_member(out, "system", "urn:careledger:organisation");
  append_member(out, "value", organisation.hex());
  out += '}';
  if (!organisation_name.empty()) append_member(out, "display", organisation_name);
  out += "}}";
  append_entity(out, entry);
  return out += '}';
}

}  // namespace careledger::edge::fhir
