// Snapshots on disk, so that they outlive the process that made them and hold no view of the ledger. Pieces of the log are not among the
// files: the ledger gives the same bytes at any later time.
//
//   FOLDER/00000000000000001000.000000   a piece, as it travels; so many as there are
//   FOLDER/00000000000000001000.whole    digest ‖ field(header) ‖ field(digest of piece 0) ‖ …, written last and removed first
//
// One without its last file was not ended, and goes at the next start, as does one with a byte that is not what was written. The folder is
// for these files alone. All of them follow from the ledger: it may be removed at any time while no process works on it.
//
// Thread-safety: take_up, write, remove and clear belong to one thread at a time; piece is safe from any. Errors: unavailable when these
// files cannot be written, read or removed, which is no reason to order no more, and so is never told as a fault of the ledger's disk;
// gone when they hold other bytes than were written.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "replica/snapshot.h"

namespace careledger::ordering::abci {

struct StoredSnapshot {
  Height height;
  Bytes header;                           // encoded SnapshotHeader
  std::vector<Digest> pieces;             // SHA-256 of each piece of the state
  std::vector<std::uint64_t> log_ends{};  // size of the log after each piece of it
  std::size_t chunks() const { return pieces.size() + log_ends.size(); }
};

class SnapshotFiles {
 public:
  // Pieces are written as long as `leave_free` bytes stay free on the disk.
  SnapshotFiles(Files& files, std::string folder, std::uint64_t leave_free)
      : files_(files), folder_(std::move(folder)), leave_free_(leave_free) {}

  Result<std::vector<Height>> heights() const;  // of those that were ended, ascending; nothing of them is read
  // Reads the newest `most` back, whole, newest first, and removes everything else: what was not ended, is damaged (`damaged` hears of
  // it), is of another ledger, or of a height that this one has not reached. cancelled: `stop` was asked for meanwhile.
  Result<std::vector<StoredSnapshot>> take_up(const LedgerId& ledger, Height reached, std::size_t most, const std::stop_token& stop,
                                              const std::function<void(const Error&)>& damaged);
  // The pieces of the state. too_large: the disk has no room for it. cancelled. storage, corrupt: of the ledger that is read. What an error
  // leaves behind is removed by remove(), or by take_up().
  Result<StoredSnapshot> write(Height height, const replica::SnapshotReader& reader, const std::stop_token& stop);
  Result<Bytes> piece(const StoredSnapshot& snapshot, std::size_t index) const;  // not_found: somebody removed it
  Result<void> remove(Height height);                                            // fine when there is nothing of it
  Result<void> clear();                                                          // all of them

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  Result<std::vector<std::string>> names() const;
  Result<StoredSnapshot> read(Height height, const std::stop_token& stop) const;
  Result<void> remove_all(const std::function<bool(const std::string& name)>& which);

  Files& files_;
  const std::string folder_;
  const std::uint64_t leave_free_;
};

}  // namespace careledger::ordering::abci
