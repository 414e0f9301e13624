// Replaces the program's operator delete: while a NothingIsFreed lives, what was allocated does not go back, so that a key which was left
// in it is still there to be found (test_memory.h). For tests only, and for one file of each program.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

#include "crypto/test_memory.h"

namespace careledger::crypto {

inline std::atomic<int> freeing_waits{0};

struct NothingIsFreed {
  NothingIsFreed() { ++freeing_waits; }
  ~NothingIsFreed() { --freeing_waits; }
  NothingIsFreed(const NothingIsFreed&) = delete;
  NothingIsFreed& operator=(const NothingIsFreed&) = delete;
};

}  // namespace careledger::crypto

#if CARELEDGER_MEMORY_IS_OURS
void operator delete(void* memory) noexcept {
  if (careledger::crypto::freeing_waits == 0) std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
#endif
