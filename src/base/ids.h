// Strong types for the things that are named by 32 bytes, and for heights and times.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/bytes.h"

namespace careledger {

template <class Tag>
struct Id32 {
  std::array<char, 32> value{};

  static constexpr std::size_t size = 32;
  static std::optional<Id32> from(ByteView bytes) {  // nullopt unless exactly 32 bytes
    if (bytes.size() != size) return std::nullopt;
    Id32 id;
    std::memcpy(id.value.data(), bytes.data(), size);
    return id;
  }
  ByteView view() const { return {value.data(), size}; }
  Bytes bytes() const { return Bytes(view()); }
  std::string hex() const { return to_hex(view()); }
  friend bool operator==(const Id32& a, const Id32& b) { return a.view() == b.view(); }
  friend std::strong_ordering operator<=>(const Id32& a, const Id32& b) { return a.view().compare(b.view()) <=> 0; }
};

using Digest = Id32<struct DigestTag>;      // SHA-256 of something
using LedgerId = Id32<struct LedgerTag>;    // SHA-256('careledger/ledger/1' and the founding document)
using AccountId = Id32<struct AccountTag>;  // H(first Authority, nonce): an organisation, or one patient relationship's pseudonym
using OrganisationId = AccountId;           // an organisation is an account of kind organisation
using RelationshipId = Id32<struct RelationshipTag>;

template <class To, class From>
To id_cast(const From& from) {
  To to;
  to.value = from.value;
  return to;
}

template <class Tag, class Int>
struct Number {
  Int value{};
  friend auto operator<=>(const Number&, const Number&) = default;
};

using Height = Number<struct HeightTag, std::uint64_t>;
using BlockTime = Number<struct BlockTimeTag, std::int64_t>;  // milliseconds since 1970-01-01T00:00:00Z
using ProtocolVersion = Number<struct ProtocolVersionTag, std::uint32_t>;
using ContractId = Number<struct ContractIdTag, std::uint16_t>;  // 0 is the kernel; 0x8000 and above are added at run time
using Limit = Number<struct LimitTag, std::uint32_t>;            // most rows a scan may return

inline Height next(Height height) { return {height.value + 1}; }

}  // namespace careledger
