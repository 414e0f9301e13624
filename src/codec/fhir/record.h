// The parts of a record version that its commitment covers, one leaf a top-level element, so that some elements can be shown and
// verified while others stay hidden. Profile "fhir-verbatim/1"; docs/formats has the whole format. Pure and safe from any thread.
//
//   leaf data = field(salt) ‖ field(name) ‖ field(canonical value, or empty) ‖ field(canonical _value, or empty)
//   salt      = HMAC-SHA256(seed of the version, name)
// with field = length as u32 big-endian, then the bytes; canonical as json::canonical(). `name` and `_name` share a leaf. Outside stay
// resourceType (the commitment names it), meta.versionId, meta.lastUpdated and the security label REDACTED, which servers set; a meta
// that they leave empty is no leaf. Leaves are sorted by name, bytewise. The proof module makes root and paths of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "codec/json/json.h"

namespace careledger::codec::fhir {

inline constexpr std::string_view kRecordProfile = "fhir-verbatim/1";

struct RecordLeaf {
  std::string name;
  Bytes data;
};

// `resource` is an object (asserted) that check() found nothing wrong with; `seed` 32 secret random bytes, one a version (asserted).
std::vector<RecordLeaf> record_leaves(const json::Value& resource, ByteView seed);

// The same for whoever was given some elements and their salts, not the seed. Names without any of the two are no leaf.
Digest record_salt(ByteView seed, std::string_view name);
using SaltOf = Digest (*)(const void* context, std::string_view name);
std::vector<RecordLeaf> record_leaves(const json::Value& resource, SaltOf salt_of, const void* context);

// Whether meta.security holds the label REDACTED (http://terminology.hl7.org/CodeSystem/v3-ObservationValue).
bool is_redacted(const json::Value& resource);

}  // namespace careledger::codec::fhir
