// What an application may say of snapshots: numbers of tendermint.abci. 0 is an error to the engine, so nothing is left at its default.
#pragma once

#include "ordering/abci/abci.pb.h"

namespace careledger::ordering::abci {

enum class OfferResult : std::int32_t { accept = 1, abort = 2, reject = 3, reject_format = 4, reject_sender = 5 };
enum class ChunkResult : std::int32_t { accept = 1, abort = 2, retry = 3, retry_snapshot = 4, reject_snapshot = 5 };

inline void set(careledger::abci::ResponseOfferSnapshot& answer, OfferResult result) {
  answer.set_result(static_cast<std::int32_t>(result));
}
inline void set(careledger::abci::ResponseApplySnapshotChunk& answer, ChunkResult result) {
  answer.set_result(static_cast<std::int32_t>(result));
}

}  // namespace careledger::ordering::abci
