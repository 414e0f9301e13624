// Small pieces of text: JSON members, ETags, UUIDs. For edge/fhir alone. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"

namespace careledger::edge::fhir {

void append_member(Bytes& out, std::string_view name, std::string_view text);  // "name":"text", with a comma before unless after { or [
std::string etag_of(std::uint32_t version);                                    // W/"3"
std::optional<std::uint32_t> version_of_etag(std::string_view etag);           // W/"3" and, as some clients write it, "3"
std::optional<std::uint32_t> version_of(std::string_view digits);              // 1 to 4294967295, no leading zero
std::string random_uuid(Entropy& entropy);                                     // version 4 (RFC 9562)
std::string_view trimmed(std::string_view text);                               // without blanks and tabs at its ends

}  // namespace careledger::edge::fhir
