#include "apps/record_extent.h"

#include <algorithm>
#include <deque>
#include <set>

#include "codec/fhir/definitions.h"
#include "codec/fhir/reference.h"
#include "codec/json/json.h"
#include "vault/terms.h"

namespace careledger::apps {
namespace {

namespace fhir = codec::fhir;

using Names = std::set<std::pair<std::string, std::string>>;  // type and id

// Adds what of a type refers to the patient by this parameter.
Result<void> add_names(const vault::View& view, const std::string& type, std::string_view parameter, const std::string& patient,
                       Names& names) {
  vault::Query query;
  query.type = type;
  query.all_of.push_back({std::string(parameter), {vault::reference_is(patient)}});
  std::string after;
  for (bool more = true; more;) {
    CARELEDGER_TRY(const vault::IdPage page, view.search(query, after, 500));
    for (const std::string& id : page.ids) names.emplace(type, id);
    more = page.more && !page.ids.empty();
    if (more) after = page.ids.back();
  }
  return {};
}

Result<Names> compartment_of(const vault::View& view, const std::string& patient) {
  Names names;
  for (std::uint16_t i = 0; i < fhir::resource_type_count(); ++i) {
    const fhir::ResourceType type = fhir::resource_type(i);
    if (type.name() == "Patient") continue;
    for (const fhir::SearchParameter parameter : fhir::SearchParameters(type))
      if (fhir::in_patient_compartment_by(type, parameter.code()))
        CARELEDGER_CHECK(add_names(view, std::string(type.name()), parameter.code(), "Patient/" + patient, names));
  }
  return names;
}

bool in_nobodys_compartment(std::string_view name) {
  const auto type = fhir::find_resource_type(name);
  if (!type || name == "Patient") return false;
  for (const fhir::SearchParameter parameter : fhir::SearchParameters(*type))
    if (fhir::in_patient_compartment_by(*type, parameter.code())) return false;
  return true;
}

constexpr std::uint32_t kPageVersions = 100;
constexpr std::size_t kPageBytes = 8 << 20;

class Extent {
 public:
  Extent(const vault::View& view, const std::string& patient, std::string_view base) : view_(view), patient_(patient), base_(base) {}

  void add(const std::string& type, const std::string& id, bool in_compartment) {
    if (known_.emplace(type, id).second) waiting_.push_back({type, id, in_compartment});
  }

  Result<std::vector<RecordPart>> list() {
    std::vector<RecordPart> out;
    for (; !waiting_.empty(); waiting_.pop_front()) {
      CARELEDGER_TRY(RecordPart part, part_of(waiting_.front()));
      if (part.versions.empty()) continue;
      taken_.insert(part.type + '/' + part.id);
      out.push_back(std::move(part));
    }
    return out;
  }

 private:
  struct Waiting {
    std::string type, id;
    bool in_compartment;
  };

  Result<RecordPart> part_of(const Waiting& one) {
    RecordPart part{one.type, one.id, {}, 0};
    std::uint32_t before = 0;
    do {
      const auto page = view_.history(one.type, one.id, before, kPageVersions, kPageBytes);
      if (!page && page.error().kind == ErrorKind::not_found) return part;  // a reference that leads nowhere
      if (!page) return tl::make_unexpected(page.error());
      const vault::VersionMeta& newest = page->front().meta;
      if (before == 0 && (newest.deleted || newest.erased)) return part;
      for (const vault::Version& version : *page) {
        CARELEDGER_CHECK(take(version, one.in_compartment, part));
        if (part.versions.empty()) return part;  // the newest is not this patient's: it has moved
      }
      before = page->back().meta.version;
    } while (before > 1);
    return part;
  }

  Result<void> take(const vault::Version& version, bool in_compartment, RecordPart& part) {
    if (version.meta.deleted || version.meta.erased) {
      ++part.gone;
      return {};
    }
    CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(version.body));
    if (in_compartment ? !std::ranges::count(version.meta.patients, patient_) : !is_nobody_elses(version.meta, document.root())) return {};
    part.versions.push_back(version.meta.version);
    const auto see = [this](std::string_view text) { follow(text); };
    fhir::see_references(document.root(), see);
    fhir::see_uris(document.root(), see);
    return {};
  }

  // Whom it is about and whom it names is nobody but this patient.
  bool is_nobody_elses(const vault::VersionMeta& meta, const codec::json::Value& resource) const {
    const auto ours = [this](const std::string& about) { return about == patient_ || taken_.contains(about); };
    bool alone = std::ranges::all_of(meta.patients, ours);
    fhir::see_references(resource, [&](std::string_view text) {
      const fhir::Reference reference = fhir::read_reference(own(text));
      if (reference.type == "Patient" && (reference.form != fhir::ReferenceForm::relative || reference.id != patient_)) alone = false;
    });
    return alone;
  }

  std::string_view own(std::string_view text) const {
    const auto below = fhir::below_base(text, base_);
    return below.empty() ? text : below;
  }

  void follow(std::string_view text) {
    const fhir::Reference reference = fhir::read_reference(own(text));
    if (reference.form != fhir::ReferenceForm::relative || !in_nobodys_compartment(reference.type)) return;
    add(std::string(reference.type), std::string(reference.id), false);
  }

  const vault::View& view_;
  const std::string& patient_;
  std::string_view base_;
  Names known_;                  // looked at, or about to be
  std::set<std::string> taken_;  // "Type/id"
  std::deque<Waiting> waiting_;
};

}  // namespace

Result<std::vector<RecordPart>> record_extent(const vault::View& view, const std::string& patient, std::string_view base) {
  CARELEDGER_CHECK(view.read("Patient", patient));
  CARELEDGER_TRY(const Names names, compartment_of(view, patient));
  Extent extent(view, patient, base);
  extent.add("Patient", patient, true);
  for (const auto& [type, id] : names) extent.add(type, id, true);
  return extent.list();
}

}  // namespace careledger::apps
