// The memory behind Secret: pages that are locked, left out of core dumps and never given back, cut into slots.
//
// One arena a process, never destroyed, so that a Secret may outlive static objects. Slots of one size class share a page; the
// pages are locked a chunk at a time, because RLIMIT_MEMLOCK (8 MiB by default) counts whole pages. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>

namespace careledger::crypto {

class SecretArena {
 public:
  static SecretArena& instance();

  char* allocate(std::size_t size);                     // zeroed; asserts when the machine is out of memory
  void release(char* data, std::size_t size) noexcept;  // wipes
  bool locked() const;                                  // false once the system refused to lock a chunk

 private:
  static constexpr std::size_t kSlotMin = 32;
  static constexpr std::size_t kClasses = 8;  // 32, 64 … 4096 bytes
  static constexpr std::size_t kChunkPages = 16;

  struct FreeSlot {
    FreeSlot* next;
  };

  SecretArena() = default;
  char* map(std::size_t pages);
  char* take_page();
  void refill(std::size_t size_class);
  static std::size_t class_of(std::size_t size);
  static std::size_t pages_of(std::size_t size);

  mutable std::mutex mutex_;
  std::array<FreeSlot*, kClasses> free_{};
  char* chunk_next_ = nullptr;
  char* chunk_end_ = nullptr;
  bool locked_ = true;
};

}  // namespace careledger::crypto
