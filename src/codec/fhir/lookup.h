// Look-ups in the tables. For codec/fhir alone.
#pragma once

#include <algorithm>
#include <string_view>

#include "codec/fhir/tables.h"

namespace careledger::codec::fhir {

// The property of a shape with that JSON key; nullptr when there is none.
inline const tables::Property* find_property(const tables::Shape& shape, std::string_view key) {
  const std::uint64_t slot = tables::key_hash(key) * shape.seed >> (64 - shape.slot_bits);
  const std::uint16_t index = tables::kSlots[shape.slots + slot];
  if (index == tables::kNothing) return nullptr;
  const tables::Property* property = tables::kProperties + shape.properties + index;
  return tables::text_of(property->name) == key ? property : nullptr;
}

// As FHIRPath calls it: `value` for valueQuantity.
inline std::string_view element_name(const tables::Shape& shape, const tables::Property& property) {
  if ((property.flags & tables::kChoice) == 0) return tables::text_of(property.name);
  const std::string_view name = tables::text_of(tables::kElementNames[shape.elements + property.element]);
  return name.substr(0, name.size() - 3);  // without [x]
}

// Whether a set of reference targets has the resource type; the empty set has every one.
inline bool allows(std::uint16_t target_set, std::uint16_t resource) {
  const tables::TargetSet& set = tables::kTargetSets[target_set];
  const std::uint8_t* first = tables::kTargetTypes + set.first;
  return set.count == 0 || std::find(first, first + set.count, static_cast<std::uint8_t>(resource)) != first + set.count;
}

}  // namespace careledger::codec::fhir
