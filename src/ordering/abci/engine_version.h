// Which engine a program is, by its own word: asked before something that cannot be taken back depends on it.
//
// Thread-safety: any thread; it waits for the program.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace careledger::ordering::abci {

inline constexpr std::chrono::seconds kVersionPatience{10};

// Runs `PROGRAM version`. not_found: it cannot be started. unsupported: it is no engine, or one of a version that this program was not
// tried with. unavailable: it did not end in time, and was killed.
Result<void> check_engine_version(const std::string& program, std::chrono::milliseconds patience = kVersionPatience);

}  // namespace careledger::ordering::abci
