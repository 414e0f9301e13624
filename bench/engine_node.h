// A node of a network under benchmark, in a process of its own with its engine as its child: one that orders a ledger as a member's node
// does, or an empty application over the same socket with batches of a size that it is told, which is what the engine alone can do. The
// process is this very program, started again; it hosts the organisation of its number of a LoadedLedger and reads what it is asked on its
// standard input.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"

namespace careledger::bench {

enum class Ask : std::uint32_t {
  submit,    // the command that follows -> final, refused, busy or unknown
  height,    // -> value: the newest durable block's
  provable,  // -> once a header carries the app hash of the newest block
  round,     // the height follows, 8 bytes -> value: the round in which its block was decided; the engine's own word
  batches,   // -> value: how many of this node's batches are final; of a ledger: how many envelopes it has signed
};
// Both ways these structs go as they lie in memory: it is the same program.
struct Asked {
  std::uint64_t number = 0;  // comes back with the answer
  Ask what = Ask::submit;
  std::uint32_t organisation = 0;  // whose it is, for submit
  std::uint32_t size = 0;          // bytes that follow
};
enum class Told : std::uint32_t { value, done, not_done, busy, unknown, ready };
struct Answered {
  std::uint64_t number = 0;
  Told what = Told::value;
  std::uint32_t detail = 0;  // when busy: milliseconds after which to come back; when not_done: contract << 16 | code
  std::uint64_t value = 0;   // the block's height when done or not_done: executed, with the code ok or another
};

struct NodeOrder {
  std::string folder;  // with "ledger" in it, unless it is empty
  std::uint64_t index = 0;
  std::uint64_t count = 4;
  std::uint64_t port = 0;
  BlockTime created;  // of the ledger
  std::string engine;
  std::string app_hash;         // hex, of the state at the first start; "" for the empty application
  std::size_t batch_bytes = 0;  // of an envelope at most; of each batch of the empty application
  std::string
      servers;  // its ledger is not there, and begins with a snapshot: RPC of two that have one, as SnapshotStart has them; by commas
};

inline constexpr std::size_t kBatchBytes = 64 * 1024;
inline constexpr std::uint64_t kSnapshotEvery = 3000;    // blocks, as a member's node makes them
inline constexpr std::size_t kBatchesInFlight = 3;       // a node's, not yet final; both as a member's node has them
inline constexpr std::size_t kEmptyBatchesInFlight = 8;  // of the empty application, so that nothing of ours holds the engine back

bool is_engine_node(int argc, char** argv);
int run_engine_node(char** argv);                              // the process' main
[[noreturn]] void become_engine_node(const NodeOrder& order);  // after fork

}  // namespace careledger::bench
