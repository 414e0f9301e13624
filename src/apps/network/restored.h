// The second half of a restore at a network's member. Its backup holds records, accesses and keys, and no ledger: that is shared knowledge,
// and a ledger beside an engine without blocks would never start. It is fetched from the other members.
//
// What the validator signed last is in no backup either, and an older copy of it would be worse than none. So the folder is made with a
// record that keeps it silent (ordering/abci/signer.h) until a block later than the restore is here: above that it cannot have signed.
// Until then nothing of the organisation is opened: its numbers, heads and witness are held against a ledger that knows all that it sent
// before.
//
// Its accesses since the backup are lost, and a head on the ledger covers them, which never shrinks. Each lost one gets an entry that says
// so.
//
// Thread-safety: one thread a folder.
#pragma once

#include "apps/config.h"
#include "apps/network/joining.h"

namespace careledger::apps::network {

// Once everything else is in the folder. `backup`: where it came from. `signed_until`: the last moment at which the folder that was lost
// can have been in use.
Result<void> begin_silent(const Layout& layout, const Config& config, const std::string& backup, BlockTime signed_until);

// Fetches the ledger, and records in each audit map what is lost and that it was restored; may be killed at any time and run again. Returns
// how many accesses. Errors as await_admission().
Result<std::uint64_t> come_back(const Layout& layout, const JoinOrder& order, Clock& clock, Entropy& entropy);

}  // namespace careledger::apps::network
