// What an embedded ledger's owner hands over when it grows into a network.
#include <cstdint>

#include "base/assert.h"
#include "ordering/grown.h"

using namespace careledger;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  if (const auto read = ordering::decode_grown(bytes)) {
    CARELEDGER_ASSERT(ordering::encode(*read) == bytes);
    static_cast<void>(ordering::last_command(*read));
  }
  return 0;
}
