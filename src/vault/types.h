// What the vault stores and gives back: versions of resources. Plain values, but for the seed of a proof, which is a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "crypto/secret.h"

namespace careledger::codec::json {
class Value;
}

namespace careledger::vault {

// FHIR ids and types as the edge has checked them: id [A-Za-z0-9.-]{1,64}, type [A-Za-z]{1,64}. Others are refused as invalid.
struct VersionMeta {
  std::string type;
  std::string id;
  std::uint32_t version = 0;          // 1, 2, 3… without holes for one resource; a deletion is a version too
  std::uint64_t number = 0;           // of the record version in this vault, in order of commit, never reused; feeds and anchors go by it
  std::uint64_t sequence = 0;         // the commit that made it visible; all versions of one transaction share it
  BlockTime updated;                  // this node's clock at the transaction
  bool deleted = false;               // a tombstone: no body
  bool erased = false;                // its key is gone for ever; meta is what remains
  std::vector<std::string> patients;  // ids of the Patients whose record it is part of (codec/fhir/index.h); empty when erased
};

struct Version {
  VersionMeta meta;
  Bytes body;  // JSON exactly as it was put; empty for tombstones
};

// A version to store. `body` is the resource as it will be served, meta.versionId and meta.lastUpdated included (Transaction says what
// they will be); the vault commits to it without these two. `tree` spares a second parse when the caller has the tree of the very
// same body at hand.
struct Put {
  std::string type;
  std::string id;
  std::uint32_t version = 1;  // what Transaction::next_version said; another is a conflict
  Bytes body;
  const codec::json::Value* tree = nullptr;
};

// Where a version stands on its way to the ledger.
enum class Anchoring : std::uint8_t {
  pending,    // in the outbox
  submitted,  // in a command whose receipt is awaited
  final,      // on the ledger
  refused,    // the ledger said no: an alert is raised, the record stays, and the command is made anew
};

struct AnchorState {
  Anchoring state = Anchoring::pending;
  Height height;               // of the block that holds the anchor's command, when final
  std::uint32_t position = 0;  // in that block
};

// Everything that a proof of one version takes from the vault: with the ledger's proof of the command it makes a bundle.
struct ProofMaterial {
  Version version;
  Digest commitment;
  crypto::Secret seed{};  // the 32 bytes from which the salts of the leaves derive (codec/fhir/record.h). Discloses every leaf that it is
                          // handed out with: give single salts for a partial opening
  std::optional<Digest> remnant{};  // of an erased version, in place of body and seed: root of the elements that it had
  AnchorState anchor;
  Bytes signed_command;          // canonical SignedCommand that carries the anchor; empty while pending
  std::uint32_t leaf_index = 0;  // of the commitment among the anchor's sorted leaves
  std::uint32_t leaf_count = 0;  // padding included
  std::vector<Digest> path;      // RFC 6962 inclusion path from the leaf to the anchor's root
};

}  // namespace careledger::vault
