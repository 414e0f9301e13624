// AuditEvent: the audit map, rendered on reading. Entries never change and their order is that of time, so an index is a stable page.
#include <algorithm>

#include "codec/fhir/reference.h"
#include "edge/fhir/audit_render.h"
#include "edge/fhir/search_value.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"
#include "edge/http/response_writer.h"

namespace careledger::edge::fhir {
namespace {

using codec::fhir::Interval;
using vault::OpenedEntry;

struct AuditSearch {
  std::optional<std::string> patient{};
  Interval time{codec::fhir::kStartOfTime, codec::fhir::kEndOfTime};  // recorded lies in [low, high)
  std::optional<std::uint64_t> id{};
  std::uint32_t rows = 50;
  std::uint64_t from = 0;  // index of the first to look at
  std::vector<http::Parameter> applied{};
};

std::optional<std::uint64_t> index_of(std::string_view id) {
  if (id == "0") return 0;
  std::uint64_t value = 0;
  if (id.empty() || id.size() > 18 || id.front() == '0') return std::nullopt;
  for (const char c : id) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

tl::unexpected<Failure> bad(const std::string& name, const char* text) {
  return tl::make_unexpected(failure(400, "invalid", name + ": " + text, "http." + name));
}

Outcome<void> narrow(Interval& time, std::string_view value) {
  const std::string prefix(value.substr(0, 2));
  const bool has_prefix = !value.empty() && value.front() >= 'a' && value.front() <= 'z';
  std::string text(has_prefix ? value.substr(2) : value);
  if (text.size() > 19) std::ranges::replace(text, ' ', '+');
  const auto sought = codec::fhir::interval_of(text);
  if (!sought) return bad("date", "the value must be a date or time with an optional prefix");
  if (!has_prefix || prefix == "eq") time = {std::max(time.low, sought->low), std::min(time.high, sought->high)};
  else if (prefix == "ge") time.low = std::max(time.low, sought->low);
  else if (prefix == "gt" || prefix == "sa") time.low = std::max(time.low, sought->high);
  else if (prefix == "le") time.high = std::min(time.high, sought->high);
  else if (prefix == "lt" || prefix == "eb") time.high = std::min(time.high, sought->low);
  else return bad("date", "this prefix is not offered here");
  return {};
}

Outcome<void> read_patient(AuditSearch& search, const std::string& value) {
  const auto read = codec::fhir::read_reference(value);
  const bool whole = read.form == codec::fhir::ReferenceForm::relative && read.type == "Patient";
  const std::string id(whole ? read.id : codec::fhir::is_id(value) ? std::string_view(value) : std::string_view());
  if (id.empty()) return bad("patient", "the value must be a Patient's id");
  search.patient = id;
  return {};
}

Outcome<AuditSearch> read_request(const State& state, const Call& call) {
  AuditSearch search;
  search.rows = state.config.page_rows;
  for (const http::Parameter& one : call.request.query) {
    if (is_form_parameter(one.name)) continue;
    const auto number = index_of(one.value);
    Outcome<void> done;
    if (one.name == "patient") done = read_patient(search, one.value);
    else if (one.name == "date") done = narrow(search.time, one.value);
    else if (one.name == "_count" && number && *number > 0)
      search.rows = static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, state.config.page_rows_max));
    else if (one.name == "_id" && number) search.id = *number;
    else if (one.name == "_page" && number) search.from = *number;
    else if (one.name == "_count" || one.name == "_id" || one.name == "_page") return bad(one.name, "the value must be a number");
    else if (call.form.lenient) continue;
    else return tl::make_unexpected(failure(400, "not-supported", "AuditEvent is searched by patient, date and _id", "http.query"));
    if (!done) return tl::make_unexpected(std::move(done.error()));
    if (one.name != "_page") search.applied.push_back(one);
  }
  return search;
}

// Index of the first entry recorded at or after `time`.
Result<std::uint64_t> first_at(const vault::AuditMap& audit, std::int64_t time) {
  std::uint64_t low = 0;
  std::uint64_t high = audit.size();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    CARELEDGER_TRY(const std::vector<OpenedEntry> one, audit.entries(middle, 1));
    if (!one.empty() && one.front().recorded.time.value < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

struct AuditPage {
  std::vector<OpenedEntry> rows;
  std::optional<std::uint64_t> next;  // index where the next page begins
};

Result<AuditPage> page_of(const vault::AuditMap& audit, const AuditSearch& search) {
  AuditPage page;
  std::uint64_t from = search.from;
  if (search.id) from = std::max(from, *search.id);
  if (search.time.low != codec::fhir::kStartOfTime) {
    CARELEDGER_TRY(const std::uint64_t first, first_at(audit, search.time.low));
    from = std::max(from, first);
  }
  CARELEDGER_TRY(std::vector<OpenedEntry> rows, search.patient ? audit.entries_of(audit.subject_of(*search.patient), from, search.rows + 1)
                                                               : audit.entries(from, search.rows + 1));
  for (OpenedEntry& one : rows) {
    if (one.recorded.time.value >= search.time.high || (search.id && one.recorded.index != *search.id)) break;
    if (page.rows.size() == search.rows) {
      page.next = one.recorded.index;
      break;
    }
    page.rows.push_back(std::move(one));
  }
  return page;
}

void append_link(Bytes& out, std::string_view relation, const std::string& base, const AuditSearch& search,
                 std::optional<std::uint64_t> page) {
  std::string url = base + "/AuditEvent";
  char separator = '?';
  for (const http::Parameter& one : search.applied) {
    url += separator + http::percent_encode(one.name) + '=' + http::percent_encode(one.value);
    separator = '&';
  }
  if (page) url += separator + ("_page=" + std::to_string(*page));
  if (out.back() == '}') out += ',';
  out += '{';
  append_member(out, "relation", relation);
  append_member(out, "url", url);
  out += '}';
}

Bytes bundle_of(const State& state, const std::string& base, const AuditSearch& search, const AuditPage& page) {
  Bytes out = R"({"resourceType":"Bundle","type":"searchset","link":[)";
  append_link(out, "self", base, search, search.from == 0 ? std::nullopt : std::optional(search.from));
  if (page.next) append_link(out, "next", base, search, page.next);
  out += ']';
  if (page.rows.empty()) return out += '}';
  out += ",\"entry\":[";
  for (const OpenedEntry& one : page.rows) {
    if (out.back() == '}') out += ',';
    out += '{';
    append_member(out, "fullUrl", base + "/AuditEvent/" + std::to_string(one.recorded.index));
    out += ",\"resource\":" + audit_event(one, state.config.organisation, state.config.name) + R"(,"search":{"mode":"match"}})";
  }
  return out += "]}";
}

Access reading(const Call& call) {
  Access access = access_of(call);
  access.kind = vault::AuditKind::read_audit;
  return access;
}

}  // namespace

void read_audit_event(State& state, CallPtr call) {
  Access access = reading(*call);
  const auto index = index_of(call->route.id);
  auto rows = index ? state.parts.audit.entries(*index, 1) : Result<std::vector<OpenedEntry>>();
  if (!rows) return finish(state, std::move(call), std::move(access), failure_of(rows.error()));
  const bool patient = call->principal.role == auth::Role::patient;
  const bool there = !rows->empty() && rows->front().recorded.index == *index &&
                     (!patient || rows->front().entry.subject == state.parts.audit.subject_of(call->principal.compartment));
  if (patient) access.named = {call->principal.compartment};
  if (!there) return finish(state, std::move(call), std::move(access), failure(404, "not-found", "no such resource"));
  http::Response response = resource(call->form, 200, audit_event(rows->front(), state.config.organisation, state.config.name));
  response.headers.add("ETag", etag_of(1));
  response.headers.add("Last-Modified", http::imf_date(rows->front().recorded.time));
  finish(state, std::move(call), std::move(access), std::move(response));
}

void search_audit_events(State& state, CallPtr call) {
  Access access = reading(*call);
  auto search = read_request(state, *call);
  if (!search) return finish(state, std::move(call), std::move(access), search.error());
  if (!call->route.compartment.empty()) {
    if (search->patient && *search->patient != call->route.compartment) {
      return finish(state, std::move(call), std::move(access), failure(400, "invalid", "patient: not the one in the URL", "http.patient"));
    }
    search->patient = call->route.compartment;
  }
  if (call->principal.role == auth::Role::patient) {
    if (search->patient && *search->patient != call->principal.compartment) {
      return finish(state, std::move(call), std::move(access), failure(403, "forbidden", "a patient may not read of others' records"));
    }
    search->patient = call->principal.compartment;
  }
  if (search->patient) access.named = {*search->patient};
  const auto page = page_of(state.parts.audit, *search);
  if (!page) return finish(state, std::move(call), std::move(access), failure_of(page.error()));
  access.details = "{\"count\":" + std::to_string(page->rows.size()) + '}';
  http::Response response = resource(call->form, 200, bundle_of(state, base_of(state, call->request), *search, *page));
  finish(state, std::move(call), std::move(access), std::move(response));
}

}  // namespace careledger::edge::fhir
