// Proof bundles: whatever the bytes, an answer; and what is accepted is in its one form. The trust is that of the corpora of the
// tests, in the validators that sign and in those of long before, so that their good bundles lead deep into the verification.
#include <cstdint>
#include <cstdlib>

#include "proof/test_ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace careledger;
  static const auto ledger = [] {
    proof::testing::Shape shape;
    shape.commands = 60;
    shape.rows = 40;
    shape.versions = 5;
    return proof::testing::TestLedger(shape);
  }();
  static const proof::Trust trust = ledger.trust();
  static const proof::Trust founders = ledger.founders_trust(1000);  // from whom only a walk leads to the header
  constexpr BlockTime kNow{1764000200'000};
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  const auto decoded = proof::decode_bundle(bytes);
  if (decoded && proof::encode(*decoded) != bytes) std::abort();
  const auto report = proof::verify(bytes, trust);
  if (report && !decoded) std::abort();
  if (report && report->lines().empty()) std::abort();
  const auto followed = proof::verify(bytes, founders, kNow);
  if (followed && (!decoded || decoded->walk.empty() || !followed->followed)) std::abort();
  return 0;
}
