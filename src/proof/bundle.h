// Proof bundles: one file that proves a claim to an outsider who has the trust file and nothing else. Format and rules:
// docs/formats/proof-bundle.md; verification: proof/verify.h.
//
// Thread-safety: values; free functions are pure.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proof/audit_place.h"
#include "proof/bundle.pb.h"
#include "proof/chain.h"
#include "proof/merkle_map.h"
#include "proof/simple_map.h"

namespace careledger::proof {

inline constexpr ByteView kBundleMagic = "CLPB1\n";
inline constexpr std::size_t kMaxBundle = 32u << 20;  // bytes
inline constexpr ByteView kRecordProfile = "fhir-verbatim/1";
inline constexpr std::uint32_t kRecordsContract = 4;  // whose payload an anchor is
inline constexpr std::uint32_t kAccessContract = 5;   // whose payload a head is

// A command and where it stands: what witnesses of the log have seen, once their checkpoint covers `index`.
struct LoggedCommand {
  ledger::SignedCommand command;
  Height height;
  std::uint32_t position = 0;
  std::uint64_t index = 0;  // in the log
  Path path;                // from there to the log's root
};

// ---- records ----

// H('careledger/record/1', profile, type, root of the elements' tree).
Digest record_commitment(ByteView profile, ByteView type, const Digest& root);
// Key of the row that says what became of a version: 0x40 ‖ H('careledger/record-exception/1', organisation, commitment).
Bytes exception_key(const OrganisationId& organisation, const Digest& commitment);
Bytes account_key(const AccountId& account);                                // 0x01 ‖ id
Bytes past_authority_key(const AccountId& account, std::uint32_t version);  // 0x03 ‖ id ‖ u32 version
Bytes organisation_key(const OrganisationId& organisation);                 // 0x10 ‖ id
Bytes head_key(const OrganisationId& organisation);                         // 0x50 ‖ id
Digest command_digest(ByteView command);                                    // SHA-256(field('careledger/command/1') ‖ command)

// A top-level element that is shown: its leaf data and the way to the record's root.
struct ShownElement {
  Bytes leaf;
  std::vector<std::pair<bool, Digest>> path;  // upwards; true: the sibling stands on the left
};
// From the data of all leaves in their order: the root, and the elements at `shown` (indexes, ascending).
struct OpenedRecord {
  Digest root;
  std::vector<ShownElement> elements;
};
OpenedRecord open_record(std::span<const Bytes> leaves, std::span<const std::size_t> shown);

struct RecordClaim {
  Bytes profile{kRecordProfile};
  Bytes type;
  Digest root;
  std::vector<ShownElement> elements;
  LoggedCommand anchor;
  std::uint32_t leaf = 0;
  Path leaf_path;
  MapCut state;  // account_key and organisation_key of the actor, present; for currency also exception_key, present or absent. Signatures
                 // of a replaced authority want its past_authority_key instead of nothing: present too
};

// ---- access lists ----

// H('careledger/audit-part/1', salt, data) and H('careledger/audit-entry/1', part of the entry, part of the details).
Digest audit_part(ByteView salt, ByteView data);
Digest audit_commitment(const Digest& entry_part, const Digest& details_part);

struct AuditOpening {
  std::uint32_t row = 0;
  Bytes entry_salt, entry;
  std::optional<Digest> details_hash;  // set: the details stay hidden
  Bytes details_salt, details;
};

struct AccessClaim {
  OrganisationId custodian;
  Digest subject;
  LoggedCommand head;  // what set the head; only it is in the log, the row is not
  // The rows of the subject, or of a part of them: those between the rows at `after` and `before`, which the cut shows as its neighbours.
  std::optional<AuditPlace> after, before;
  MapCut list;  // MapModel::prove_range(list_begin(), list_end()) of the audit map, or the same from its store
  std::vector<AuditOpening> openings;
  MapCut state;  // account_key, organisation_key and head_key of the custodian, present; so is each past_authority_key
  std::optional<ledger::SignedPromise> promise;  // the claim then is a conviction

  bool is_part() const { return after || before; }
  bool covers(AuditPlace place) const { return (!after || *after < place) && (!before || place < *before); }
  Bytes list_begin() const;  // no key of the list is smaller
  Bytes list_end() const;    // each is smaller; empty: to the map's end
};

// ---- the file ----

struct WitnessedCheckpoint {
  Bytes note;
  Path consistency;  // prove_consistency between the smaller and the larger of the two sizes
};

struct Bundle {
  LedgerId ledger;
  SignedHeader signed_header;
  ValidatorSet validators;
  SimpleMap roots;  // app_map() of what the header commits to
  std::variant<RecordClaim, AccessClaim> claim;
  std::optional<WitnessedCheckpoint> checkpoint;
  std::vector<LightBlock> walk{};  // ascending, below the header: from blocks that older validators signed to those that signed it
};

Bytes encode(const Bundle& bundle);  // the file's bytes
// malformed or too_large unless the bytes are exactly what encode() gives. Says nothing about truth.
Result<Bundle> decode_bundle(ByteView bytes);

}  // namespace careledger::proof
