#include "codec/fhir/definitions.h"

#include <algorithm>

#include "codec/fhir/lookup.h"

namespace careledger::codec::fhir {

std::string_view ResourceType::name() const { return tables::text_of(tables::kResources[index_].name); }

namespace {
bool has_flag(std::uint16_t resource, std::string_view key, std::uint8_t flag) {
  const tables::Property* property = find_property(tables::kShapes[tables::kResources[resource].shape], key);
  return property != nullptr && (property->flags & flag) != 0;
}
}  // namespace

bool ResourceType::has_element(std::string_view key) const {
  return find_property(tables::kShapes[tables::kResources[index_].shape], key) != nullptr;
}
std::string_view ResourceType::element_of(std::string_view key) const {
  const tables::Shape& shape = tables::kShapes[tables::kResources[index_].shape];
  const tables::Property* property = find_property(shape, key);
  return property == nullptr ? std::string_view() : element_name(shape, *property);
}
bool ResourceType::has_element_called(std::string_view name) const {
  const tables::Shape& shape = tables::kShapes[tables::kResources[index_].shape];
  const tables::Property* first = tables::kProperties + shape.properties;
  return std::any_of(first, first + shape.property_count,
                     [&](const tables::Property& property) { return element_name(shape, property) == name; });
}
bool ResourceType::is_summary(std::string_view key) const { return has_flag(index_, key, tables::kSummary); }
bool ResourceType::is_mandatory(std::string_view key) const { return has_flag(index_, key, tables::kMandatory); }
bool ResourceType::is_modifier(std::string_view key) const { return has_flag(index_, key, tables::kModifier); }

std::uint16_t resource_type_count() { return tables::kResourceCount; }

ResourceType resource_type(std::uint16_t index) {
  CARELEDGER_ASSERT(index < tables::kResourceCount);
  return ResourceType(index);
}

std::optional<ResourceType> find_resource_type(std::string_view name) {
  const std::uint64_t slot = tables::key_hash(name) * tables::kResourceSeed >> (64 - tables::kResourceSlotBits);
  const std::uint16_t index = tables::kResourceSlots[slot];
  if (index == tables::kNothing || tables::text_of(tables::kResources[index].name) != name) return std::nullopt;
  return ResourceType(index);
}

std::optional<ResourceType> type_of(const json::Value& resource) { return find_resource_type(resource.string_at("resourceType")); }

std::string_view name_of(SearchKind kind) {
  switch (kind) {
    case SearchKind::token: return "token";
    case SearchKind::reference: return "reference";
    case SearchKind::string: return "string";
    case SearchKind::date: return "date";
    case SearchKind::quantity: return "quantity";
    case SearchKind::number: return "number";
    case SearchKind::uri: return "uri";
    case SearchKind::composite: return "composite";
    case SearchKind::special: return "special";
  }
  return "";
}

std::string_view SearchParameter::code() const { return tables::text_of(tables::kSearch[index_].code); }
std::string SearchParameter::url() const {
  return "http://hl7.org/fhir/SearchParameter/" + std::string(tables::text_of(tables::kSearch[index_].url));
}
SearchKind SearchParameter::kind() const { return static_cast<SearchKind>(tables::kSearch[index_].kind); }
bool SearchParameter::allows_target(ResourceType type) const { return allows(tables::kSearch[index_].targets, type.index()); }
bool SearchParameter::is_evaluable() const { return tables::kSearch[index_].program_count != 0; }

SearchParameters::SearchParameters(ResourceType type)
    : own_(tables::kResources[type.index()].search),
      own_count_(tables::kResources[type.index()].search_count),
      common_(tables::kCommonSearch),
      common_count_(tables::kCommonSearchCount) {}

SearchParameter SearchParameters::operator[](std::size_t i) const {
  CARELEDGER_ASSERT(i < size());
  return SearchParameter(static_cast<std::uint16_t>(i < own_count_ ? own_ + i : common_ + (i - own_count_)));
}

std::optional<SearchParameter> SearchParameters::find(std::string_view code) const {
  for (const SearchParameter parameter : *this) {
    if (parameter.code() == code) return parameter;
  }
  return std::nullopt;
}

bool in_patient_compartment_by(ResourceType type, std::string_view parameter_code) {
  const tables::Resource& resource = tables::kResources[type.index()];
  const std::uint16_t* first = tables::kCompartment + resource.compartment;
  const auto is_it = [&](std::uint16_t name) { return tables::text_of(name) == parameter_code; };
  return std::any_of(first, first + resource.compartment_count, is_it);
}

}  // namespace careledger::codec::fhir
