// Answers of the engine's RPC, and its words about its version. What parses as a header has a hash and a form that encodes.
#include "base/assert.h"
#include "ordering/abci/engine_rpc.h"
#include "ordering/abci/engine_version.h"

using namespace careledger;
using namespace careledger::ordering::abci;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(reinterpret_cast<const char*>(data), size);
  if (const auto found = parse_commit(input)) {
    static_cast<void>(proof::hash_of(found->header));
    static_cast<void>(proof::hash_of(found->commit));
  }
  if (const auto page = parse_validators(input)) {
    proof::ValidatorSet set{page->validators};
    proof::sort(set);
    if (proof::check(set)) CARELEDGER_ASSERT(!proof::hash_of(set).empty());
  }
  if (const auto block = parse_block(input)) {
    static_cast<void>(proof::hash_of(block->header));
    static_cast<void>(proof::data_hash(block->transactions));
  }
  static_cast<void>(parse_newest(input));
  static_cast<void>(parse_oldest(input));
  static_cast<void>(parse_admission(input));
  static_cast<void>(parse_status(input));
  static_cast<void>(parse_connected(input));
  static_cast<void>(parse_peer_heights(input));
  static_cast<void>(parse_engine_version(input));
  return 0;
}
