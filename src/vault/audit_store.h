// Where the audit map's derived rows lie: which entries a subject has, the spines of the tree, the hashes of the log. All of it follows
// from the audit file and may be dropped. For src/vault alone.
//
// Thread-safety: fold() and tree() belong to one thread at a time; everything else is safe from any thread.
#pragma once

#include <atomic>
#include <memory>

#include "proof/log.h"
#include "storage/store.h"
#include "vault/audit_file.h"
#include "vault/audit_tree.h"
#include "vault/keystore.h"

namespace careledger::vault {

struct Folding {  // an entry on its way into map and log
  Subject subject;
  Bytes key;  // audit_key()
  Digest commitment;
  FilePlace place;
  std::uint64_t written = 0;  // AuditEntry::written; 0 when it was read back from the file
};

class AuditStore final : public proof::LogNodes {
 public:
  // An empty folder: in memory.
  static Result<std::unique_ptr<AuditStore>> open(const std::string& folder, Keystore& keys, Entropy& entropy,
                                                  std::shared_ptr<storage::Room> room = nullptr);

  // In order of index; `next` is the place behind the last one. After a failure nothing more may be folded until the store is reopened.
  Result<void> fold(std::span<const Folding> entries, FilePlace next);
  FilePlace folded() const { return folded_; }  // of the entry after the last folded one
  std::uint64_t newest_written() const { return newest_written_; }
  AuditTree& tree() { return tree_; }
  const AuditTree& tree() const { return tree_; }
  Digest log_root() const { return log_.root(); }

  // Rows of one subject in order of time, at most `limit`: from the first with this key or a larger one (empty: its first); from the first
  // with this index or a larger one; those right before a key (empty: the last ones). Each seeks to where it begins, so that a page costs
  // what is on it.
  struct Row {
    Bytes key;
    FilePlace place;
  };
  Result<std::vector<Row>> rows_of(const Subject& subject, std::uint64_t limit, ByteView from = {}) const;
  Result<std::vector<Row>> rows_from(const Subject& subject, std::uint64_t index, std::uint64_t limit) const;
  Result<std::vector<Row>> rows_before(const Subject& subject, ByteView key, std::uint64_t limit) const;
  Result<std::vector<Row>> rows_sharing(ByteView key,
                                        std::uint32_t bits) const;  // those whose first bits are the key's, a subject's or more
  // The node that has this hash; nullopt of one that is not kept (Spine::kMarkEvery).
  Result<std::optional<TreeNode>> tree_node(const Digest& hash) const;
  Result<FilePlace> place_before(std::uint64_t index) const;  // a known place at or before an entry
  Result<Digest> node(proof::LogNodeId id) const override;

  Result<void> put_head(const AuditHead& head);
  const std::optional<AuditHead>& stored_head() const { return head_; }  // as it was when opened
  storage::Store& store() { return *store_; }

 private:
  AuditStore() = default;
  Result<void> load();
  void fold_one(const Folding& entry, storage::Batch& batch);

  std::unique_ptr<storage::Store> store_;
  AuditTree tree_;
  proof::CompactRange log_;
  FilePlace folded_;
  std::atomic<std::uint64_t> newest_written_{0};
  std::optional<Error> failed_;
  Bytes tile_;  // leaf hashes of the last tile, complete or not
  std::optional<AuditHead> head_;
};

}  // namespace careledger::vault
