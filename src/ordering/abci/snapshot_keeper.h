// The newest snapshots of this ledger, for nodes that come later (replica/snapshot.h has what is in them).
//
// Commits hand views over and never wait: a thread of its own walks the rows and writes the pieces to files (snapshot_files.h), from which
// they are offered, after a new start too. All nodes with the same `every` make them of the same heights, byte for byte alike, so that a
// newcomer fetches the pieces from all of them. The two newest are kept, so that whoever fetches one does not lose it to the next. While
// one is being made, of those that come due the newest is made next.
//
// Thread-safety: any thread; stop() not from two at once.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "ordering/abci/snapshot_files.h"

namespace careledger::ordering::abci {

class SnapshotKeeper {
 public:
  struct Config {
    std::uint64_t every = 0;  // heights divisible by it have one; 0: none, and what is in the folder is removed
    std::string folder{};     // for nothing else; may be empty when there are none
    std::size_t chunk_bytes = replica::kSnapshotChunkBytes;
    std::uint64_t leave_free = 512u << 20;         // bytes of the folder's disk; without them none is written
    std::function<void(const Error&)> on_fault{};  // one could not be made or is damaged; its thread, and at construction
    Files* files = &system_files();
  };
  // What an earlier process made of `ledger`, up to `reached`, is read through before it is offered; no longer ago than the first
  // offered().
  SnapshotKeeper(Config config, const LedgerId& ledger, Height reached);
  ~SnapshotKeeper();
  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  void committed(const replica::View& view);
  // Newest first. One comes into the list when so many blocks stand above it that its fetcher finds the headers that prove it everywhere.
  std::vector<std::shared_ptr<const StoredSnapshot>> offered(Height newest) const;
  // Of what is kept; `view`: the newest, which gives pieces of the log. not_found: none such. gone, unavailable: its file, and then it is
  // offered no more. storage, corrupt: of the ledger.
  Result<Bytes> chunk(const replica::View& view, Height height, std::size_t index);
  std::optional<Height> oldest() const;  // of those kept: whoever fetches one goes on from there
  void wait_until_made();                // what was there at the start, and was handed over so far
  void stop();                           // lets go of all views; idempotent

 private:
  using Kept = std::shared_ptr<const StoredSnapshot>;
  void make_loop(const LedgerId& ledger, Height reached);
  void take_up(const LedgerId& ledger, Height reached);
  void make(const replica::View& view);
  Result<Kept> write(const replica::View& view);
  void keep(Kept made);
  bool has(Height height) const;
  void tell(const Error& error) const;

  const Config config_;
  SnapshotFiles files_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<replica::View> wanted_;
  bool making_ = true;
  std::stop_source stopping_;
  std::optional<Height> unread_;  // lowest height of an earlier process, until what it made was read through
  std::vector<Kept> kept_;        // newest first
  std::thread maker_;             // none when `every` is 0
};

}  // namespace careledger::ordering::abci
