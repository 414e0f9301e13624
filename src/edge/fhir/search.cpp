// Search of one type (http://hl7.org/fhir/R4/search.html). Pages are read from the view that the first was read from, so they neither
// repeat nor lose rows while others write; the token in the next link is sealed and bound to who got it.
#include <algorithm>

#include "codec/json/json.h"
#include "crypto/hash.h"
#include "edge/fhir/search_query.h"
#include "edge/fhir/state.h"
#include "edge/fhir/text.h"
#include "vault/page_token.h"

namespace careledger::edge::fhir {
namespace {

constexpr std::uint64_t kCountMax = vault::kMatchesMax;

struct Page {
  std::vector<vault::Version> rows{};
  std::optional<std::uint64_t> total{};
  std::uint32_t more_than = 0;          // matches; the number is not told then. 0: it is, or was not asked for
  std::string next{};                   // token; empty: this is the last
  std::vector<std::string> patients{};  // whom it tells of, by rows, by their number, or by finding none where one was named
};

std::string owner_of(const auth::Principal& principal) {
  return principal.organisation.hex() + ' ' + auth::name_of(principal.role) + ' ' + principal.actor + ' ' + principal.compartment;
}

// What the token is bound to: the type and every parameter that decides what is found.
Digest digest_of(const SearchRequest& request) {
  Bytes criteria;
  for (const http::Parameter& one : request.applied) {
    if (one.name == "_count" || one.name == "_total") continue;
    append_field(criteria, one.name);
    append_field(criteria, one.value);
  }
  return crypto::tagged_hash("careledger/search-page/1", {request.query.type, request.compartment, criteria});
}

void append_link(Bytes& out, std::string_view relation, const std::string& base, const SearchRequest& request, const std::string& token) {
  std::string url = base + (request.compartment.empty() ? "/" : "/Patient/" + request.compartment + '/') + request.query.type;
  char separator = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    url += separator + http::percent_encode(name) + '=' + http::percent_encode(value);
    separator = '&';
  };
  for (const http::Parameter& one : request.applied) add(one.name, one.value);
  if (!token.empty()) add("_page", token);
  if (out.back() == '}') out += ',';
  out += '{';
  append_member(out, "relation", relation);
  append_member(out, "url", url);
  out += '}';
}

void append_match(Bytes& out, const std::string& base, const vault::Version& row) {
  if (out.back() == '}') out += ',';
  out += '{';
  append_member(out, "fullUrl", base + '/' + row.meta.type + '/' + row.meta.id);
  out.append(R"(,"resource":)").append(row.body).append(R"(,"search":{"mode":"match"}})");
}

std::vector<Issue> remarks_on(const SearchRequest& request, const Page& page) {
  std::vector<Issue> issues;
  for (const std::string& name : request.ignored) issues.push_back({"warning", "not-supported", name + " was ignored", "http." + name});
  if (page.more_than != 0)
    issues.push_back({"warning", "too-costly",
                      "more than " + std::to_string(page.more_than) +
                          " match; how many is not told, because it would be recorded under every patient counted: narrow the search",
                      "Bundle.total"});
  return issues;
}

void append_remarks(Bytes& out, const std::vector<Issue>& issues) {
  if (issues.empty()) return;
  if (out.back() == '}') out += ',';
  out.append(R"({"resource":)").append(outcome(issues)).append(R"(,"search":{"mode":"outcome"}})");
}

Bytes bundle_of(const std::string& base, const SearchRequest& request, const Page& page) {
  std::size_t size = 1024;
  for (const vault::Version& row : page.rows) size += row.body.size() + 200;
  Bytes out;
  out.reserve(size);
  out = R"({"resourceType":"Bundle","type":"searchset")";
  if (page.total) out += ",\"total\":" + std::to_string(*page.total);
  out += ",\"link\":[";
  append_link(out, "self", base, request, request.page);
  if (!page.next.empty()) append_link(out, "next", base, request, page.next);
  out += ']';
  const std::vector<Issue> remarks = remarks_on(request, page);
  if (page.rows.empty() && remarks.empty()) return out += '}';
  out += ",\"entry\":[";
  for (const vault::Version& row : page.rows) append_match(out, base, row);
  append_remarks(out, remarks);
  return out += "]}";
}

class Search {
 public:
  Search(State& state, const auth::Principal& principal, SearchRequest& request)
      : state_(state), principal_(principal), request_(request) {}

  Outcome<Page> run() {
    const crypto::Secret& key = state_.config.page_key;
    const Digest digest = digest_of(request_);
    const std::string owner = owner_of(principal_);
    vault::View view = state_.parts.vault.view();
    std::string after;
    if (!request_.page.empty()) {
      auto token = vault::open_page_token(request_.page, digest, owner, state_.parts.clock.now(), key);
      if (!token) return refused_page();
      auto seen = state_.parts.vault.view_at(token->sequence);
      if (!seen) return refused_page();
      view = *seen;
      after = std::move(token->last);
    }
    const std::uint32_t rows = std::min(request_.count.value_or(state_.config.page_rows), state_.config.page_rows_max);
    Page page;
    if (rows == 0) return count(view, std::move(page));
    auto ids = view.search(request_.query, after, rows);
    if (!ids) return tl::make_unexpected(failure_of(ids.error()));
    if (auto filled = fill(view, *ids, page); !filled) return tl::make_unexpected(std::move(filled.error()));
    if (ids->more) {
      const std::int64_t expires = state_.parts.clock.now().value + std::int64_t{state_.config.page_life_s} * 1000;
      page.next = vault::seal_page_token({digest, view.sequence(), ids->ids.back(), owner, expires}, key, state_.parts.entropy);
    } else if (after.empty()) {
      page.total = ids->ids.size();
      return page;
    }
    return request_.total ? count(view, std::move(page)) : page;
  }

 private:
  Outcome<Page> refused_page() {
    return tl::make_unexpected(
        failure(400, "expired", "this page can no longer be given, or is somebody else's: search again", "http._page"));
  }
  // A number tells of everybody whom it counts, because the number for one criterion more tells of the difference: so it is recorded under
  // all of them, or not told. Only how many there are of a type, without any criterion, tells of nobody.
  Outcome<Page> count(const vault::View& view, Page page) {
    const std::uint32_t most = state_.config.counted_max;
    const bool whole_type = request_.query.all_of.empty() && request_.query.ids.empty();
    auto total = view.count(request_.query, whole_type ? kCountMax : std::uint64_t{most} + 1);
    if (!total) return tl::make_unexpected(failure_of(total.error()));
    const bool too_many = *total > most;
    if (!too_many)
      if (auto added = add_counted(view, page); !added) return tl::make_unexpected(std::move(added.error()));
    if (too_many && !whole_type) page.more_than = most;
    else page.total = *total;
    return page;
  }
  Outcome<void> add_counted(const vault::View& view, Page& page) {
    auto ids = view.search(request_.query, {}, state_.config.counted_max);
    if (!ids) return tl::make_unexpected(failure_of(ids.error()));
    for (const std::string& id : ids->ids) {
      const auto meta = view.read_meta(request_.query.type, id);
      if (!meta) return tl::make_unexpected(failure_of(meta.error()));
      page.patients.insert(page.patients.end(), meta->patients.begin(), meta->patients.end());
    }
    return {};
  }
  // A page ends early when the bodies in it are large.
  Outcome<void> fill(const vault::View& view, vault::IdPage& found, Page& page) {
    auto versions = view.read_many(request_.query.type, found.ids, state_.config.answer_bytes_max);
    if (!versions) return tl::make_unexpected(failure_of(versions.error()));
    found.more = found.more || versions->size() < found.ids.size();
    found.ids.resize(versions->size());
    for (auto& version : *versions) {
      if (!version) continue;  // erased since: gone from every view
      page.patients.insert(page.patients.end(), version->meta.patients.begin(), version->meta.patients.end());
      page.rows.push_back(std::move(*version));
    }
    return {};
  }

  State& state_;
  const auth::Principal& principal_;
  SearchRequest& request_;
};

// The parameters of the URL, and those of a POST _search's body.
Outcome<std::vector<http::Parameter>> parameters_of(const Call& call) {
  std::vector<http::Parameter> parameters = call.request.query;
  if (!call.route.form || call.request.body.empty()) return parameters;
  const auto type = call.request.headers.get("Content-Type");
  if (!http::equal_ignoring_case(trimmed(type.substr(0, type.find(';'))), "application/x-www-form-urlencoded")) {
    return tl::make_unexpected(failure(415, "not-supported", "the body of _search must be application/x-www-form-urlencoded"));
  }
  auto form = http::read_form(call.request.body, 256);
  if (!form) return tl::make_unexpected(failure_of(form.error()));
  std::ranges::move(*form, std::back_inserter(parameters));
  return parameters;
}

// Names of the parameters, the number of rows, and the number told when it is another; never a value.
Bytes details_of(const SearchRequest& request, const Page& page) {
  Bytes out = "{\"parameters\":[";
  for (const http::Parameter& one : request.applied) {
    if (out.back() != '[') out += ',';
    codec::json::append_string(out, one.name);
  }
  out += "],\"count\":" + std::to_string(page.rows.size());
  if (page.total && *page.total != page.rows.size()) out += ",\"total\":" + std::to_string(*page.total);
  if (page.more_than != 0) out += ",\"moreThan\":" + std::to_string(page.more_than);
  return out += '}';
}

// Keeps a search within the compartment of its path, and a patient within the own one.
Outcome<void> limit(SearchRequest& request, const Call& call) {
  const bool patient = call.principal.role == auth::Role::patient;
  request.compartment = call.route.interaction == Interaction::search ? call.route.compartment : std::string();
  if (patient && !request.compartment.empty() && request.compartment != call.principal.compartment) {
    return tl::make_unexpected(failure(403, "forbidden", "a patient may not search others' compartments"));
  }
  const std::string& whose = patient ? call.principal.compartment : request.compartment;
  if (whose.empty() || limit_to_compartment(request.query, whose)) return {};
  if (patient) return tl::make_unexpected(failure(403, "forbidden", "a patient may not search this type"));
  return tl::make_unexpected(failure(404, "not-found", "resources of this type lie in no patient's compartment"));
}

void run_search(State& state, CallPtr call) {
  Access access = access_of(*call);
  auto parameters = parameters_of(*call);
  if (!parameters) return finish(state, std::move(call), std::move(access), parameters.error());
  auto found = search_type(state, *call, call->route.type, *parameters);
  if (!found) {
    name_searched(state, *call, access);
    return finish(state, std::move(call), std::move(access), found.error());
  }
  access.patients = std::move(found->patients);
  access.named = std::move(found->named);
  access.details = std::move(found->details);
  http::Response response = resource(call->form, 200, std::move(found->bundle));
  finish(state, std::move(call), std::move(access), std::move(response));
}

}  // namespace

void name_searched(const State& state, const Call& call, Access& access) {
  if (call.route.interaction != Interaction::search) return;
  const auto parameters = parameters_of(call);
  if (!parameters) return;
  const auto request = read_search(call.route.type, *parameters, state.parts.clock.now(), true, base_of(state, call.request));
  if (request) std::ranges::move(named_patients(request->query), std::back_inserter(access.named));
}

Outcome<Found> search_type(State& state, const Call& call, const std::string& type, std::span<const http::Parameter> parameters) {
  auto request = read_search(type, parameters, state.parts.clock.now(), call.form.lenient, base_of(state, call.request));
  if (!request) return tl::make_unexpected(std::move(request.error()));
  if (auto limited = limit(*request, call); !limited) return tl::make_unexpected(std::move(limited.error()));
  auto page = Search(state, call.principal, *request).run();
  if (!page) return tl::make_unexpected(std::move(page.error()));
  Bytes bundle = bundle_of(base_of(state, call.request), *request, *page);
  return Found{std::move(bundle), std::move(page->patients), named_patients(request->query), details_of(*request, *page)};
}

void search(State& state, CallPtr call) { offload(state, state.searches, std::move(call), run_search); }

}  // namespace careledger::edge::fhir
