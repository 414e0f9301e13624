// One organisation's records: encrypted, versioned, searchable, on their way to the ledger.
//
//   CARELEDGER_TRY(auto transaction, vault.begin());                 // waits for the writer before
//   CARELEDGER_TRY(auto version, transaction->next_version("Patient", id));
//   CARELEDGER_CHECK(transaction->put({"Patient", id, version, body}));
//   CARELEDGER_TRY(auto committed, transaction->commit());           // durable and visible at home
//   vault.when_anchored(committed.last_number, [](AnchorState) {…}); // on the ledger
//
// A version is sealed under its own key, then visible at home, then anchored; only a final anchor may be released elsewhere. Everything
// of one transaction becomes visible at once, by one sequence number. Writers take turns; readers never wait for them.
//
// Thread-safety: Vault and View are safe from any thread and block only for disk. A Transaction belongs to the thread that began it.
// Errors: not_found, gone (deleted or erased), conflict (another version than expected), invalid (name or body), corrupt (names the
// row), wrong_key, storage. After a failed sync every write fails until the vault is opened again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "base/clock.h"
#include "base/function.h"
#include "base/result.h"
#include "vault/search.h"
#include "vault/types.h"

namespace careledger::ordering {
class Ordering;
}
namespace careledger::storage {
class Room;
class Store;
struct StoreOptions;
}  // namespace careledger::storage

namespace careledger::vault {

class Keystore;
class CommandSigner;
struct VaultParts;  // what the parts of a vault share; inside src/vault only

// The records as they were at one commit. Cheap to copy; holds nothing back.
class View {
 public:
  std::uint64_t sequence() const { return sequence_; }

  Result<Version> read(std::string_view type, std::string_view id) const;           // the current one; gone when a tombstone
  Result<VersionMeta> read_meta(std::string_view type, std::string_view id) const;  // the same without the body; tombstones too
  Result<Version> read_version(std::string_view type, std::string_view id, std::uint32_t version) const;  // gone when erased
  Result<bool> has_version(std::string_view type, std::string_view id, std::uint32_t version) const;      // erased or a tombstone: yes
  // Whether a Patient of this id was ever stored, deleted and erased ones too. One whose row cannot be read counts: what is recorded of it
  // stands rather in somebody's access list than in nobody's.
  bool has_patient(std::string_view id) const;
  // Newest first, tombstones and erased ones (without body) included. `before` 0 starts at the newest. not_found when there is none. Ends
  // early with the version whose body brings them to `bytes`.
  Result<std::vector<Version>> history(std::string_view type, std::string_view id, std::uint32_t before, std::uint32_t limit,
                                       std::size_t bytes = SIZE_MAX) const;
  // Current bodies of many, in the order of `ids`; nullopt for those deleted or absent. Shorter than `ids` when the bodies come to `bytes`:
  // the one that does so is the last.
  Result<std::vector<std::optional<Version>>> read_many(std::string_view type, std::span<const std::string> ids,
                                                        std::size_t bytes = SIZE_MAX) const;

  Result<IdPage> search(const Query& query, std::string_view after, std::uint32_t limit) const;
  Result<std::uint64_t> count(const Query& query, std::uint64_t limit) const;  // stops at the limit

  // The change feed: versions with a number above `after` that this view sees, in order of commit, tombstones included.
  Result<std::vector<Version>> changes(std::uint64_t after, std::uint32_t limit) const;

 private:
  friend class Vault;
  friend class Transaction;
  View(const VaultParts* parts, std::uint64_t sequence) : parts_(parts), sequence_(sequence) {}
  const VaultParts* parts_;
  std::uint64_t sequence_;
};

struct Committed {
  std::uint64_t sequence = 0;
  std::uint64_t first_number = 0;  // of the transaction's versions
  std::uint64_t last_number = 0;   // 0 when it changed nothing
};

// Staged in chunks, so that 25,000 entries need little memory; dropped without commit() it leaves nothing visible behind.
class Transaction {
 public:
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  const View& before() const;  // what the transaction found; what it stages is not in it
  BlockTime time() const;      // meta.lastUpdated of everything it stages; never before that of an earlier transaction
  // 1 for what never existed, else one above the newest version, deleted ones included. conflict when this transaction staged it already.
  Result<std::uint32_t> next_version(std::string_view type, std::string_view id) const;

  Result<VersionMeta> put(Put put);                                        // create or update
  Result<VersionMeta> remove(std::string_view type, std::string_view id);  // not_found, gone
  std::size_t size() const;                                                // versions staged
  // Ids of the patients whom it concerns: those of every version staged and of the version that each of these replaces, so that a record
  // which moves from one patient to another is recorded for both.
  const std::set<std::string>& patients() const;

  std::uint64_t sequence() const;  // of the commit that this will be

  // Names of what was asked for, so that it is not stored again when the answer is lost. stored(): whether an earlier commit has that name;
  // it is durable and visible when this says so. name(): this commit has it, any number of them.
  Result<bool> stored(const Digest& name) const;
  void name(const Digest& name);

  // For RecordedWrites: a row of this commit that says what it owes the audit map, and the commits whose rows may go.
  void owe(Bytes row, std::span<const std::uint64_t> settled);

  // Durable, then visible to every later view. On failure nothing of it is visible, now or after a restart.
  Result<Committed> commit();

 private:
  friend class Vault;
  struct State;
  explicit Transaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct VaultOptions {
  std::string folder;  // empty: everything in memory (tests)
  OrganisationId organisation;
  std::size_t cache_bytes = 24u << 20;
  std::size_t write_buffer_bytes = 24u << 20;
  std::uint32_t anchor_count_max = 512;   // versions in one anchor: more would make each proof of one dearer
  std::uint32_t chunk_bytes = 1u << 20;   // of a transaction's rows held in memory
  std::shared_ptr<storage::Room> room{};  // none: records are taken until a write fails
  // In place of the built-in stores: for tests that break off, and for other stores later.
  std::function<Result<std::unique_ptr<storage::Store>>(const storage::StoreOptions&)> open_store{};
  std::function<void(const std::string&)> on_alert{};  // what an operator must hear: log and metric. Any thread; no record's content
};

class Vault {
 public:
  // Opens or makes it; collects what a crash left half there. Keystore, clock and entropy are borrowed and must outlive the vault.
  static Result<std::unique_ptr<Vault>> open(VaultOptions options, Keystore& keys, Clock& clock, Entropy& entropy);
  ~Vault();

  View view() const;                                   // everything committed so far
  Result<View> view_at(std::uint64_t sequence) const;  // for page tokens; invalid when it lies ahead
  Result<std::unique_ptr<Transaction>> begin();        // waits its turn; storage while the disk is too full for records

  // Starts anchoring: first what waits from before. Both are borrowed until stop_anchoring().
  void start_anchoring(ordering::Ordering& ordering, CommandSigner& signer);
  void stop_anchoring();  // idempotent; what waits keeps waiting in the outbox
  // Runs `done` once, when the version with this number is on the ledger, on a thread of the vault or at once; with `refused` when the
  // ledger would not take it, with `pending` when anchoring stops first, or release_waiting() does. Keep it short.
  void when_anchored(std::uint64_t number, UniqueFunction<void(const AnchorState&)> done);
  void release_waiting();  // tells everybody who waits for that `pending`: the ledger will take its time
  Result<AnchorState> anchor_state(std::uint64_t number) const;
  std::uint64_t waiting_for_anchor() const;  // versions, for metrics and `status`

  // Version 0: the current one. Of an erased version what remains: gone when nothing does (it was erased in a newer copy of this vault).
  Result<ProofMaterial> proof_material(std::string_view type, std::string_view id, std::uint32_t version) const;

  // Makes one version unreadable for ever, in this vault and in every older copy of it: see key_tree.h. forbidden under a legal hold.
  // That it is owed to the ledger to say so is durable from the same moment on: untold_erasures().
  Result<void> erase(std::string_view type, std::string_view id, std::uint32_t version);
  struct UntoldErasure {  // erased here; the ledger may not say so yet
    std::uint64_t number = 0;
    Digest commitment;
  };
  Result<std::vector<UntoldErasure>> untold_erasures() const;
  Result<void> erasure_told(std::uint64_t number);
  Result<void> set_legal_hold(std::string_view type, std::string_view id, bool held);
  Result<bool> legal_hold(std::string_view type, std::string_view id) const;

  struct Figures {
    std::uint64_t versions = 0;
    std::uint64_t anchors = 0;
    std::uint64_t waiting = 0;
    std::uint64_t refused = 0;
    std::uint64_t newest = 0;  // number of the newest version: more than there are versions after a restore
  };
  Figures figures() const;

  VaultParts& parts() { return *parts_; }  // for the files of src/vault

 private:
  explicit Vault(std::unique_ptr<VaultParts> parts);
  Result<void> finish_erasures();
  std::unique_ptr<VaultParts> parts_;
};

}  // namespace careledger::vault
