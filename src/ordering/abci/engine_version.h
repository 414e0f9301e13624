// Which engine a program is, by its own word: asked before something that cannot be taken back depends on it.
//
// Thread-safety: any thread; it waits for the program.
#pragma once

#include <chrono>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "ordering/abci/abci.pb.h"

namespace careledger::ordering::abci {

inline constexpr std::chrono::seconds kVersionPatience{10};

// Runs `PROGRAM version --verbose`, and judges what it says as the engine is judged that asks where to begin (check_engine): by the numbers
// of the protocols, since v0.40.0 calls itself 0.39.0. not_found: it cannot be started. unsupported: it is no engine, or one that speaks
// other protocols. unavailable: it did not end in time, and was killed.
Result<void> check_engine_version(const std::string& program, std::chrono::milliseconds patience = kVersionPatience);

// Parsing alone, for fuzzing: its words as it would say them when it asks where to begin. malformed.
Result<careledger::abci::RequestInfo> parse_engine_version(ByteView text);

}  // namespace careledger::ordering::abci
