// What a search finds a resource by: the values that R4's search parameters take from it. The expressions of all 1,376 base parameters
// are compiled into tables; composites, _text, _content, _query and _filter yield nothing here. Pure and safe from any thread.
// Source: https://hl7.org/fhir/R4/search.html.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/fhir/definitions.h"
#include "codec/fhir/primitive.h"
#include "codec/json/json.h"

namespace careledger::codec::fhir {

// One value of one parameter. Which fields hold something depends on the parameter's kind:
//   token      system and text: code, identifier value, boolean ("true") or contact point; either may be empty
//   string     text folded by fold(), exact as it was written. A name or address gives one value a part
//   reference  text: Type/id without version for a relative one, else the URL as it stands; system: the resource type, when known
//   date       interval; a period without an end reaches to kEndOfTime, without a start from kStartOfTime
//   number     low and high, equal but for a Range
//   quantity   the same; system and text: the unit's system and code (its human form when there is no code)
//   uri        text
// References to contained resources (#id) and conditional ones yield nothing.
struct IndexValue {
  SearchParameter parameter;
  std::string text;
  std::string system;
  std::string exact;
  Interval interval{0, 0};
  double low = 0;
  double high = 0;
};

inline constexpr std::int64_t kStartOfTime = INT64_MIN;
inline constexpr std::int64_t kEndOfTime = INT64_MAX;

// In order of parameter, then as they stand in the resource; equal ones are not merged. Empty for an unknown resource type.
std::vector<IndexValue> index_values(const json::Value& resource);

// Case and accents dropped, runs of white space made one blank, none at the ends: what string search compares.
std::string fold(std::string_view text);

// Ids of the patients whose record the resource is part of (sorted, each once), by its relative references: in whose compartment it lies, a
// Patient in its own. Beyond R4's compartments: a Binary by its security context; a Bundle or Parameters by every resource that it
// carries, so that reading one is an access to each of them. A security context that is no Patient stands as Type/id, which no id can be:
// whose it is, whoever has that resource knows.
std::vector<std::string> patient_compartments(const json::Value& resource, std::span<const IndexValue> values);

// References in the elements that decide the compartment which lead to a Patient that is nobody's record here: by an absolute URL, or
// contained in the resource. A URL that does not tell its type counts as one where the parameter is `patient` or `subject`. As they stand
// in the resource; repeats possible. Nothing for a Bundle or Parameters: what they carry speaks of its own entries.
std::vector<std::string> stray_patients(const json::Value& resource);

}  // namespace careledger::codec::fhir
