// What the rules of several contracts share: who the actor is, days, and rows inside invariants. Pure.
#pragma once

#include "kernel/tables.h"

namespace careledger::contracts {

inline constexpr std::int64_t kDayMs = 24 * 60 * 60 * 1000;

// Dates on the ledger are whole days (UTC, since 1970-01-01), so that no expiry tells more than its day. What is "valid to" a day ends
// with the first millisecond of that day.
inline std::uint32_t day_of(BlockTime time) { return static_cast<std::uint32_t>(time.value / kDayMs); }
inline bool has_come(std::uint32_t day, BlockTime now) { return static_cast<std::int64_t>(day) * kDayMs <= now.value; }

inline bool is_kind(const kernel::Reader& state, const AccountId& actor, kernel::AccountKind kind) {
  const auto account = state.get(kernel::kAccounts, actor);
  return account && account->kind() == static_cast<std::uint32_t>(kind);
}
inline bool is_organisation(const kernel::Reader& state, const AccountId& actor) {
  return is_kind(state, actor, kernel::AccountKind::organisation);
}

// For bytes whose size well_formed() has judged.
template <class Id>
Id id_of(ByteView bytes) {
  const auto id = Id::from(bytes);
  CARELEDGER_ASSERT(id.has_value());
  return *id;
}
inline bool is_digest(ByteView bytes) { return bytes.size() == Digest::size; }

template <class Row>
Row row_of(ByteView bytes) {
  Row row;
  CARELEDGER_ASSERT(row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return row;
}

template <class E>
constexpr std::uint32_t number_of(E value) {
  return static_cast<std::uint32_t>(value);
}

}  // namespace careledger::contracts
