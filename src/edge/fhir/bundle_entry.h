// The entries of a batch or transaction as a plan: what each asks for, checked as far as it can be without looking anything up.
// For edge/fhir alone. Source: http://hl7.org/fhir/R4/http.html#transaction.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "codec/json/json.h"
#include "edge/auth/principal.h"
#include "edge/fhir/outcome.h"
#include "edge/http/message.h"

namespace careledger::edge::fhir {

enum class EntryKind : std::uint8_t { remove, create, update, read, search };  // in the order in which a transaction does them

struct Entry {
  std::size_t index = 0;  // in the Bundle
  EntryKind kind = EntryKind::read;
  codec::json::Value* resource = nullptr;  // of create and update
  std::string type{};
  std::string id{};                      // of create: the new one, or the one that ifNoneExist found
  std::uint32_t version = 0;             // read: of a vread; after a write: the version there is now
  std::vector<http::Parameter> query{};  // search
  std::string_view full_url{};
  std::string_view if_none_exist{};
  std::string_view if_match{};
  bool if_none_match_any = false;

  int status = 0;  // of its answer
  BlockTime updated{};
  std::string result{};   // JSON of its resource or outcome; empty: none
  bool found = false;     // create: ifNoneExist found one, nothing is stored
  bool recorded = false;  // with the commit that it was part of

  std::string location() const { return "Bundle.entry[" + std::to_string(index) + "]"; }
};

// Reads one entry; `check` whether its resource is still to be checked. Failures are located at the entry.
Outcome<Entry> read_entry(codec::json::Value& entry, std::size_t index, bool check);
// Whether the principal may do this.
Result<void> permit_entry(const auth::Principal& principal, const Entry& entry);
// 400 when two entries speak of one resource, have one fullUrl, or one condition.
Outcome<void> check_identities(std::span<const Entry> entries);

}  // namespace careledger::edge::fhir
