// What the parts of one vault share. For src/vault alone.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "storage/encrypted_files.h"
#include "vault/anchor_cache.h"
#include "vault/bodies.h"
#include "vault/key_tree.h"
#include "vault/keystore.h"
#include "vault/layout.h"
#include "vault/newest_versions.h"
#include "vault/vault.h"

namespace careledger::vault {

class Outbox;

// Makes what was written buffered durable, many writers with one sync. Safe from any thread.
class SyncGroup {
 public:
  explicit SyncGroup(storage::Store& store) : store_(store) {}
  // Everything written before the call is on disk when it returns well.
  Result<void> sync();

 private:
  storage::Store& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t wanted_ = 0;  // tickets handed out
  std::uint64_t done_ = 0;    // tickets served
  bool running_ = false;
  Result<void> failure_;
};

struct VaultParts {
  VaultOptions options;
  Keystore& keys;
  Clock& clock;
  Entropy& entropy;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<KeyTree> tree;
  std::unique_ptr<SyncGroup> syncs;
  std::unique_ptr<Outbox> outbox;

  std::mutex writer;  // held by the transaction whose turn it is; guards head
  Visible head;       // what is written, durable or not

  mutable AnchorCache anchors{};
  mutable NewestVersions newest{};
  Gaps gaps{};  // as they were when it was opened

  mutable std::mutex visible_mutex{};
  Visible visible{};  // what readers see

  Visible seen() const {
    const std::lock_guard lock(visible_mutex);
    return visible;
  }
  void publish(const Visible& commit) {
    const std::lock_guard lock(visible_mutex);
    if (commit.sequence > visible.sequence) visible = commit;
  }
};

// The newest commit in the store or in a snapshot of it.
Result<Visible> visible_of(const storage::Reader& reader);

// The newest version at or before `sequence`; nullopt when there is none.
Result<std::optional<StoredVersion>> newest(const VaultParts& parts, std::string_view type, std::string_view id, std::uint64_t sequence);
Result<Version> load(const VaultParts& parts, std::string_view type, std::string_view id, const StoredVersion& stored, bool with_body);
// Whose a version is, from what is stored with its body: where a Binary's security context is no Patient, the patients of what it names, as
// they are now. Nobody's while that is not there, or erased.
Result<std::vector<std::string>> patients_of(const VaultParts& parts, std::vector<std::string> stored);
// Commitment of a version by its number, from its anchor or from the outbox.
Result<Digest> commitment_of(const VaultParts& parts, std::uint64_t number);

// search.cpp
Result<IdPage> search_index(const VaultParts& parts, std::uint64_t sequence, const Query& query, std::string_view after,
                            std::uint32_t limit);
Result<std::uint64_t> count_index(const VaultParts& parts, std::uint64_t sequence, const Query& query, std::uint64_t limit);

// journal.cpp: takes back what transactions cut off by a crash have staged.
Result<void> roll_back_journal(storage::Store& store);

}  // namespace careledger::vault
