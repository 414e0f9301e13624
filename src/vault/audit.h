// Who saw what: the organisation's append-only record of every read, search, release, refusal, export, emergency and administrator's
// act. Durable before the answer leaves; folded into a Merkle map keyed subject ‖ time ‖ n and an RFC 6962 log whose roots one
// access.head command an epoch puts on the ledger.
//
//   audit.append(entry, [respond](const Result<Recorded>& recorded) {…});   // `done` runs when it is durable
//   audit.wait_for_head(recorded.index + 1, [](const Result<AuditHead>& head) {…});   // before a release to another organisation
//
// The file is a row of frames sealed under the audit key (docs/formats/audit.md): an edit, a swap or a hole is found and named; what a
// crash tore off the end was never acknowledged, is put aside, cut, and said. Nothing else is ever cut.
//
// Thread-safety: safe from any thread. Callbacks run on a thread of the audit's own (append: the flusher; heads and lists: the keeper);
// keep them short and never wait in one for another of the same object.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/function.h"
#include "base/ids.h"
#include "base/result.h"
#include "proof/audit_place.h"
#include "proof/merkle_map.h"

namespace careledger::ordering {
class Ordering;
}
namespace careledger::storage {
class Room;
}

namespace careledger::vault {

class Keystore;
class CommandSigner;

// Numbers are permanent and the list is open: a reader shows what it does not know by its number.
enum class AuditKind : std::uint16_t {
  read = 1,
  vread = 2,
  search = 3,
  history = 4,
  create = 5,
  update = 6,
  remove = 7,
  transaction = 8,
  release = 20,   // to another organisation
  refusal = 21,   // what was asked for and not given, to whom
  retrieve = 22,  // what we received from another organisation
  export_data = 23,
  prove = 24,
  read_audit = 25,
  break_glass = 30,
  backup = 40,
  restore = 41,
  key_use = 42,
  configuration = 43,
  failed_login = 44,
  erase = 45,
  start = 46,
  stop = 47,
  check = 48,
};
const char* name_of(AuditKind kind);  // "read"; "kind-77" is for the caller to make from a number not in the list

enum class AuditOutcome : std::uint8_t { done = 0, refused = 1, failed = 2 };

using Subject = Id32<struct SubjectTag>;  // whom the access was about: see subject_of(); all zeros: nobody in particular

struct AuditEntry {
  Subject subject;
  AuditKind kind = AuditKind::read;
  AuditOutcome outcome = AuditOutcome::done;
  std::string actor;          // "Practitioner/17"
  std::string role;           // "clinician"
  std::string purpose;        // "TREAT"
  std::string organisation;   // hex of the asking organisation when it is another one; else empty
  std::string resource_type;  // "Observation"; empty when there is none
  std::string resource_id;
  std::uint32_t version = 0;  // 0: not a single version
  Bytes details;              // JSON text for people, opened separately from the rest: query, reason, count; at most 64 KiB
  std::uint64_t written = 0;  // highest number of a record version that the act has stored, durably; 0: none. Not part of what is shown:
                              // it feeds AuditMap::newest_written()
};

struct Recorded {
  std::uint64_t index = 0;   // in the file and in the log, from 0
  BlockTime time;            // never less than that of the entry before
  std::uint32_t number = 0;  // tells entries of one millisecond apart
  Digest commitment;         // of the entry: what the map holds
};

// A stored entry, as shown to whoever may see it. `opening` lets an outsider recompute the commitment.
struct OpenedEntry {
  Recorded recorded;
  AuditEntry entry;
  Bytes entry_salt;  // 32 bytes each
  Bytes details_salt;
};
// commitment = H('careledger/audit-entry/1', H('careledger/audit-part/1', entry_salt, entry_bytes), H('…part/1', details_salt, details))
Bytes entry_bytes(const AuditEntry& entry);  // canonical bytes of everything but the details
Digest entry_commitment(const OpenedEntry& opened);

struct AuditHead {  // one access.head command
  Digest map_root;
  Digest log_root;
  std::uint64_t size = 0;  // entries covered
  Bytes signed_command;    // canonical; its digest stands in the ledger's log
  Height height;           // where it stands, once final
  std::uint32_t position = 0;
};

// Which entries of a subject a list is asked for: by their places, and how many of them at most.
struct ListRange {
  proof::AuditPlace from{};               // the first place
  std::optional<proof::AuditPlace> to{};  // the first place behind; nothing: to the end
  std::uint32_t limit = 10'000;           // entries, at least 1: a bundle of so many is well below what verifiers take
  std::size_t bytes = 16u << 20;          // of entries with their details, to within a quarter
};

// A patient's list: every entry of one subject by a head, or of a part of them, with the proof that none is missing.
struct AccessList {
  Subject subject;
  AuditHead head;
  std::optional<proof::AuditPlace> after, before;  // the entries beside a part, which are not in it; neither: this is the whole list
  std::vector<OpenedEntry> entries;                // by time
  proof::MapCut range_proof;                       // over all keys of the subject, or all between the two
};

struct AuditOptions {
  std::string folder;  // "audit.log" and the store of the map; empty: in memory (tests)
  OrganisationId organisation;
  std::uint32_t epoch_ms = 1000;          // longest wait before a head
  std::uint32_t head_wait_ms = 30'000;    // longest that anybody waits for a head or a list; then unavailable
  std::uint32_t queue_max = 65536;        // appends waiting for the disk; above it append answers busy
  std::shared_ptr<storage::Room> room{};  // of the map's store
  std::uint64_t entries_min = 0;          // the ledger's newest head covers so many entries: the file must hold them
  std::function<bool()> on_full{};  // the disk is full: free some and say true (storage/reserve.h); asked once a failed append. Any thread
  std::function<void(const std::string&)> on_alert{};  // what an operator must hear: log and metric. Any thread; no entry's content
};

class AuditMap {
 public:
  struct State;  // for the files of src/vault

  // Replays what the map has not folded yet. A torn tail is put aside in audit.log.torn and cut, with an alert. corrupt, changing nothing:
  // an entry (named) is damaged, or fewer are there than map and ledger know of. Borrows the rest.
  static Result<std::unique_ptr<AuditMap>> open(AuditOptions options, Keystore& keys, Files& files, Clock& clock, Entropy& entropy);
  ~AuditMap();

  void append(AuditEntry entry, UniqueFunction<void(const Result<Recorded>&)> done);
  // Places in the queue for entries that somebody is about to owe; given back when it goes unused.
  class Places {
   public:
    Places(Places&& other) noexcept : state_(std::exchange(other.state_, nullptr)), count_(other.count_) {}
    Places& operator=(Places&&) = delete;
    ~Places();

   private:
    friend class AuditMap;
    Places(State& state, std::size_t count) : state_(&state), count_(count) {}
    State* state_;
    std::size_t count_;
  };
  Result<Places> reserve(std::size_t count);  // busy when so many do not fit now; more than the whole queue waits until it is empty
  // All in one append, so durable together or not at all. They never find the queue full.
  void append(std::vector<AuditEntry> entries, Places places, UniqueFunction<void(const Result<void>&)> done);
  Result<Recorded> append_and_wait(AuditEntry entry);  // not from a callback
  std::uint64_t size() const;                          // durable entries
  std::uint64_t torn_bytes() const;                    // cut when it was opened; 0 after a clean stop
  // The highest `written` of any entry that the map has folded: the vault must hold as many versions, or it is an older copy than this
  // map. Kept with the map and not in the file: 0 when the map was made anew, and what a crash kept from being folded is missing.
  std::uint64_t newest_written() const;

  // Pseudonym of a patient in this organisation's map, stable for ever: HMAC of the Patient resource's id under a key of its own.
  Subject subject_of(std::string_view patient_id) const;

  void start_heads(ordering::Ordering& ordering, CommandSigner& signer);  // borrowed until stop_heads()
  void stop_heads();  // afterwards no callback that was given before runs any more; not from a callback
  // `done` once a head that covers `size` entries is final; asks for one at once. unavailable when heads are stopped, when the ledger
  // refuses one, and after head_wait_ms: nobody waits for ever.
  void wait_for_head(std::uint64_t size, UniqueFunction<void(const Result<AuditHead>&)> done);
  std::optional<AuditHead> head() const;  // the newest final one

  // The list at a head that covers everything recorded when it is called. Where it has more than the range's limits it ends early, with
  // `before` at the first entry left out: the next part begins there. unavailable as above.
  void list(const Subject& subject, const ListRange& range, UniqueFunction<void(Result<AccessList>)> done);
  // Entries in order of time from index `from`, for AuditEvent, `audit` and backup. Any thread.
  Result<std::vector<OpenedEntry>> entries(std::uint64_t from, std::uint32_t limit) const;
  // The entries of one subject, newest last, without a proof: the first ones from index `from` on, or the last ones. Of those that `keep`
  // wants, `limit` are given, however many others lie between.
  using KeepEntry = std::function<bool(const AuditEntry&)>;
  Result<std::vector<OpenedEntry>> entries_of(const Subject& subject, std::uint64_t from, std::uint32_t limit) const;
  Result<std::vector<OpenedEntry>> newest_of(const Subject& subject, std::uint32_t limit, const KeepEntry& keep = {}) const;
  // RFC 6962 inclusion of entry `index` and consistency, in the log of the newest final head.
  Result<std::vector<Digest>> inclusion(std::uint64_t index) const;
  Result<std::vector<Digest>> consistency(std::uint64_t old_size) const;

  struct Figures {
    std::uint64_t entries = 0;
    std::uint64_t folded = 0;
    std::uint64_t heads = 0;
    std::uint64_t heads_refused = 0;
    std::uint64_t fold_us_last = 0;
  };
  Figures figures() const;
  const State& state() const { return *state_; }

 private:
  explicit AuditMap(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace careledger::vault
