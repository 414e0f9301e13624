// Witnesses of the ledger's log: whoever remembers the last checkpoint it saw, demands that the next one contains it, and cosigns that
// (C2SP cosignature/v1). A node whose keys were stolen can sign another history; it cannot make a witness forget the one it remembers.
//
// Thread-safety: a Witness takes turns by a lock of its own; CheckpointKeeper is safe from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "proof/checkpoint.h"
#include "replica/view.h"

namespace careledger::ordering {

class Witness {
 public:
  // Remembers in `file`, whole and durably, before it cosigns. corrupt: the file is not its own. The clock and files are borrowed.
  static Result<std::unique_ptr<Witness>> open(Files& files, std::string file, std::string name, crypto::SigningKey key,
                                               const Clock& clock);

  proof::NoteKey key() const { return {name_, proof::NoteKind::cosignature, key_.public_key()}; }
  std::optional<proof::Checkpoint> remembered() const;

  // `consistency`: from what it remembers to this checkpoint, RFC 6962; empty the first time. conflict: another history (shorter, or one
  // that does not contain what it remembers): nothing is remembered or signed then.
  Result<proof::NoteSignature> cosign(const proof::Checkpoint& checkpoint, const proof::Path& consistency);

 private:
  Witness(Files& files, std::string file, std::string name, crypto::SigningKey key, const Clock& clock)
      : files_(files), file_(std::move(file)), name_(std::move(name)), key_(std::move(key)), clock_(clock) {}

  Files& files_;
  const std::string file_;
  const std::string name_;
  const crypto::SigningKey key_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<proof::Checkpoint> remembered_;
};

// Signs checkpoints with the log's key and collects the cosignatures of the witnesses at hand.
class CheckpointKeeper {
 public:
  CheckpointKeeper(std::string chain_id, crypto::SigningKey log_key)
      : origin_(proof::checkpoint_origin(chain_id)), key_(std::move(log_key)) {}

  void add(std::shared_ptr<Witness> witness);  // before the first checkpoint()
  proof::NoteKey log_key() const { return {origin_, proof::NoteKind::ed25519, key_.public_key()}; }
  std::vector<proof::NoteKey> witness_keys() const;

  struct Witnessed {
    Bytes note;
    proof::Path consistency;  // between the view's log and the checkpoint's, when their sizes differ
  };
  // A checkpoint of the view's log or of a longer one, with the cosignature of every witness. conflict names the witness that remembers
  // another history. The note is made once a size.
  Result<Witnessed> checkpoint(const replica::View& view);

  // That a command stands in the log, under a checkpoint of the view's log or of a longer one (c2sp.org/tlog-proof). not_found.
  Result<Bytes> receipt(const replica::View& view, const Digest& command);

  bool at_hand(const replica::View& view) const;  // checkpoint() waits for no disk then

  // The newest checkpoint, of the view's log or of a longer one, for somebody who remembers a log of `from` entries.
  struct Since {
    Bytes note;
    std::uint64_t size = 0;
    proof::Path consistency;  // from `from` entries to `size`; empty when `from` is more than there are
  };
  Result<Since> since(const replica::View& view, std::uint64_t from);

 private:
  struct Made {
    replica::View at;
    Bytes note;
  };
  std::shared_ptr<const Made> newest() const;
  Result<std::shared_ptr<const Made>> covering(const replica::View& view);  // of the view's log or of a longer one; makes it if need be
  Result<Bytes> make(const replica::View& view) const;
  const std::string origin_;
  const crypto::SigningKey key_;
  std::vector<std::shared_ptr<Witness>> witnesses_;
  std::mutex making_;         // held while witnesses sync what they remember; who wants an older note does not wait for it
  mutable std::mutex mutex_;  // of made_
  std::shared_ptr<const Made> made_;
};

}  // namespace careledger::ordering
