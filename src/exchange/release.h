// What leaves: where a patient's records are found, which elements of a resource are shown, and the resource that a receiver makes of them.
// Pure functions; any thread.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "crypto/sign.h"
#include "exchange/terms.h"
#include "kernel/authority.h"
#include "proof/verify.h"
#include "vault/search.h"

namespace careledger::exchange {

// Finds the resources of a type that are about a patient. nullopt when nothing leads from the type to a patient (Medication, Binary).
std::optional<vault::Query> query_of(codec::fhir::ResourceType type, const std::string& patient_id);

// Names of the top-level elements to show. When some are withheld, of it or of a resource that it contains, the rest goes without
// `text` and `contained`, which could tell them.
std::set<std::string> released_elements(const Terms& terms, const codec::json::Value& resource);

// The resource that a verified bundle shows, with the label REDACTED when `partial`. invalid when a shown value is not JSON.
Result<codec::json::Document> resource_of(const proof::Report& report, bool partial);

Digest grant_id(const RelationshipId& relationship, std::uint32_t number);  // H('careledger/grant/1', relationship, u32 number)
std::uint32_t key_number(const ledger::Authority& authority, const crypto::PublicKey& key);  // 0: not among its keys

}  // namespace careledger::exchange
