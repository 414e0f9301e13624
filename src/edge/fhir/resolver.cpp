#include "edge/fhir/resolver.h"

#include <algorithm>

#include "codec/fhir/index.h"
#include "codec/fhir/reference.h"
#include "edge/fhir/incoming.h"
#include "edge/fhir/search_query.h"

namespace careledger::edge::fhir {
namespace {

using codec::fhir::ReferenceForm;
using codec::json::Value;

constexpr std::size_t kIssuesMax = 100;

// It would stand in nobody's record, so that no patient could see who reads it.
const Issue kStray{"error", "business-rule", "this must be a Patient of this server: store the Patient here and refer to Patient/id", {}};

std::string name_of(std::string_view type, std::string_view id) { return std::string(type).append(1, '/').append(id); }

std::string located(const std::string& location, const std::string& path) {  // the type at the path's front is what `location` stands for
  const std::size_t dot = path.find('.');
  return location.empty() || dot == std::string::npos ? path : location + path.substr(dot);
}

}  // namespace

void Resolver::add_alias(std::string full_url, std::string reference) { aliases_.emplace(std::move(full_url), std::move(reference)); }
void Resolver::add_coming(std::string_view type, std::string_view id) { coming_.insert(name_of(type, id)); }
void Resolver::add_going(std::string_view type, std::string_view id) { going_.insert(name_of(type, id)); }
void Resolver::add_candidate(std::string_view type, std::string id, const Value& resource) {
  candidates_[std::string(type)].push_back({std::move(id), &resource});
}

Outcome<std::string> Resolver::match(std::string_view type, std::string_view condition, const std::string& expression) {
  for (const auth::Action action : {auth::Action::search, auth::Action::read})
    if (const auto may = auth::permit(asker_, action, {type, {}}); !may) return tl::make_unexpected(failure_of(may.error(), expression));
  auto query = read_condition(type, condition, now_, base_);
  if (!query) return tl::make_unexpected(std::move(query.error()));
  auto page = before_.search(*query, {}, 2);
  if (!page) return tl::make_unexpected(failure_of(page.error(), expression));
  std::vector<std::string> found;
  for (std::string& id : page->ids)
    if (!going_.contains(name_of(type, id))) found.push_back(std::move(id));
  if (const auto here = candidates_.find(std::string(type)); here != candidates_.end()) {
    for (Candidate& candidate : here->second) {
      if (!candidate.indexed) candidate.terms = terms_of(*candidate.resource);
      candidate.indexed = true;
      if (!matches(*query, candidate.id, candidate.terms)) continue;
      if (std::ranges::find(found, candidate.id) == found.end()) found.push_back(candidate.id);
    }
  }
  if (found.size() > 1)
    return tl::make_unexpected(failure(412, "multiple-matches", "the condition matches more than one resource", expression));
  return found.empty() ? std::string() : std::move(found.front());
}

Resolver::Known Resolver::judge_conditional(std::string_view reference, std::string_view type, std::string_view condition,
                                            const std::string& location) {
  auto id = match(type, condition, location);
  const std::string quoted = "the conditional reference " + std::string(reference.substr(0, 512));
  if (!id) {
    Issue issue = id.error().issues.front();
    issue.text = issue.code == "multiple-matches" ? quoted + " matches more than one resource" : quoted + ": " + issue.text;
    issue.expression.clear();
    return {{}, std::move(issue), id.error().status};
  }
  if (id->empty()) return {{}, Issue{"error", "not-found", quoted + " matches no resource", {}}, 412};
  return {name_of(type, *id)};
}

Resolver::Known Resolver::judge_relative(std::string_view type, std::string_view id) {
  const std::string name = name_of(type, id);
  if (const auto alias = aliases_.find(name); alias != aliases_.end()) return {alias->second};
  if (!check_ || name == self_ || coming_.contains(name)) return {};
  const auto there = exists(before_, type, id);
  if (!there) return {{}, failure_of(there.error()).issues.front(), 500};
  if (*there && !going_.contains(name)) return {};
  return {{}, Issue{"error", "not-found", "the reference " + name + " points at nothing that is here", {}}, 422};
}

Resolver::Known Resolver::judge_absolute(std::string_view reference) {
  if (const auto own = codec::fhir::below_base(reference, base_); !own.empty()) {
    const auto read = codec::fhir::read_reference(own);
    Known known = judge_relative(read.type, read.id);
    if (!known.issue && known.text.empty()) known.text = own;
    return known;
  }
  if (!reference.starts_with("urn:uuid:") || !check_) return {{}, {}, 0, true};
  const std::string text = "the reference " + std::string(reference.substr(0, 64)) + " names no entry of the Bundle";
  return {{}, Issue{"error", "not-found", text, {}}, 422};
}

Resolver::Known Resolver::judge(std::string_view reference, const std::string& location) {
  if (const auto alias = aliases_.find(std::string(reference)); alias != aliases_.end()) return {alias->second};
  const auto read = codec::fhir::read_reference(reference);
  switch (read.form) {
    case ReferenceForm::conditional: return judge_conditional(reference, read.type, read.query, location);
    case ReferenceForm::relative: return judge_relative(read.type, read.id);
    case ReferenceForm::absolute: return judge_absolute(reference);
    case ReferenceForm::contained: return {{}, {}, 0, true};
    case ReferenceForm::malformed: return {};  // check_resource() has refused it
  }
  return {};
}

const Resolver::Known& Resolver::look(std::string_view reference, const std::string& location) {
  std::string key(reference);
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  return known_.emplace(std::move(key), judge(reference, location)).first->second;
}

// A document's or message's references are to its own entries; only those to this server are brought into its form.
void Resolver::resolve_carried(codec::json::Document& document, Value& bundle) const {
  codec::fhir::visit_references(bundle, [&](Value& text, const codec::fhir::Location&) {
    if (const auto own = codec::fhir::below_base(text.text(), base_); !own.empty()) text = document.string(std::string(own));
  });
}

Outcome<void> Resolver::resolve(codec::json::Document& document, Value& resource, const std::string& location) {
  if (resource.string_at("resourceType") == "Bundle") {
    resolve_carried(document, resource);
    return {};
  }
  Failure failed;
  bool outside = false;
  const auto note = [&](Issue issue, int status, const std::string& where) {
    if (failed.issues.empty()) failed.status = status;
    issue.expression = where;
    if (failed.issues.size() < kIssuesMax) failed.issues.push_back(std::move(issue));
  };
  codec::fhir::visit_references(resource, [&](Value& text, const codec::fhir::Location& path) {
    const std::string_view reference = text.text();
    const Known& known = look(reference, location);
    outside = outside || known.outside;
    if (known.issue) note(*known.issue, known.status, located(location, path()));
    else if (!known.text.empty()) text = document.string(known.text);
  });
  if (!aliases_.empty()) {
    codec::fhir::visit_uris(resource, [&](Value& text, const codec::fhir::Location&) {
      if (!text.text().starts_with("urn:")) return;
      if (const auto alias = aliases_.find(std::string(text.text())); alias != aliases_.end()) text = document.string(alias->second);
    });
  }
  if (outside && check_) {
    const std::vector<std::string> strays = codec::fhir::stray_patients(resource);
    codec::fhir::visit_references(resource, [&](Value& text, const codec::fhir::Location& path) {
      if (std::ranges::find(strays, text.text()) != strays.end()) note(kStray, 422, located(location, path()));
    });
  }
  if (!failed.issues.empty()) return tl::make_unexpected(std::move(failed));
  return {};
}

Outcome<void> Resolver::resolve_alone(codec::json::Document& document, Value& resource, const std::string& location, std::string self) {
  known_.clear();  // what is there changes from entry to entry
  self_ = std::move(self);
  auto resolved = resolve(document, resource, location);
  self_.clear();
  return resolved;
}

}  // namespace careledger::edge::fhir
