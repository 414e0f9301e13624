// The newest snapshots of this ledger, for nodes that come later (replica/snapshot.h has what is in them).
//
// Commits hand views over and never wait: a thread of its own walks the rows. All nodes with the same `every` make them of the same
// heights, byte for byte alike, so that a newcomer fetches the pieces from all of them. The two newest are kept, so that whoever fetches
// one does not lose it to the next; each holds its view, and with it what the store would drop otherwise, until it is replaced. While one
// is being made, of those that come due the newest is made next. Nothing is kept beyond the process.
//
// Thread-safety: any thread; stop() not from two at once.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "replica/snapshot.h"

namespace careledger::ordering::abci {

struct KeptSnapshot {
  Height height;
  replica::SnapshotReader reader;
};

class SnapshotKeeper {
 public:
  struct Config {
    std::uint64_t every = 0;  // heights divisible by it have one; 0: none
    std::size_t chunk_bytes = replica::kSnapshotChunkBytes;
    std::function<void(const Error&)> on_fault{};  // one could not be made; its thread
  };
  explicit SnapshotKeeper(Config config);
  ~SnapshotKeeper();
  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  void committed(const replica::View& view);
  // Newest first. One comes into the list when so many blocks stand above it that its fetcher finds the headers that prove it everywhere.
  std::vector<std::shared_ptr<const KeptSnapshot>> offered(Height newest) const;
  Result<Bytes> chunk(Height height, std::size_t index) const;  // not_found; storage, corrupt
  std::optional<Height> oldest() const;                         // of those kept: whoever fetches one goes on from there
  void wait_until_made();                                       // what was handed over so far
  void stop();                                                  // lets go of all views; idempotent

 private:
  void make_loop();
  void make(const replica::View& view);

  const Config config_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<replica::View> wanted_;
  bool making_ = false;
  std::stop_source stopping_;
  std::vector<std::shared_ptr<const KeptSnapshot>> kept_;  // newest first
  std::thread maker_;                                      // none when `every` is 0
};

}  // namespace careledger::ordering::abci
