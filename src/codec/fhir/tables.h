// The tables that tools/generate_fhir_tables.py makes of HL7's definitions while the project is built. For codec/fhir alone; others
// ask definitions.h. All constant, so safe from any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace careledger::codec::fhir::tables {

static_assert(std::endian::native == std::endian::little, "the generator computes key_hash() as a little-endian machine does");

struct Name {  // of an element, a type, a search parameter: characters in kText
  std::uint32_t offset;
  std::uint32_t size;
};

// One key that a JSON object of a shape may have. A choice such as value[x] is one element and as many properties as it has types.
struct Property {
  std::uint16_t name;
  std::uint16_t type;     // below kShapeBase a Primitive; kAnyResource; else kShapeBase + index into kShapes
  std::uint16_t targets;  // references: index into kTargetSets; 0 allows any type
  std::uint8_t element;   // number within its shape
  std::uint8_t flags;
};
inline constexpr std::uint8_t kMany = 1;    // an array
inline constexpr std::uint8_t kChoice = 2;  // one of several types, only one of which may be there
inline constexpr std::uint8_t kSummary = 4;
inline constexpr std::uint8_t kModifier = 8;
inline constexpr std::uint8_t kBare = 16;  // a primitive that has no _sibling: the id of an element, the url of an extension
inline constexpr std::uint8_t kMandatory = 32;

struct Shape {  // the keys of a resource, a data type, or an element with elements of its own
  std::uint64_t seed;
  std::uint64_t required[2];  // a bit an element that must be there
  std::uint32_t slots;        // first of 2^slot_bits entries in kSlots: key_hash(key) * seed, its upper bits
  std::uint16_t name;
  std::uint16_t properties;  // first in kProperties
  std::uint16_t property_count;
  std::uint16_t elements;  // first in kElementNames
  std::uint8_t element_count;
  std::uint8_t slot_bits;
  std::uint8_t flags;
};
inline constexpr std::uint8_t kIsResource = 1;
inline constexpr std::uint8_t kIsExtension = 2;
inline constexpr std::uint8_t kIsReference = 4;

struct TargetSet {
  std::uint16_t first;  // in kTargetTypes
  std::uint16_t count;
};

struct Resource {  // in order of name
  std::uint16_t name;
  std::uint16_t shape;
  std::uint16_t search;  // first in kSearch
  std::uint16_t search_count;
  std::uint16_t compartment;  // first in kCompartment: names of the parameters that put it into a patient's compartment
  std::uint16_t compartment_count;
};

struct Search {  // a search parameter for one resource type, in order of code
  std::uint16_t code;
  std::uint16_t url;  // after http://hl7.org/fhir/SearchParameter/
  std::uint16_t targets;
  std::uint16_t program;  // first word of its first program in kPrograms
  std::uint16_t program_count;
  std::uint8_t kind;  // SearchKind
  std::uint8_t flags;
};
inline constexpr std::uint8_t kIsTruth = 1;  // the parameter's value is whether a value other than false is there

// A program walks from the resource to values: words of operation << 12 | argument, the last kEnd.
inline constexpr std::uint16_t kEnd = 0;          // type of the value, as in Property
inline constexpr std::uint16_t kKey = 1;          // name: into that member, and every item when it is an array
inline constexpr std::uint16_t kWhereEquals = 2;  // name, then a word that is a name: only those whose member is that string
inline constexpr std::uint16_t kWhereType = 3;    // resource: only references to that type
inline constexpr std::uint16_t kItem = 4;         // index: only that item of the array entered last

struct Fold {  // a character and what it becomes when case and accents are dropped
  std::uint32_t from;
  std::uint16_t offset;  // in kFoldText
  std::uint16_t size;
};

inline constexpr std::uint16_t kShapeBase = 32;
inline constexpr std::uint16_t kAnyResource = 31;
inline constexpr std::uint16_t kNothing = 0xFFFF;

extern const char kText[];
extern const Name kNames[];
extern const Property kProperties[];
extern const Shape kShapes[];
extern const std::uint16_t kShapeCount;
extern const std::uint16_t kSlots[];
extern const std::uint16_t kElementNames[];
extern const TargetSet kTargetSets[];
extern const std::uint8_t kTargetTypes[];
extern const Resource kResources[];
extern const std::uint16_t kResourceCount;
extern const std::uint64_t kResourceSeed;
extern const std::uint8_t kResourceSlotBits;
extern const std::uint16_t kResourceSlots[];
extern const std::uint16_t kElementShape;  // Element: what an _sibling is
extern const Search kSearch[];
extern const std::uint16_t kCommonSearch;  // first of those that apply to every resource
extern const std::uint16_t kCommonSearchCount;
extern const std::uint16_t kPrograms[];
extern const std::uint16_t kCompartment[];
extern const Fold kFolds[];
extern const std::uint16_t kFoldCount;
extern const char kFoldText[];

// The generator computes the same in Python.
inline std::uint64_t key_hash(std::string_view key) {
  const std::size_t n = key.size();
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (n >= 8) {
    std::memcpy(&a, key.data(), 8);
    std::memcpy(&b, key.data() + n - 8, 8);
  } else if (n >= 4) {
    std::memcpy(&a, key.data(), 4);
    std::memcpy(&b, key.data() + n - 4, 4);
  } else if (n > 0) {
    a = static_cast<unsigned char>(key[0]) | static_cast<std::uint64_t>(static_cast<unsigned char>(key[n / 2])) << 8 |
        static_cast<std::uint64_t>(static_cast<unsigned char>(key[n - 1])) << 16;
  }
  return a ^ (b * 0x9E3779B97F4A7C15u) ^ n;
}

inline std::string_view text_of(std::uint16_t name) { return {kText + kNames[name].offset, kNames[name].size}; }

}  // namespace careledger::codec::fhir::tables
