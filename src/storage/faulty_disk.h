// A disk for tests: it stops at a chosen step, loses or tears what was not synced, fails to sync, or is full.
//
// A step is one operation that changes the disk: create, append, sync, rename, remove. Stopping at every step in turn is how tests kill a
// store everywhere. Safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/store.h"

namespace careledger::storage {

enum class Loss : std::uint8_t {
  none,      // the process died; the machine did not: everything written is there
  unsynced,  // the machine died: nothing is left of what was not synced
  torn,      // of what was not synced, a random beginning is left, and its last bytes may be anything
};

class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  std::shared_ptr<DiskLayer> layer() const;  // for StoreOptions::disk, plain or below encryption

  std::uint64_t steps() const;               // since the disk was made
  void stop_at_step(std::uint64_t step);     // that step (counted as steps() does) and all later ones fail
  void fail_next_sync();                     // once: reported as failed, and nothing becomes durable
  void set_free_bytes(std::uint64_t bytes);  // further appends fail with "no space" once they are used up
  void set_unlimited();

  // After every store on it was closed: makes the files what is found after the fault, and the disk work again.
  void restart(Loss loss, std::uint64_t seed);

 private:
  class Model;
  class FileSystem;
  class WritableFile;
  class Directory;
  std::shared_ptr<Model> model_;
  std::shared_ptr<DiskLayer> layer_;
};

}  // namespace careledger::storage
