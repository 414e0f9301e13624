// What the vault derives from a resource's tree: what it is found by, whose it is, and what the ledger will know of it. For src/vault
// alone. Thread-safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "codec/json/json.h"
#include "crypto/secret.h"
#include "vault/search.h"
#include "vault/types.h"

namespace careledger::vault {

struct Indexed {
  std::vector<Term> terms;            // sorted, without repeats
  std::vector<std::string> patients;  // ids of the Patients whose record it is part of (codec/fhir/index.h); sorted, without repeats
};
Result<Indexed> index_resource(std::string_view type, std::string_view id, const codec::json::Value& resource);

// Root of the tree of its elements, and the commitment that it leads to (codec/fhir/record.h).
Digest record_root(const codec::json::Value& resource, const crypto::Secret& salt_seed);
// Commitment of the record (codec/fhir/record.h) under the salts that follow from `salt_seed`.
Result<Digest> commit_record(std::string_view type, const codec::json::Value& resource, const crypto::Secret& salt_seed);
// A deletion leaves something to commit to as well: H('careledger/deletion/1', salt, type, id, version) with salt = HMAC(salt_seed,
// "deletion").
Digest commit_deletion(std::string_view type, std::string_view id, std::uint32_t version, const crypto::Secret& salt_seed);

}  // namespace careledger::vault
