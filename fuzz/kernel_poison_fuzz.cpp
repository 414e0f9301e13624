// Commands that are signed, well-formed and as odd as can be, run on a small ledger: a rule that asserts would halt every node alike.
#include "contracts/hostile_commands.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size > 4096) return 0;
  careledger::contracts::run_hostile({reinterpret_cast<const char*>(data), size});
  return 0;
}
