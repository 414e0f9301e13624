// Any JSON as a resource: checked, indexed, cut into leaves and searched for references without harm; what the check takes, it takes
// again after a round trip.
#include <cstdint>

#include "base/assert.h"
#include "codec/fhir/check.h"
#include "codec/fhir/index.h"
#include "codec/fhir/record.h"
#include "codec/fhir/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace careledger;
  namespace json = codec::json;
  namespace fhir = codec::fhir;
  const json::Limits limits{.bytes = 1 << 20, .depth = 64, .values = 100'000, .string_bytes = 1 << 16};
  auto document = json::parse(ByteView(reinterpret_cast<const char*>(data), size), limits);
  if (!document) return 0;
  const auto findings = fhir::check(document->root());
  CARELEDGER_ASSERT(findings.size() <= fhir::CheckOptions{}.findings_max);
  const auto values = fhir::index_values(document->root());
  const auto compartments = fhir::patient_compartments(document->root(), values);
  if (document->root().is_object()) {
    const auto leaves = fhir::record_leaves(document->root(), Bytes(32, 's'));
    CARELEDGER_ASSERT(leaves.size() <= document->root().size());
  }
  const auto rewrite = [&](json::Value& text, const fhir::Location& location) {
    CARELEDGER_ASSERT(!location().empty());
    text = document->string("Patient/1");
  };
  if (findings.empty()) {
    const auto again = json::parse(json::compact(document->root()));
    CARELEDGER_ASSERT(again && fhir::check(again->root()).empty());
  }
  fhir::visit_references(document->root(), rewrite);
  fhir::visit_uris(document->root(), rewrite);
  CARELEDGER_ASSERT(json::parse(json::compact(document->root())).has_value());
  return 0;
}
