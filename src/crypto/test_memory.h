// Looks for keys in this process's own memory. For tests only.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/descriptor.h"
#include "crypto/secret.h"

namespace careledger::crypto {

// The sanitizers answer mlock themselves and lock nothing, and keep what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CARELEDGER_MEMORY_IS_OURS 0
#elif defined(__has_feature)
#define CARELEDGER_MEMORY_IS_OURS (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define CARELEDGER_MEMORY_IS_OURS 1
#endif
inline constexpr bool kMemoryIsOurs = CARELEDGER_MEMORY_IS_OURS;

struct Mapping {
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  bool writable = false;
  std::string flags;  // "VmFlags" of the kernel's own account: " lo" locked, " dd" left out of dumps
};

inline std::vector<Mapping> mappings() {
  std::ifstream maps("/proc/self/smaps");
  std::vector<Mapping> all;
  for (std::string line; std::getline(maps, line);) {
    Mapping one;
    char access[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &one.start, &one.end, access) == 3) {
      one.writable = access[0] == 'r' && access[1] == 'w';
      all.push_back(one);
    } else if (line.starts_with("VmFlags:")) {
      all.back().flags = line;
    }
  }
  return all;
}

inline std::size_t locked_bytes() {
  std::size_t bytes = 0;
  for (const Mapping& mapping : mappings())
    if (mapping.flags.find(" lo") != std::string::npos) bytes += mapping.end - mapping.start;
  return bytes;
}

// How often each needle, or half of it, stands in memory outside of what Secrets lie in: heap, stacks, static objects. The needles are
// Secrets themselves, and so is what is read, so that looking leaves nothing to be found. Under a sanitizer it does not look.
inline std::vector<std::size_t> copies_outside(const std::vector<Secret>& needles) {
  constexpr std::size_t kPiece = 1 << 20;
  const Descriptor memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  CARELEDGER_ASSERT(memory.get() >= 0);
  Secret piece(kPiece);
  std::vector<std::size_t> found(needles.size());
  for (const Mapping& mapping : mappings()) {
    if (!kMemoryIsOurs || !mapping.writable || mapping.flags.find(" dd") != std::string::npos) continue;
    for (std::uintptr_t at = mapping.start; at < mapping.end; at += kPiece - 64) {  // pieces overlap by more than a needle
      const ssize_t got = ::pread(memory.get(), piece.data(), std::min(kPiece, mapping.end - at), static_cast<off_t>(at));
      if (got <= 0) break;  // gone meanwhile, or not to be read
      const ByteView bytes = piece.view().substr(0, static_cast<std::size_t>(got));
      for (std::size_t i = 0; i < needles.size(); ++i) {
        const ByteView needle = needles[i].view();
        for (const ByteView half : {needle.substr(0, needle.size() / 2), needle.substr(needle.size() / 2)})
          found[i] += ::memmem(bytes.data(), bytes.size(), half.data(), half.size()) != nullptr ? 1 : 0;
      }
    }
  }
  return found;
}

}  // namespace careledger::crypto
