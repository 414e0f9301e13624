// Space held back for the day the disk is full, so that revocations, refusals and audit go on when records are refused already.
//
// Two lines of defence on one file system: `Room` refuses new records while there is still free space (the floor), and holds a file of
// zeros (the reserve) which it gives back to the file system once somebody else has used up the rest. When space returns, so does both.
//
//   CARELEDGER_CHECK(room.admit());                  // before a record is stored
//   if (no_space && room.give_out()) try_again();    // in whatever must be written
//
// One Room belongs to one folder. Safe from any thread; nothing runs in the background: it looks when it is asked.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/result.h"

namespace careledger::storage {

inline constexpr std::uint64_t kReserveBytes = 64u << 20;
inline constexpr std::uint64_t kFloorBytes = 64u << 20;   // free space that records leave beside the reserve: for work in the background
inline constexpr std::uint64_t kReturnBytes = 16u << 20;  // that much above the floor before records are taken again

class Reserve {
 public:
  explicit Reserve(const std::string& folder, std::uint64_t bytes = kReserveBytes);

  // Preallocates the file with real blocks (storage when the disk has no room). Fine when it is there in full.
  Result<void> hold();
  // Gives the space back to the file system. True when it was held.
  bool release();
  bool held() const { return held_.load(std::memory_order_acquire); }
  bool on_disk() const;  // left by an earlier run
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string path_;
  std::uint64_t bytes_;
  std::atomic<bool> held_{false};
};

class Room {
 public:
  explicit Room(std::string folder, std::uint64_t reserve_bytes = kReserveBytes, std::uint64_t floor_bytes = kFloorBytes);

  struct State {
    std::uint64_t free_bytes = 0;
    bool reserve_held = false;
    bool accepting = false;  // records
  };
  // Looks at the disk: takes the reserve back when there is room for it, and decides whether records are taken.
  State look();
  State state() const;  // as of now and the last look, changing nothing
  // storage, saying how much must be freed, when records are refused.
  Result<void> admit();
  // A write found the disk full. True when there is room now, be it the reserve, given out by this call or by another's a moment before,
  // or somebody else's: try again, once.
  bool give_out();
  bool accepting() const { return accepting_.load(std::memory_order_acquire); }  // as of the last look

  // Called at every change, with words for an operator; from the thread that found it. Set before other threads use the room.
  void on_change(std::function<void(const std::string&)> tell) { tell_ = std::move(tell); }

 private:
  void tell(const std::string& what) const;
  bool some_room() const;  // any at all
  std::string folder_;
  std::uint64_t floor_bytes_;
  std::mutex mutex_;
  Reserve reserve_;
  std::atomic<bool> accepting_{true};
  std::function<void(const std::string&)> tell_;
};

// What an ordinary user may still write on the file system of `folder`, in bytes.
Result<std::uint64_t> free_bytes(const std::string& folder);

}  // namespace careledger::storage
