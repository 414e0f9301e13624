// Questions about rows of the state, answered with proofs in the two forms that outsiders' software reads. One implementation for the RPC
// of the embedded ledger and for an engine that passes its clients' questions on.
//
//   path "/store/state/key", key = the key of a row: value and `simple:v` operations up to the app hash in the header of height + 1;
//     absence as for the next
//   path "/ics23/state/key": two operations "ics23:simple" (ICS23, TendermintSpec): membership or absence in the state, "state" in the
//     app hash
//   path "/root", key "log" or "state": the named root and one `simple:v` operation
//
// Thread-safety: pure functions over views.
#pragma once

#include "replica/replica.h"

namespace careledger::ordering {

inline constexpr std::size_t kQueryKeyMax = 256;  // bytes

enum class QueryCode : std::uint32_t { ok = 0, unknown_path = 1, no_such_height = 2, not_answered = 3 };

struct QueryAnswer {
  QueryCode code = QueryCode::ok;
  std::string log;  // why not; for people
  Height height;    // of the state that was asked: the header of the next height carries its app hash
  std::optional<Bytes> value;
  Bytes operations;  // encoded tendermint.crypto.ProofOps
};

// `newest`: height of the newest block; its own app hash stands in no header yet. `asked` 0: the newest height that a header proves.
QueryAnswer query_state(const replica::Replica& replica, Height newest, std::string_view path, ByteView key, std::int64_t asked);

}  // namespace careledger::ordering
