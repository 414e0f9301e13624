// What the FHIR interface reads besides resources, by the input's first byte: search parameters, conditions, entries of a Bundle.
#include <array>
#include <cstdint>

#include "base/assert.h"
#include "edge/fhir/bundle_entry.h"
#include "edge/fhir/search_query.h"

namespace {

namespace fhir = careledger::edge::fhir;
namespace http = careledger::edge::http;
using careledger::BlockTime;

constexpr std::array<const char*, 4> kTypes{"Patient", "Observation", "Organization", "Encounter"};
constexpr BlockTime kNow{1'800'000'000'000};
constexpr const char* kBase = "https://north.example/fhir";

// Strict refuses what lenient ignores; what strict takes, lenient takes the same way.
void search(const char* type, std::string_view text) {
  const auto parameters = http::read_form(text, 64);
  if (!parameters) return;
  const auto strict = fhir::read_search(type, *parameters, kNow, false, kBase);
  const auto lenient = fhir::read_search(type, *parameters, kNow, true, kBase);
  if (!strict) return;
  CARELEDGER_ASSERT(lenient && lenient->ignored.empty() && lenient->query.all_of.size() == strict->query.all_of.size());
  const std::array<careledger::vault::Term, 2> terms{{{"_lastUpdated", "12345678"}, {"name", "a"}}};
  static_cast<void>(fhir::matches(strict->query, "id", terms));  // every narrowing function takes any term
}

void condition(const char* type, std::string_view text) {
  const auto query = fhir::read_condition(type, text, kNow, kBase);
  CARELEDGER_ASSERT(!query || !query->all_of.empty() || !query->ids.empty());
}

void entry(std::string_view text) {
  auto document = careledger::codec::json::parse(text);
  if (!document) return;
  const auto read = fhir::read_entry(document->root(), 0, true);
  CARELEDGER_ASSERT(!read || !read->type.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const char* type = kTypes[data[1] % kTypes.size()];
  switch (data[0] % 3) {
    case 0: search(type, text); break;
    case 1: condition(type, text); break;
    default: entry(text); break;
  }
  return 0;
}
