#include "codec/fhir/record.h"

#include <algorithm>

#include "crypto/hash.h"

namespace careledger::codec::fhir {

using json::Document;
using json::Member;
using json::Value;

namespace {
constexpr std::string_view kRedactedSystem = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
constexpr std::string_view kRedactedCode = "REDACTED";

bool is_redacted_label(const Value& coding) {
  return coding.string_at("code") == kRedactedCode && coding.string_at("system") == kRedactedSystem;
}

// The canonical meta without what servers set; empty when nothing is left of it.
Bytes canonical_meta(const Value& meta) {
  if (!meta.is_object()) return json::canonical(meta);
  Document document;
  Value rest = document.copy(meta);
  for (const std::string_view key : {"versionId", "_versionId", "lastUpdated", "_lastUpdated"}) document.remove(rest, key);
  if (Value* security = rest.find("security"); security != nullptr && security->is_array()) {
    for (std::size_t i = security->size(); i-- > 0;) {
      if (is_redacted_label(security->items()[i])) document.remove_at(*security, i);
    }
    if (security->size() == 0) document.remove(rest, "security");
  }
  return rest.size() == 0 ? Bytes() : json::canonical(rest);
}

struct Part {
  std::string_view name;
  const Value* value = nullptr;
  const Value* sibling = nullptr;
};

// The top-level elements, sorted by name, with x and _x together.
std::vector<Part> parts_of(const Value& resource) {
  std::vector<Part> parts;
  parts.reserve(resource.size());
  for (const Member& member : resource.members()) {
    if (member.key() == "resourceType") continue;
    const bool is_sibling = member.key().starts_with('_');
    Part& part = parts.emplace_back(Part{is_sibling ? member.key().substr(1) : member.key()});
    (is_sibling ? part.sibling : part.value) = &member.value;
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.name < b.name; });
  std::size_t kept = 0;
  for (const Part& part : parts) {
    if (kept > 0 && parts[kept - 1].name == part.name) {
      Part& before = parts[kept - 1];
      before.value = part.value != nullptr ? part.value : before.value;
      before.sibling = part.sibling != nullptr ? part.sibling : before.sibling;
    } else {
      parts[kept++] = part;
    }
  }
  parts.resize(kept);
  return parts;
}

template <class Salt>
std::vector<RecordLeaf> leaves_with(const Value& resource, const Salt& salt_of) {
  CARELEDGER_ASSERT(resource.is_object());
  std::vector<RecordLeaf> leaves;
  const auto parts = parts_of(resource);
  leaves.reserve(parts.size());
  for (const Part& part : parts) {
    Bytes value;
    if (part.value != nullptr) value = part.name == "meta" ? canonical_meta(*part.value) : json::canonical(*part.value);
    const Bytes sibling = part.sibling != nullptr ? json::canonical(*part.sibling) : Bytes();
    if (value.empty() && sibling.empty()) continue;
    RecordLeaf leaf{std::string(part.name), {}};
    leaf.data.reserve(32 + part.name.size() + value.size() + sibling.size() + 16);
    append_field(leaf.data, salt_of(part.name).view());
    append_field(leaf.data, part.name);
    append_field(leaf.data, value);
    append_field(leaf.data, sibling);
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}
}  // namespace

Digest record_salt(ByteView seed, std::string_view name) {
  CARELEDGER_ASSERT(seed.size() == 32);
  return crypto::hmac_sha256(seed, name);
}

std::vector<RecordLeaf> record_leaves(const Value& resource, ByteView seed) {
  CARELEDGER_ASSERT(seed.size() == 32);
  const crypto::HmacSha256 salts(seed);
  return leaves_with(resource, [&salts](std::string_view name) { return salts.mac(name); });
}

std::vector<RecordLeaf> record_leaves(const Value& resource, SaltOf salt_of, const void* context) {
  return leaves_with(resource, [=](std::string_view name) { return salt_of(context, name); });
}

bool is_redacted(const Value& resource) {
  const Value* meta = resource.find("meta");
  if (meta == nullptr) return false;
  const auto labels = meta->items_at("security");
  return std::any_of(labels.begin(), labels.end(), is_redacted_label);
}

}  // namespace careledger::codec::fhir
