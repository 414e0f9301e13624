// The records contract (4): an organisation anchors versions by one root over any number of commitments, and says which commitments of
// its own are superseded, entered in error or erased. Only these exceptions are rows: that a record is current is proven by absence,
// and means that its custodian has declared no successor.
#pragma once

#include "contracts/records/records.pb.h"
#include "contracts/rules.h"

namespace careledger::contracts::records {

enum class Codes : std::uint16_t {  // in the order in which they win; numbers are never reused
  ok = 0,
  not_an_organisation = 1,
  already_erased = 2,
  already_entered_in_error = 3,
  already_superseded = 4,
};

enum class ExceptionStatus : std::uint32_t { superseded = 1, entered_in_error = 2, erased = 3 };  // only ever rises

inline constexpr std::uint32_t kAnchorCountMax = 1u << 24;  // versions under one root, the padding included

inline constexpr kernel::Table<ledger::RecordException, Digest> kExceptions{{0x40}, "record exceptions"};

Digest exception_id(const OrganisationId& organisation, const Digest& commitment);

extern const kernel::Contract kContract;

}  // namespace careledger::contracts::records
