#include "crypto/secret_arena.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

#include <openssl/crypto.h>

#include "base/assert.h"

namespace careledger::crypto {
namespace {
constexpr std::size_t kPage = 4096;
}

SecretArena& SecretArena::instance() {
  static SecretArena& arena = *new SecretArena;
  return arena;
}

std::size_t SecretArena::class_of(std::size_t size) {
  std::size_t size_class = 0;
  while (kSlotMin << size_class < size) ++size_class;
  return size_class;  // kClasses or more: pages of its own
}

std::size_t SecretArena::pages_of(std::size_t size) { return (size + kPage - 1) / kPage; }

// A run of pages between two that fault, so that reading past either end of it kills the process instead of leaking a key.
char* SecretArena::map(std::size_t pages) {
  const std::size_t size = pages * kPage;
  void* outer = mmap(nullptr, size + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CARELEDGER_ASSERT(outer != MAP_FAILED);
  char* inner = static_cast<char*>(outer) + kPage;
  CARELEDGER_ASSERT(mprotect(inner, size, PROT_READ | PROT_WRITE) == 0);
  if (mlock(inner, size) != 0) locked_ = false;            // the limit, or no right: `doctor` says so
  static_cast<void>(madvise(inner, size, MADV_DONTDUMP));  // core dumps are switched off as well
  return inner;
}

char* SecretArena::take_page() {
  if (chunk_next_ == chunk_end_) {
    chunk_next_ = map(kChunkPages);
    chunk_end_ = chunk_next_ + kChunkPages * kPage;
  }
  char* page = chunk_next_;
  chunk_next_ += kPage;
  return page;
}

void SecretArena::refill(std::size_t size_class) {
  const std::size_t slot = kSlotMin << size_class;
  char* page = take_page();
  for (std::size_t offset = kPage; offset >= slot; offset -= slot) {
    free_[size_class] = new (page + offset - slot) FreeSlot{free_[size_class]};
  }
}

char* SecretArena::allocate(std::size_t size) {
  const std::size_t size_class = class_of(size);
  const std::lock_guard lock(mutex_);
  if (size_class >= kClasses) return map(pages_of(size));
  if (free_[size_class] == nullptr) refill(size_class);
  FreeSlot* slot = free_[size_class];
  free_[size_class] = slot->next;
  return static_cast<char*>(std::memset(static_cast<void*>(slot), 0, sizeof *slot));  // the rest was wiped when it was released
}

void SecretArena::release(char* data, std::size_t size) noexcept {
  OPENSSL_cleanse(data, size);
  const std::size_t size_class = class_of(size);
  if (size_class >= kClasses) {
    CARELEDGER_ASSERT(munmap(data - kPage, (pages_of(size) + 2) * kPage) == 0);
    return;
  }
  const std::lock_guard lock(mutex_);
  free_[size_class] = new (data) FreeSlot{free_[size_class]};
}

bool SecretArena::locked() const {
  const std::lock_guard lock(mutex_);
  return locked_;
}

}  // namespace careledger::crypto
