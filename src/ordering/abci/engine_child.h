// One life of the engine's program as a child of this process: how it is started (engine_process.h says what it gets), and how it ended.
//
// Thread-safety: any thread; the child dies with the thread that made it.
#pragma once

#include "ordering/abci/engine_process.h"

namespace careledger::ordering::abci {

// In the log when the engine's consensus has ended by a panic while the rest of it stays up (CometBFT v0.38, consensus/state.go). As the
// whole message: what others send stands in values alone, where its quotes are escaped.
inline constexpr std::string_view kGaveUp = R"("_msg":"CONSENSUS FAILURE!!!")";

// The child's number; below 0: none, errno says why. Its words go to config.log, whose earlier part becomes LOG.1.
pid_t spawn(const ProcessConfig& config);
std::string how_ended(int status);  // of waitpid(2): "with status 1"
// On one line what the engine says of why it gave up: the words of its panic, else the log's end.
std::string last_words(const std::string& log);

// Runs config.verb, which does one thing and ends by itself, and waits for that. not_found: there is no such program. corrupt: it ended in
// another way than well, in its last words.
Result<void> run_to_its_end(const ProcessConfig& config);

}  // namespace careledger::ordering::abci
