#include "vault/record_rules.h"

#include <algorithm>

#include "codec/fhir/index.h"
#include "codec/fhir/record.h"
#include "crypto/hash.h"
#include "proof/log.h"
#include "vault/terms.h"

namespace careledger::vault {

Result<Indexed> index_resource(std::string_view type, std::string_view id, const codec::json::Value& resource) {
  if (!resource.is_object() || resource.string_at("resourceType") != type) {
    return fail(ErrorKind::invalid, "the resource's type is another than the one it is to be stored under");
  }
  if (resource.string_at("id") != id) return fail(ErrorKind::invalid, "the resource's id is another than the one it is to be stored under");
  const auto values = codec::fhir::index_values(resource);
  Indexed indexed;
  indexed.terms.reserve(values.size() + 4);
  for (const auto& value : values)
    if (value.parameter.code() != "_id") append_terms(value, indexed.terms);  // ids are the order of the versions column itself
  std::sort(indexed.terms.begin(), indexed.terms.end());
  indexed.terms.erase(std::unique(indexed.terms.begin(), indexed.terms.end()), indexed.terms.end());
  indexed.patients = codec::fhir::patient_compartments(resource, values);
  return indexed;
}

Digest record_root(const codec::json::Value& resource, const crypto::Secret& salt_seed) {
  proof::CompactRange range;
  for (const auto& leaf : codec::fhir::record_leaves(resource, salt_seed.view())) range.append(proof::log_leaf(leaf.data));
  return range.root();
}

Result<Digest> commit_record(std::string_view type, const codec::json::Value& resource, const crypto::Secret& salt_seed) {
  if (!resource.is_object()) return fail(ErrorKind::invalid, "a resource is an object");
  return crypto::tagged_hash("careledger/record/1", {codec::fhir::kRecordProfile, type, record_root(resource, salt_seed).view()});
}

Digest commit_deletion(std::string_view type, std::string_view id, std::uint32_t version, const crypto::Secret& salt_seed) {
  const Digest salt = crypto::hmac_sha256(salt_seed.view(), "deletion");
  return crypto::tagged_hash("careledger/deletion/1", {salt.view(), type, id, u32_bytes(version)});
}

}  // namespace careledger::vault
