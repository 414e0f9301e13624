// How an organisation comes into a network that was founded without it: it describes itself with the network's founding document, members
// admit it by votes (apps/governance_acts.h) and let its engine in, and it fetches the blocks, or the state of a height and the blocks
// since, until it finds itself admitted. A member whose ledger was lost or spoilt fetches it in the same two ways. Into a network that was
// an embedded ledger one comes with the file that its members keep of that (growing.h), whose state stands below the first block.
//
// Thread-safety: one thread a folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/network/member_folder.h"
#include "apps/network/snapshot_start.h"
#include "apps/seal_choice.h"
#include "base/clock.h"

namespace careledger::apps::network {

// Of a network: sound, and without a founder. malformed, unsupported.
Result<kernel::Founding> read_founding(ByteView bytes);
// Of a network, or of a ledger with one founder, which may grow into one; malformed.
Result<kernel::Founding> read_any_founding(ByteView bytes);

// Makes DIR the folder of one who joins: `members`, descriptions of some that are in, say where their engines are, however old they are.
// Nothing in them is taken for granted but addresses: every block is held against the founding document. Again: what is there already.
// `ledger`: the number that people read to each other; invalid, before anything is written, when the document is of another. conflict: this
// organisation is a founder. invalid: its description names another ledger or none.
Result<Config> prepare_to_join(const Layout& layout, const LedgerId& ledger, ByteView founding, const std::vector<DescriptionFile>& members,
                               const std::vector<std::uint16_t>& rpc_ports);

struct Joining {
  Height height;
  bool waits_long = false;                                         // nothing has come for a while
  std::optional<ordering::abci::StateSyncProgress> snapshot = {};  // while the ledger begins with one
};
// Fetches a snapshot first when there is an order for one and no block is here yet. Then runs the folder's engine until the ledger here
// shows this organisation as an active member; it may be killed at any time and run again. `step` hears how far it is, from this thread;
// `on_event` what becomes of the engine, from any. unavailable: another process works on the folder.
struct JoinOrder {
  SealChoice seal;
  std::string engine;                     // program
  std::optional<SnapshotOrder> snapshot;  // none: all blocks are fetched
  std::function<void(const Joining&)> step;
  std::function<void(const std::string&)> on_event;
};
Result<void> await_admission(const Layout& layout, const JoinOrder& order, Clock& clock, Entropy& entropy);
// The same until the ledger here has a block later than `moment`.
Result<void> await_block_after(const Layout& layout, BlockTime moment, const JoinOrder& order, Clock& clock, Entropy& entropy);
// The same until the ledger here goes on from what this folder's witnesses remember, whose ledger, and the engine's folder, were moved
// away: what is left goes on as it did, and whoever was shown the ledger before finds it in this one. conflict: it does not contain what
// they remember. precondition: a restore of this folder was cut off, or the ledger had blocks that nobody else has. Until it has ended well
// no node opens the folder, whatever ended it.
Result<void> recover_ledger(const Layout& layout, const JoinOrder& order, Clock& clock, Entropy& entropy);

}  // namespace careledger::apps::network
