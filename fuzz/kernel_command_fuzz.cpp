// Any bytes as a signed command, a batch and a founding document. What is taken must be the one encoding of what it says, and running it
// must give a code.
#include "contracts/test_ledger.h"
#include "kernel/command.h"

namespace {

using namespace careledger;

void take_command(ByteView bytes) {
  const auto received = kernel::receive_bytes(bytes);
  if (received.verdict != kernel::KernelCode::ok) return;
  const auto parsed = kernel::decode_canonical<ledger::SignedCommand>(bytes);
  CARELEDGER_ASSERT(parsed && kernel::encode(*parsed) == bytes);
  CARELEDGER_ASSERT(kernel::command_digest(parsed->command()) == received.digest);
  static contracts::TestLedger ledger;
  const auto code = kernel::check_command(received, {received.ledger, {1}, {received.expires.value - 1}, {1}}, ledger.rows(),
                                          contracts::all(), kernel::direct_verdicts());
  CARELEDGER_ASSERT(!kernel::code_name(contracts::all(), code).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  take_command(bytes);
  if (const auto batch = kernel::receive_batch(bytes)) CARELEDGER_ASSERT(!batch->commands.empty());
  if (const auto founding = kernel::decode_canonical<kernel::Founding>(bytes); founding && kernel::is_sound(*founding)) {
    kernel::MemoryRows rows;
    kernel::Overlay genesis(rows);
    kernel::write_genesis(*founding, contracts::all(), genesis);
  }
  return 0;
}
