// read and vread, on the I/O thread, where a stored body is served as it stands; history, whose pages hold many
// (http://hl7.org/fhir/R4/http.html#read).
#include <algorithm>

#include "codec/fhir/instant.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"
#include "edge/http/response_writer.h"

namespace careledger::edge::fhir {
namespace {

constexpr std::uint32_t kHistoryRows = 50;
constexpr std::uint32_t kHistoryRowsMax = 200;

// Whether the reader may see what belongs to these patients.
Result<void> permit_row(const Call& call, auth::Action action, const vault::VersionMeta& meta) {
  if (call.principal.role != auth::Role::patient || meta.erased) return {};  // judged already, by role and scopes; nothing left to see
  return auth::permit(call.principal, action, {meta.type, meta.id, meta.patients});
}

// A request that carries a parameter nobody would heed is refused, so that nobody relies on it.
std::optional<Failure> unknown_parameter(const Call& call, std::span<const std::string_view> known) {
  for (const http::Parameter& parameter : call.request.query) {
    if (is_form_parameter(parameter.name) || call.form.lenient) continue;
    if (std::ranges::find(known, parameter.name) != known.end()) continue;
    return failure(400, "not-supported", "the parameter " + parameter.name.substr(0, 64) + " is not offered here",
                   "http." + parameter.name.substr(0, 64));
  }
  return std::nullopt;
}

bool matches_etag(std::string_view field, std::uint32_t version) {
  while (!field.empty()) {
    const auto comma = field.find(',');
    const auto one = trimmed(field.substr(0, comma));
    if (one == "*" || version_of_etag(one) == version) return true;
    if (comma == std::string_view::npos) return false;
    field.remove_prefix(comma + 1);
  }
  return false;
}

void append_history_entry(Bytes& out, const std::string& base, const vault::Version& version) {
  const vault::VersionMeta& meta = version.meta;
  const std::string name = meta.type + '/' + meta.id;
  if (out.back() == '}') out += ',';
  out += '{';
  append_member(out, "fullUrl", base + '/' + name);
  if (!version.body.empty()) out.append(R"(,"resource":)").append(version.body);
  out += R"(,"request":{)";
  append_member(out, "method", meta.deleted ? "DELETE" : "PUT");
  append_member(out, "url", name);
  out += R"(},"response":{)";
  append_member(out, "status", meta.deleted ? "204" : meta.version == 1 ? "201" : "200");
  append_member(out, "etag", etag_of(meta.version));
  append_member(out, "lastModified", codec::fhir::format_instant(meta.updated));
  out += "}}";
}

struct HistoryPage {
  std::uint32_t rows = kHistoryRows;
  std::uint32_t before = 0;  // version; 0: from the newest
};

std::optional<HistoryPage> history_page(const Call& call) {
  HistoryPage page;
  for (const http::Parameter& parameter : call.request.query) {
    const auto number = version_of(parameter.value);
    if (parameter.name == "_count") {
      if (!number) return std::nullopt;
      page.rows = std::min(*number, kHistoryRowsMax);
    } else if (parameter.name == "_before") {
      if (!number) return std::nullopt;
      page.before = *number;
    }
  }
  return page;
}

Bytes history_bundle(const Call& call, const std::string& base, const HistoryPage& page, const std::vector<vault::Version>& versions,
                     std::uint32_t total) {
  const std::string self = base + '/' + call.route.type + '/' + call.route.id + "/_history?_count=" + std::to_string(page.rows);
  Bytes out = R"({"resourceType":"Bundle","type":"history","total":)" + std::to_string(total) + R"(,"link":[{"relation":"self",)";
  out.pop_back();
  append_member(out, "url", page.before == 0 ? self : self + "&_before=" + std::to_string(page.before));
  out += '}';
  if (!versions.empty() && versions.back().meta.version > 1) {
    out += R"(,{"relation":"next")";
    append_member(out, "url", self + "&_before=" + std::to_string(versions.back().meta.version));
    out += '}';
  }
  out += ']';
  if (versions.empty()) return out += '}';
  out += R"(,"entry":[)";
  for (const vault::Version& version : versions) append_history_entry(out, base, version);
  return out += "]}";
}

}  // namespace

void read(State& state, CallPtr call) {
  Access access = access_of(*call);
  if (auto unknown = unknown_parameter(*call, {})) return finish(state, std::move(call), std::move(access), *unknown);
  const Route& route = call->route;
  const vault::View view = state.parts.vault.view();
  auto version =
      route.interaction == Interaction::vread ? view.read_version(route.type, route.id, route.version) : view.read(route.type, route.id);
  if (!version) return finish(state, std::move(call), std::move(access), failure_of(version.error()));
  const vault::VersionMeta& meta = version->meta;
  access.version = meta.version;
  access.patients = meta.patients;
  if (const auto allowed = permit_row(*call, auth::Action::read, meta); !allowed) {
    return finish(state, std::move(call), std::move(access), failure_of(allowed.error()));
  }
  const bool unchanged = matches_etag(call->request.headers.get("If-None-Match"), meta.version);
  http::Response response = resource(call->form, unchanged ? 304 : 200, unchanged ? Bytes() : std::move(version->body));
  response.headers.add("ETag", etag_of(meta.version));
  response.headers.add("Last-Modified", http::imf_date(meta.updated));
  finish(state, std::move(call), std::move(access), std::move(response));
}

void history(State& state, CallPtr call) {
  constexpr std::array<std::string_view, 2> kKnown{"_count", "_before"};
  Access access = access_of(*call);
  if (auto unknown = unknown_parameter(*call, kKnown)) return finish(state, std::move(call), std::move(access), *unknown);
  const auto page = history_page(*call);
  if (!page) return finish(state, std::move(call), std::move(access), failure(400, "invalid", "_count must be a number from 1"));
  const vault::View view = state.parts.vault.view();
  const auto newest = view.read_meta(call->route.type, call->route.id);
  if (!newest) return finish(state, std::move(call), std::move(access), failure_of(newest.error()));
  if (const auto allowed = permit_row(*call, auth::Action::history, *newest); !allowed) {
    access.patients = newest->patients;
    return finish(state, std::move(call), std::move(access), failure_of(allowed.error()));
  }
  auto versions = view.history(call->route.type, call->route.id, page->before, page->rows, state.config.answer_bytes_max);
  if (!versions && versions.error().kind == ErrorKind::not_found) versions = std::vector<vault::Version>();  // before the first
  if (!versions) return finish(state, std::move(call), std::move(access), failure_of(versions.error()));
  for (const vault::Version& version : *versions) {
    access.patients.insert(access.patients.end(), version.meta.patients.begin(), version.meta.patients.end());
    if (const auto allowed = permit_row(*call, auth::Action::history, version.meta); !allowed) {
      access.patients = version.meta.patients;
      return finish(state, std::move(call), std::move(access), failure_of(allowed.error()));
    }
  }
  std::ranges::sort(access.patients);
  access.patients.erase(std::unique(access.patients.begin(), access.patients.end()), access.patients.end());
  http::Response response =
      resource(call->form, 200, history_bundle(*call, base_of(state, call->request), *page, *versions, newest->version));
  finish(state, std::move(call), std::move(access), std::move(response));
}

}  // namespace careledger::edge::fhir
