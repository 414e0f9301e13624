// Headers, commits, validators and blocks in CometBFT's encoding: what is taken is written back as it was read.
#include <cstdint>

#include "base/assert.h"
#include "proof/chain.h"
#include "proof/merkle_map.h"

namespace {

using namespace careledger;

template <class T>
void same_again(const Result<T>& decoded, ByteView bytes) {
  if (decoded) CARELEDGER_ASSERT(proof::encode(*decoded) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  same_again(proof::decode_header(bytes), bytes);
  same_again(proof::decode_commit(bytes), bytes);
  same_again(proof::decode_signed_header(bytes), bytes);
  if (const auto set = proof::decode_validators(bytes)) {  // proposer and total are read past, as Go's light client does
    const Bytes written = proof::encode(*set);
    same_again(proof::decode_validators(written), written);
  }
  same_again(proof::decode_block(bytes), bytes);
  same_again(proof::decode_cut(bytes), bytes);
  return 0;
}
