// Files for tests: they stop at a chosen step, lose or tear what was not synced, fail to sync, or are full. What is beneath are real files.
//
// A step is one operation that changes the disk: create, append, truncate, sync, replace (two: the new file beside, then the rename),
// remove, make_folder. Safe from any thread, as Files asks.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/files.h"

namespace careledger {

class FaultyFiles : public Files {
 public:
  explicit FaultyFiles(Files& below) : below_(below) {}

  std::uint64_t steps() const;
  void stop_at_step(std::uint64_t step);     // that step (counted as steps() does) and all later ones fail with ErrorKind::storage
  void fail_next_sync();                     // once: reported as failed, and nothing becomes durable
  void fail_next_rename_sync();              // once: a replace is reported as failed, and the new file is there, perhaps not for long
  void set_free_bytes(std::uint64_t bytes);  // further writes fail once they are used up

  enum class Loss : std::uint8_t {
    none,      // the process died: everything written is there
    unsynced,  // the machine died: nothing is left of what was not synced
    torn,      // of what was not synced, a random beginning is left, its last bytes spoilt
  };
  // After every File was closed: makes the files what is found after the fault, and the disk work again.
  Result<void> restart(Loss loss, std::uint64_t seed);

  Result<std::unique_ptr<File>> open(const std::string& path, bool create) override;
  Result<Bytes> read_all(const std::string& path, std::size_t size_max) override;
  Result<void> replace(const std::string& path, ByteView contents) override;
  Result<void> remove(const std::string& path) override;
  Result<void> make_folder(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  bool exists(const std::string& path) override;

 private:
  class Handle;
  Result<void> step(std::uint64_t bytes = 0);
  Result<void> sync(const std::string& path, std::uint64_t size);
  Result<void> lose(const std::string& path, std::uint64_t synced, Loss loss, std::uint64_t seed);

  Files& below_;
  mutable std::mutex mutex_;
  std::uint64_t steps_ = 0;
  std::uint64_t stop_at_ = UINT64_MAX;
  bool fail_sync_ = false;
  bool fail_rename_sync_ = false;
  std::optional<std::uint64_t> free_;
  std::map<std::string, std::uint64_t> synced_;  // files opened for writing: how much of each is durable
};

}  // namespace careledger
