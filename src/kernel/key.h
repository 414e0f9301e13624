// Keys of state rows: one space byte ‖ at most one digest ‖ at most one u64 height ‖ at most one u32 counter, big-endian.
//
// The key type accepts nothing else, so that no client chooses a raw byte, no key is a prefix of another, byte order is numeric order
// and nobody can make the Merkle map deep. A digest in a key is computed under a domain tag from what a command says, never copied
// from it into a new row. All of one space have the same width, because one space belongs to one table.
#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/ids.h"

namespace careledger::kernel {

using Space = Number<struct SpaceTag, std::uint8_t>;
using Counter = std::uint32_t;

template <class T>
struct IsDigest : std::false_type {};
template <class Tag>
struct IsDigest<Id32<Tag>> : std::true_type {};

template <class T>
concept KeyField = IsDigest<T>::value || std::same_as<T, Height> || std::same_as<T, Counter>;

template <KeyField K>
constexpr int key_rank() {  // digest, then height, then counter; each at most once
  if constexpr (IsDigest<K>::value) return 1;
  return std::same_as<K, Height> ? 2 : 3;
}

template <KeyField... Ks>
constexpr bool key_shape_holds() {
  [[maybe_unused]] int last = 0;  // unused when there are no fields
  bool holds = sizeof...(Ks) > 0;
  ((holds = holds && key_rank<Ks>() > last, last = key_rank<Ks>()), ...);
  return holds;
}

class Key {  // a value; cheap to copy
 public:
  static constexpr std::size_t kSizeMax = 1 + 32 + 8 + 4;

  Key() = default;
  explicit Key(Space space) { put_byte(static_cast<char>(space.value)); }
  // For stores: any bytes that were once view(). Nullopt when empty or too long.
  static std::optional<Key> from(ByteView bytes) {
    if (bytes.empty() || bytes.size() > kSizeMax) return std::nullopt;
    Key key;
    std::memcpy(key.bytes_.data(), bytes.data(), bytes.size());
    key.size_ = static_cast<std::uint8_t>(bytes.size());
    return key;
  }

  template <class Tag>
  void append(const Id32<Tag>& digest) {
    CARELEDGER_ASSERT(size_ + 32u <= kSizeMax);
    std::memcpy(bytes_.data() + size_, digest.value.data(), 32);
    size_ = static_cast<std::uint8_t>(size_ + 32);
  }
  void append(Height height) {
    for (int shift = 56; shift >= 0; shift -= 8) put_byte(static_cast<char>(height.value >> shift & 0xff));
  }
  void append(Counter counter) {
    for (int shift = 24; shift >= 0; shift -= 8) put_byte(static_cast<char>(counter >> shift & 0xff));
  }

  ByteView view() const { return {bytes_.data(), size_}; }
  Space space() const { return {static_cast<std::uint8_t>(bytes_[0])}; }
  template <class Id>
  Id digest() const {  // of a key that has one
    CARELEDGER_ASSERT(size_ >= 33);
    return *Id::from(view().substr(1, 32));
  }
  Counter counter() const {  // the last four bytes of a key that ends in a counter
    CARELEDGER_ASSERT(size_ >= 5);
    ByteView tail = view().substr(size_ - 4u);
    return *take_u32(tail);
  }
  friend bool operator==(const Key& a, const Key& b) { return a.view() == b.view(); }
  friend std::strong_ordering operator<=>(const Key& a, const Key& b) { return a.view().compare(b.view()) <=> 0; }

 private:
  void put_byte(char byte) {
    CARELEDGER_ASSERT(size_ < kSizeMax);
    bytes_[size_++] = byte;
  }

  std::array<char, kSizeMax> bytes_{};
  std::uint8_t size_ = 0;
};

// Rows of one type under keys of one shape. `Row` is a protobuf message; its stored bytes are canonical.
template <class Row, KeyField... Ks>
  requires(key_shape_holds<Ks...>())
struct Table {
  Space space;
  std::string_view name;

  Key key(const std::type_identity_t<Ks>&... fields) const {
    Key key(space);
    (key.append(fields), ...);
    return key;
  }
};

}  // namespace careledger::kernel
