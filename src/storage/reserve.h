// A file of zeros that holds back disk space for the day the disk is full, so that revocations, refusals and audit go on.
//
// One Reserve belongs to one folder. Safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace careledger::storage {

inline constexpr std::uint64_t kReserveBytes = 64u << 20;

class Reserve {
 public:
  explicit Reserve(std::string folder, std::uint64_t bytes = kReserveBytes);

  // Preallocates the file with real blocks (storage when the disk has no room). Fine when it is there in full.
  Result<void> hold();
  // Gives the space back to the file system. True when it was held.
  bool release();
  bool held() const { return held_.load(std::memory_order_acquire); }

 private:
  std::string path_;
  std::uint64_t bytes_;
  std::atomic<bool> held_{false};
};

// What an ordinary user may still write on the file system of `folder`, in bytes.
Result<std::uint64_t> free_bytes(const std::string& folder);

}  // namespace careledger::storage
