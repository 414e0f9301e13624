// Memory for keys: locked against swapping, left out of core dumps, wiped when freed, unreadable in logs because it has no printer.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/clock.h"

namespace careledger::crypto {

class Secret {  // movable, not copyable; one owner; reading is safe from any thread
 public:
  Secret() = default;                     // empty
  explicit Secret(std::size_t size);      // zeroed
  static Secret copy_of(ByteView bytes);  // the caller wipes its own copy
  static Secret random(Entropy& entropy, std::size_t size);
  ~Secret();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  Secret clone() const;
  ByteView view() const { return {data_, size_}; }
  char* data() { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// False when the system refused to lock some of this memory (RLIMIT_MEMLOCK): keys then may reach swap. For `doctor` and the log.
bool memory_is_locked();

void wipe(Bytes& bytes);  // overwrites and empties; the compiler cannot drop it

}  // namespace careledger::crypto
