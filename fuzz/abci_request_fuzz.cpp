// What an engine may send: a stream of frames cut at places that the input names, and requests of every kind to the application. Nothing
// it says may end the process, and no app hash may change by anything but a commit.
#include "ordering/abci/application.h"
#include "ordering/abci/frames.h"
#include "replica/ledger_store.h"
#include "replica/test_world.h"

using namespace careledger;
using namespace careledger::ordering::abci;

namespace {

struct Node {
  replica::test::World world{11};
  std::unique_ptr<replica::Replica> replica = replica::test::open_replica(world, replica::memory_ledger_store(), 0);
  Application application{*replica, {}};
  Node() { world.populate(*replica, 2, 4); }
};

// The same bytes give the same messages however they are cut.
std::vector<Bytes> messages_of(ByteView stream, std::size_t piece) {
  FrameReader frames(1 << 16);
  std::vector<Bytes> found;
  while (!stream.empty()) {
    const ByteView some = stream.substr(0, piece);
    frames.put(some);
    stream.remove_prefix(some.size());
    for (;;) {
      const auto next = frames.next();
      if (!next) return found;
      if (!*next) break;
      found.push_back(**next);
    }
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Node node;
  const ByteView input(reinterpret_cast<const char*>(data), size);
  const std::vector<Bytes> messages = messages_of(input, 1 + size / 3);
  CARELEDGER_ASSERT(messages == messages_of(input, 1));
  for (const Bytes& message : messages) {
    careledger::abci::Request request;
    if (!request.ParseFromString(message) || request.has_commit()) continue;
    const Digest before = node.replica->view().app_hash();
    const auto response = node.application.handle(request);
    CARELEDGER_ASSERT(!response || static_cast<int>(response->value_case()) == static_cast<int>(request.value_case()) + 1);
    CARELEDGER_ASSERT(node.replica->view().app_hash() == before);
  }
  return 0;
}
