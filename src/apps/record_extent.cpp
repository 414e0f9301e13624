#include "apps/record_extent.h"

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

class Extent {
 public:
  Extent(const vault::View& view, std::string_view base) : view_(view), base_(base) {}

  void add(const std::string& type, const std::string& id) {
    if (known_.emplace(type, id).second) waiting_.emplace_back(type, id);
  }

  Result<std::vector<std::string>> list() {
    std::vector<std::string> out;
    for (; !waiting_.empty(); waiting_.pop_front()) {
      const auto& [type, id] = waiting_.front();
      const auto version = view_.read(type, id);
      if (!version && !out.empty() && (version.error().kind == ErrorKind::not_found || version.error().kind == ErrorKind::gone)) continue;
      if (!version) return tl::make_unexpected(version.error());
      out.push_back(type + '/' + id + "/_history/" + std::to_string(version->meta.version));
      CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(version->body));
      const auto see = [this](std::string_view text) { follow(text); };
      fhir::see_references(document.root(), see);
      fhir::see_uris(document.root(), see);
    }
    return out;
  }

 private:
  void follow(std::string_view text) {
    if (const auto own = fhir::below_base(text, base_); !own.empty()) text = own;
    const fhir::Reference reference = fhir::read_reference(text);
    if (reference.form != fhir::ReferenceForm::relative || !in_nobodys_compartment(reference.type)) return;
    add(std::string(reference.type), std::string(reference.id));
  }

  const vault::View& view_;
  std::string_view base_;
  Names known_;
  std::deque<std::pair<std::string, std::string>> waiting_;
};

}  // namespace

Result<std::vector<std::string>> record_extent(const vault::View& view, const std::string& patient, std::string_view base) {
  CARELEDGER_TRY(const Names names, compartment_of(view, patient));
  Extent extent(view, base);
  extent.add("Patient", patient);
  for (const auto& [type, id] : names) extent.add(type, id);
  return extent.list();
}

}  // namespace careledger::apps
