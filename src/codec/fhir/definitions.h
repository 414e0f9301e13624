// What HL7's R4 (4.0.1) definitions say: resource types, their elements, their search parameters. Read-only, safe from any thread;
// every string lives for ever. Source: definitions/fhir-r4, compiled in at build time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json/json.h"

namespace careledger::codec::fhir {

// FHIR's primitive types. Their numbers are those that the generator gives them.
enum class Primitive : std::uint8_t {
  boolean,
  integer,
  positive_int,
  unsigned_int,
  decimal,
  string,
  markdown,
  code,
  id,
  uri,
  url,
  canonical,
  oid,
  uuid,
  date,
  date_time,
  instant,
  time,
  base64_binary,
  xhtml,
};

// One of the 146 resource types.
class ResourceType {
 public:
  std::string_view name() const;
  std::uint16_t index() const { return index_; }  // 0 to resource_type_count() - 1, in order of name; not stable between versions
  friend bool operator==(ResourceType, ResourceType) = default;

  // Element of the resource itself, by its JSON key ("name", "valueQuantity"); what is asked about it is false when there is none.
  bool has_element(std::string_view key) const;
  // What the definitions call the element of a key: "value" for "valueQuantity", "name" for "name"; empty when there is none.
  std::string_view element_of(std::string_view key) const;
  bool has_element_called(std::string_view name) const;  // whether element_of() gives that for any key
  bool is_summary(std::string_view key) const;           // isSummary
  bool is_mandatory(std::string_view key) const;         // minimum cardinality 1
  bool is_modifier(std::string_view key) const;          // isModifier

 private:
  friend std::optional<ResourceType> find_resource_type(std::string_view);
  friend ResourceType resource_type(std::uint16_t);
  explicit ResourceType(std::uint16_t index) : index_(index) {}
  std::uint16_t index_;
};

std::uint16_t resource_type_count();
ResourceType resource_type(std::uint16_t index);                        // index below the count (asserted)
std::optional<ResourceType> find_resource_type(std::string_view name);  // "Patient"; not Resource or DomainResource
std::optional<ResourceType> type_of(const json::Value& resource);       // by its resourceType

enum class SearchKind : std::uint8_t { token, reference, string, date, quantity, number, uri, composite, special };
std::string_view name_of(SearchKind kind);  // as in SearchParameter.type

// One search parameter of one resource type.
class SearchParameter {
 public:
  std::string_view code() const;  // "birthdate", "_id"
  std::string url() const;        // canonical URL of its definition
  SearchKind kind() const;
  bool allows_target(ResourceType type) const;  // references: whether it may point at that type
  bool is_evaluable() const;                    // index_values() yields values for it; false for composites and the like

 private:
  friend class SearchParameters;
  friend struct IndexEngine;
  explicit SearchParameter(std::uint16_t index) : index_(index) {}
  std::uint16_t index_;
};

// Those of one type, its own in order of code and then those common to all types; iterable.
class SearchParameters {
 public:
  explicit SearchParameters(ResourceType type);
  std::size_t size() const { return own_count_ + common_count_; }
  SearchParameter operator[](std::size_t i) const;
  std::optional<SearchParameter> find(std::string_view code) const;

  class Iterator {
   public:
    Iterator(const SearchParameters* list, std::size_t at) : list_(list), at_(at) {}
    SearchParameter operator*() const { return (*list_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const SearchParameters* list_;
    std::size_t at_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  std::uint16_t own_;
  std::uint16_t own_count_;
  std::uint16_t common_;
  std::uint16_t common_count_;
};

// Whether the parameter, when it points at a patient, puts a resource of the type into that patient's compartment
// (http://hl7.org/fhir/R4/compartmentdefinition-patient.html). "{def}", the Patient itself, is not in the list.
bool in_patient_compartment_by(ResourceType type, std::string_view parameter_code);

}  // namespace careledger::codec::fhir
