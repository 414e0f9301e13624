// Memory of one Document: blocks that only grow and go together. For codec/json alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "codec/json/json.h"

namespace careledger::codec::json {

class Arena {
 public:
  explicit Arena(std::size_t first_bytes) { add_block(first_bytes); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Eight-byte aligned; lives as long as the arena.
  void* allocate(std::size_t bytes) {
    bytes = (bytes + 7u) & ~std::size_t{7};
    if (bytes > left_) add_block(std::max(bytes, std::min<std::size_t>(held_ / 2 + 1024, kBlockMax)));
    void* result = next_;
    next_ += bytes;
    left_ -= bytes;
    return result;
  }
  template <class T>
  T* allocate_many(std::size_t count) {
    static_assert(alignof(T) <= 8);
    return static_cast<T*>(allocate(count * sizeof(T)));
  }
  const char* keep(std::string_view text) {
    if (text.empty()) return "";
    char* copy = static_cast<char*>(allocate(text.size()));
    std::memcpy(copy, text.data(), text.size());
    return copy;
  }
  std::size_t held() const { return held_ + source.capacity(); }

  Value root;
  Bytes source;  // the text when parse_owned took it

 private:
  static constexpr std::size_t kBlockMax = 4u << 20;

  void add_block(std::size_t bytes) {
    bytes = (bytes + 7u) & ~std::size_t{7};
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    next_ = blocks_.back().get();
    left_ = bytes;
    held_ += bytes;
  }

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t held_ = 0;
};

}  // namespace careledger::codec::json
