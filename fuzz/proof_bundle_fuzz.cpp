// Proof bundles: whatever the bytes, an answer; and what is accepted is in its one form. The trust is that of the corpus of the tests, so
// that its good bundles lead deep into the verification.
#include <cstdint>
#include <cstdlib>

#include "proof/test_ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace careledger;
  static const proof::Trust trust = [] {
    proof::testing::Shape shape;
    shape.commands = 60;
    shape.rows = 40;
    shape.versions = 5;
    return proof::testing::TestLedger(shape).trust();
  }();
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  const auto decoded = proof::decode_bundle(bytes);
  if (decoded && proof::encode(*decoded) != bytes) std::abort();
  const auto report = proof::verify(bytes, trust);
  if (report && !decoded) std::abort();
  if (report && report->lines().empty()) std::abort();
  return 0;
}
