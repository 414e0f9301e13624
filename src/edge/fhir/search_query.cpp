#include "edge/fhir/search_query.h"

#include <algorithm>

#include "base/assert.h"
#include "codec/fhir/primitive.h"
#include "edge/fhir/route.h"
#include "edge/fhir/search_value.h"
#include "edge/fhir/text.h"
#include "vault/terms.h"

namespace careledger::edge::fhir {
namespace {

using codec::fhir::ResourceType;
using codec::fhir::SearchParameters;
using vault::Clause;
using vault::Query;

constexpr std::size_t kAlternativesMax = 1000;  // values of all parameters together
constexpr std::size_t kClausesMax = 50;
constexpr const char* kNoId = "/";  // no resource has it: a search that can match nothing

std::string shown(std::string_view name) {  // of a parameter, for messages: printable and short
  std::string out(name.substr(0, 64));
  for (char& c : out)
    if (c < 0x21 || c > 0x7e) c = '?';
  return out;
}

class Reader {
 public:
  Reader(std::string_view type, BlockTime now, bool lenient, std::string_view base)
      : type_(*codec::fhir::find_resource_type(type)), now_(now), lenient_(lenient), base_(base) {
    out_.query.type = type;
  }

  void read(const http::Parameter& parameter) {
    const std::string& name = parameter.name;
    if (is_form_parameter(name)) return;
    if (name == "_page") {
      out_.page = parameter.value;
      return;
    }
    if (name == "_totalMethod") {  // no R4 parameter, but what fhirpy's count() sends beside _count=0
      out_.total = true;
      return;
    }
    if (name == "_count" ? read_count(parameter.value) : name == "_total" ? read_total(parameter.value) : read_criterion(parameter)) {
      out_.applied.push_back(parameter);
    }
  }

  Outcome<SearchRequest> done() {
    if (!issues_.empty()) return tl::make_unexpected(Failure{400, std::move(issues_)});
    if (ids_) {
      out_.query.ids = std::move(*ids_);
      if (out_.query.ids.empty()) out_.query.ids.emplace_back(kNoId);
    }
    return std::move(out_);
  }

 private:
  void refuse(std::string_view name, const char* code, std::string text) {
    issues_.push_back({"error", code, shown(name) + ": " + std::move(text), "http." + shown(name)});
  }
  bool ignore(std::string_view name, std::string text) {
    if (lenient_) out_.ignored.push_back(shown(name));
    else refuse(name, "not-supported", std::move(text));
    return false;
  }

  bool read_count(std::string_view value) {
    const auto count = version_of(value);
    if (!count && value != "0") return ignore("_count", "must be a number");
    out_.count = count.value_or(0);
    return true;
  }
  bool read_total(std::string_view value) {
    if (value != "none" && value != "estimate" && value != "accurate") return ignore("_total", "must be none, estimate or accurate");
    out_.total = value != "none";
    return true;
  }
  bool read_summary(const http::Parameter& parameter) {
    if (parameter.value == "false") return true;
    if (parameter.value != "count") return ignore("_summary", "only _summary=count is offered");
    out_.count = 0;
    return out_.total = true;
  }

  bool read_criterion(const http::Parameter& parameter) {
    const std::string_view whole = parameter.name;
    if (whole == "_summary") return read_summary(parameter);
    const std::size_t colon = whole.find(':');
    const std::string_view code = whole.substr(0, colon);
    const std::string_view modifier = colon == std::string_view::npos ? std::string_view() : whole.substr(colon + 1);
    if (code == "_has" || whole.find('.') != std::string_view::npos) return ignore(whole, "chained search is not offered");
    if (code == "_id") return read_ids(whole, modifier, parameter.value);
    const auto known = SearchParameters(type_).find(code);
    if (!known || !known->is_evaluable()) return ignore(whole, "this resource type has no such search parameter here");
    if (out_.query.all_of.size() == kClausesMax) {
      refuse(whole, "too-costly", "too many parameters");
      return false;
    }
    return modifier == "missing" ? read_missing(whole, code, parameter.value)
                                 : read_values({*known, modifier, base_}, whole, parameter.value);
  }

  bool read_missing(std::string_view whole, std::string_view code, std::string_view value) {
    if (value != "true" && value != "false") {
      refuse(whole, "invalid", "the value must be true or false");
      return false;
    }
    out_.query.all_of.push_back({std::string(code), {vault::any_value()}, value == "true"});
    return true;
  }

  bool read_values(const SearchKey& key, std::string_view whole, std::string_view value) {
    Clause clause{std::string(key.parameter.code()), {}, key.modifier == "not"};
    for (const std::string_view one : split_value(value, ',')) {
      auto alternatives = alternatives_of(key, one, now_);
      if (!alternatives) {
        refuse(whole, alternatives.error().kind == ErrorKind::unsupported ? "not-supported" : "invalid", alternatives.error().message);
        return false;
      }
      std::ranges::move(*alternatives, std::back_inserter(clause.any_of));
    }
    if (!count_values(whole, clause.any_of.size())) return false;
    out_.query.all_of.push_back(std::move(clause));
    return true;
  }

  bool count_values(std::string_view whole, std::size_t more) {
    values_ += more;
    if (values_ > kAlternativesMax) refuse(whole, "too-costly", "too many values in one search");
    return values_ <= kAlternativesMax;
  }

  bool read_ids(std::string_view whole, std::string_view modifier, std::string_view value) {
    if (!modifier.empty()) return ignore(whole, "this modifier is not offered for this parameter");
    std::vector<std::string> ids;
    for (const std::string_view one : split_value(value, ','))
      if (codec::fhir::is_id(one)) ids.emplace_back(one);
    if (ids_) std::erase_if(ids, [&](const std::string& id) { return std::ranges::find(*ids_, id) == ids_->end(); });
    if (!count_values(whole, ids.size())) return false;
    ids_ = std::move(ids);
    return true;
  }

  ResourceType type_;
  BlockTime now_;
  bool lenient_;
  std::string_view base_;
  SearchRequest out_;
  std::optional<std::vector<std::string>> ids_;
  std::vector<Issue> issues_;
  std::size_t values_ = 0;
};

bool in_range(const vault::TermRange& range, ByteView term) {
  if (range.exact) return term == range.from;
  return term >= range.from && (range.until.empty() || term < range.until) && (!range.keep || range.keep(term));
}

bool answers(const Clause& clause, std::span<const vault::Term> terms) {
  for (const Clause::Alternative& alternative : clause.any_of) {
    const std::string& parameter = alternative.parameter.empty() ? clause.parameter : alternative.parameter;
    for (const vault::Term& term : terms)
      if (term.parameter == parameter && in_range(alternative.range, term.value)) return !clause.negate;
  }
  return clause.negate;
}

}  // namespace

Outcome<SearchRequest> read_search(std::string_view type, std::span<const http::Parameter> parameters, BlockTime now, bool lenient,
                                   std::string_view base) {
  Reader reader(type, now, lenient, base);
  for (const http::Parameter& parameter : parameters) reader.read(parameter);
  return reader.done();
}

Outcome<Query> read_condition(std::string_view type, std::string_view condition, BlockTime now, std::string_view base) {
  if (!codec::fhir::find_resource_type(type)) return tl::make_unexpected(failure(400, "invalid", "no resource type of that name"));
  if (condition.starts_with('?')) condition.remove_prefix(1);
  auto parameters = http::read_form(condition, 50);
  if (!parameters) return tl::make_unexpected(failure_of(parameters.error()));
  auto request = read_search(type, *parameters, now, false, base);
  if (!request) return tl::make_unexpected(std::move(request.error()));
  if (request->count || request->total || !request->page.empty() || (request->query.all_of.empty() && request->query.ids.empty())) {
    return tl::make_unexpected(failure(400, "invalid", "a condition consists of search criteria, at least one"));
  }
  return std::move(request->query);
}

bool matches(const Query& query, std::string_view id, std::span<const vault::Term> terms) {
  if (!query.ids.empty() && std::ranges::find(query.ids, id) == query.ids.end()) return false;
  return std::ranges::all_of(query.all_of, [&](const Clause& clause) { return answers(clause, terms); });
}

std::vector<vault::Term> terms_of(const codec::json::Value& resource) {
  std::vector<vault::Term> terms;
  for (const codec::fhir::IndexValue& value : codec::fhir::index_values(resource)) vault::append_terms(value, terms);
  std::ranges::sort(terms);
  return terms;
}

std::vector<std::string> named_patients(const Query& query) {
  constexpr std::string_view kReference = "Patient/";
  std::vector<std::string> out;
  if (query.type == "Patient") std::ranges::copy_if(query.ids, std::back_inserter(out), [](const auto& id) { return id != kNoId; });
  for (const Clause& clause : query.all_of) {
    for (const Clause::Alternative& alternative : clause.any_of) {
      const std::string_view term = alternative.range.from;
      if (!alternative.range.exact || !term.starts_with(kReference)) continue;
      if (const auto id = term.substr(kReference.size()); codec::fhir::is_id(id)) out.emplace_back(id);
    }
  }
  return out;
}

bool limit_to_compartment(Query& query, std::string_view patient_id) {
  if (query.type == "Patient") {
    const bool asked = query.ids.empty() || std::ranges::find(query.ids, patient_id) != query.ids.end();
    query.ids = {asked ? std::string(patient_id) : std::string(kNoId)};
    return true;
  }
  Clause clause;
  const auto type = codec::fhir::find_resource_type(query.type);
  CARELEDGER_ASSERT(type.has_value());
  for (const auto parameter : SearchParameters(*type)) {
    if (!codec::fhir::in_patient_compartment_by(*type, parameter.code())) continue;
    clause.any_of.push_back({std::string(parameter.code()), vault::reference_is("Patient/" + std::string(patient_id)).range});
  }
  if (clause.any_of.empty()) return false;
  query.all_of.push_back(std::move(clause));
  return true;
}

}  // namespace careledger::edge::fhir
