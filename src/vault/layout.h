// Rows of the vault's store (docs/formats/vault.md). For src/vault alone.
#pragma once

#include <map>
#include <optional>

#include "base/result.h"
#include "storage/store.h"
#include "vault/audit.h"
#include "vault/types.h"

namespace careledger::vault {

inline constexpr std::uint32_t kVaultFormat = 1;

// Positions are permanent.
inline constexpr storage::Column kStateColumn{0};     // the visible commit, legal holds, erasures
inline constexpr storage::Column kVersionsColumn{1};  // type, id, version downwards -> VersionRow
inline constexpr storage::Column kBodiesColumn{2};    // number -> sealed body
inline constexpr storage::Column kIndexColumn{3};     // type, parameter, term, id, from -> until, or nothing while it holds
inline constexpr storage::Column kOutboxColumn{4};    // number -> commitment and what it supersedes
inline constexpr storage::Column kAnchorsColumn{5};   // first number -> AnchorRow
inline constexpr storage::Column kJournalColumn{6};   // chunk -> how to take back a transaction that was cut off
inline constexpr storage::Column kPrivateColumn{7};   // relationships and consent terms, sealed

inline constexpr char kCosignedRow = 6;  // first byte of a key of the private column: a checkpoint that a wallet cosigned

storage::StoreOptions store_options(const std::string& folder);

struct VersionRow {
  std::uint64_t number = 0;
  std::uint64_t sequence = 0;
  BlockTime updated;
  bool deleted = false;
  bool erased = false;
  std::optional<Digest>
      remnant{};  // root of an erased version's elements: without its salts it says nothing, but it leads to the commitment
};
Bytes encode(const VersionRow& row);
std::optional<VersionRow> decode_version_row(ByteView bytes);

Bytes type_prefix(std::string_view type);
Bytes resource_prefix(std::string_view type, std::string_view id);
Bytes version_key(std::string_view type, std::string_view id, std::uint32_t version);
struct VersionName {
  std::string_view type;
  std::string_view id;
  std::uint32_t version;
};
std::optional<VersionName> decode_version_key(ByteView key);

Bytes parameter_prefix(std::string_view type, std::string_view parameter);
Bytes escape_term(ByteView term);                                                     // order kept, no terminator
Bytes term_prefix(std::string_view type, std::string_view parameter, ByteView term);  // all ids with that very term
Bytes index_key(std::string_view type, std::string_view parameter, ByteView term, std::string_view id, std::uint64_t from);
struct IndexName {
  ByteView escaped_term;
  std::string_view id;
  std::uint64_t from;
};
std::optional<IndexName> decode_index_key(ByteView key, std::size_t parameter_prefix_size);
Bytes unescape_term(ByteView escaped);

struct Visible {  // the row that makes a commit visible
  std::uint64_t sequence = 0;
  std::uint64_t next_number = 1;
  BlockTime time;
};
inline constexpr ByteView kVisibleKey = "visible";
Bytes encode(const Visible& visible);
std::optional<Visible> decode_visible(ByteView bytes);
inline constexpr ByteView kHoldPrefix = "hold";
Bytes hold_key(std::string_view type, std::string_view id);
inline constexpr ByteView kUntoldPrefix = "untold";
Bytes untold_key(std::uint64_t number);  // -> commitment of an erased version of which the ledger is still to be told

// Numbers that no version has: those between the last one of a backup and the first one after it was restored, because what was lost
// may have had them. First of them -> first behind them.
class Gaps {
 public:
  static Result<Gaps> of(const storage::Reader& reader);
  std::uint64_t skip(std::uint64_t number) const;         // itself, or the first behind the gap that it lies in
  std::uint64_t next(std::uint64_t number) const;         // where the first gap behind it begins; UINT64_MAX: there is none
  std::uint64_t count_below(std::uint64_t number) const;  // numbers below it that lie in gaps

 private:
  std::map<std::uint64_t, std::uint64_t> gaps_;
};
inline constexpr ByteView kGapPrefix{"gap\0", 4};  // ‖ u64 first -> u64 first behind

// What a commit owes the audit map: one entry for each subject, the same but for that (recorded_writes.h).
struct OwedRow {
  std::uint64_t floor = 0;  // entries that the map held before
  AuditEntry entry;
  std::vector<Subject> subjects;
};
inline constexpr ByteView kOwedPrefix{"owed\0", 5};
inline constexpr ByteView kRecordedFromKey = "recorded-from";  // the first commit that left such a row
Bytes owed_key(std::uint64_t sequence);
Bytes encode(const OwedRow& row);
std::optional<OwedRow> decode_owed_row(ByteView bytes);

// What asked for a commit under a name of its own, so that it is not stored again when the answer is lost (Transaction::name).
inline constexpr ByteView kOncePrefix{"once\0", 5};  // ‖ name (32) -> u64 sequence of that commit
Bytes once_key(const Digest& name);

struct OutboxRow {
  Digest commitment;
  std::optional<Digest> supersedes;
};
Bytes encode(const OutboxRow& row);
std::optional<OutboxRow> decode_outbox_row(ByteView bytes);

struct AnchorRow {
  Anchoring state = Anchoring::submitted;
  Height height;
  std::uint32_t position = 0;
  Bytes padding_seed;  // 32 bytes: the padding leaves follow from it
  Bytes signed_command;
  std::vector<Digest> commitments;  // of the versions from the row's first number on, in their order
};
Bytes encode(const AnchorRow& row);
std::optional<AnchorRow> decode_anchor_row(ByteView bytes);

Result<void> check_name(std::string_view type, std::string_view id);  // invalid
// Names the row by a hash of its key: a key may hold what is searched for.
tl::unexpected<Error> corrupt_row(const char* column, ByteView key);

}  // namespace careledger::vault
