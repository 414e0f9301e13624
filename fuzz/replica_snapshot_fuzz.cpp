// Snapshots as another node sends them: a good one, bent at places that the input names, and blocks as the store gives them back. Nothing
// is believed that does not lead to the app hash which the loader trusts.
#include <vector>

#include "replica/ledger_store.h"
#include "replica/snapshot.h"
#include "replica/stored_block.h"
#include "replica/test_world.h"

using namespace careledger;

namespace {

struct Good {
  replica::test::World world{9};
  std::unique_ptr<replica::Replica> replica = replica::test::open_replica(world, replica::memory_ledger_store(), 1);
  std::vector<Bytes> pieces;  // the header, then the chunks

  Good() {
    world.populate(*replica, 2, 10);
    const auto reader = replica::SnapshotReader::make(replica->view(), 1024).value();
    pieces.push_back(reader.header());
    for (std::size_t i = 0; i < reader.chunks(); ++i) pieces.push_back(reader.chunk(i).value());
  }
};

// Each three bytes of the input change one byte of one piece: which piece, where, and by what. The last piece touched may be cut too.
std::vector<Bytes> bent(const std::vector<Bytes>& good, ByteView input) {
  std::vector<Bytes> pieces = good;
  for (; input.size() >= 4; input.remove_prefix(4)) {
    Bytes& piece = pieces[static_cast<unsigned char>(input[0]) % pieces.size()];
    if (piece.empty()) continue;
    const std::size_t at = (static_cast<unsigned char>(input[1]) * 256u + static_cast<unsigned char>(input[2])) % piece.size();
    if (input[3] == 0) piece.resize(at);
    else piece[at] = static_cast<char>(piece[at] ^ input[3]);
  }
  return pieces;
}

// The store, filled, or nothing when the pieces were refused.
std::shared_ptr<storage::Store> load(const std::vector<Bytes>& pieces, const replica::TrustedPoint& trusted) {
  const auto store = std::shared_ptr<storage::Store>(replica::memory_ledger_store());
  auto loader = replica::SnapshotLoader::begin(store, pieces.front(), trusted);
  if (!loader) return nullptr;
  for (std::size_t i = 1; i < pieces.size() && i <= loader->chunks(); ++i)
    if (!loader->add(pieces[i])) return nullptr;
  return loader->finish() ? store : nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Good good;
  const ByteView input(reinterpret_cast<const char*>(data), size);
  static_cast<void>(replica::decode_block_row({7}, input));
  const std::vector<Bytes> pieces = bent(good.pieces, input.substr(0, 64));
  const replica::View view = good.replica->view();
  const auto store = load(pieces, {good.replica->ledger(), view.height(), view.time(), view.app_hash()});
  CARELEDGER_ASSERT(store != nullptr || pieces != good.pieces);
  // Pieces may be cut elsewhere between the same rows; what comes of them is the same ledger.
  if (store) CARELEDGER_ASSERT(replica::test::open_replica(good.world, store, 1)->view().app_hash() == view.app_hash());
  return 0;
}
