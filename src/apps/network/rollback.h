// Takes the newest block of a stopped member back, for a node that stands still because its program executed that block wrong: the others
// signed another state than it has, and its engine refuses all that they built on theirs. A mended program then executes the block again.
//
// Ledger and engine go back alike: the engine forgets what the block made of its own state and keeps the block, by its own `rollback`; the
// ledger undoes the block. The engine goes first, then this node's witnesses, whose memory of the wrong block goes back with it, and the
// ledger last: whoever is killed before that finds a ledger at the engine's newest block, where it was, and runs the command again; or
// starts the node, which is then where it stood still. At no moment is the ledger above the engine's blocks, or below what a witness
// remembers. What the validator has signed (DIR/engine.signed) is not touched: at the heights of before it says the same as before, or
// nothing.
//
// Thread-safety: one thread a folder.
#pragma once

#include "apps/layout.h"
#include "apps/seal_choice.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace careledger::apps::network {

// The block that was taken back. Written down in the organisation's audit map, before and after. unsupported: the ledger is embedded.
// unavailable: a process works on the folder. precondition: there is none to take back: none was executed, the newest was taken back
// already, or what came before it is not kept; or ledger and engine do not go together. not_found: there is no such program. corrupt: what
// is kept gives no state that anybody signed; it is said what to do.
Result<Height> roll_back(const Layout& layout, const SealChoice& seal, const std::string& engine, Clock& clock, Entropy& entropy);

}  // namespace careledger::apps::network
