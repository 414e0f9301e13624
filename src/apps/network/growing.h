// The folder of a member of a network that was an embedded ledger: it comes with the file that the ledger's owner handed over when it grew
// (grown_file.h), and that every member keeps.
//
// The state in that file is loaded beside DIR/ledger and proven against the last block of the owner's chain; what was there before makes
// room only for what held.
//
// Thread-safety: one thread a folder.
#pragma once

#include <string>
#include <vector>

#include "apps/network/member_folder.h"
#include "base/clock.h"

namespace careledger::apps::network {

// Founds DIR's ledger, of one that came when it grew: careledger.json is written last. Again: what is there, and the state once more when
// there is no ledger. Another file of the ledger takes the first one's place as long as the folder has not served. conflict when it has,
// or when the ledger did not grow with this organisation; unauthenticated: the file is not the owner's; malformed, invalid: the file, or
// the state in it. precondition: the owner's last block is more than a minute ahead of the clock. unavailable: another process works on
// the folder.
Result<Config> found_grown(const Layout& layout, const std::string& path, const std::vector<std::uint16_t>& rpc_ports, const Clock& clock);

struct LateOrder {
  std::string path;                      // of the file, as any member keeps it
  Digest number;                         // of it, as a member read it to people
  std::vector<DescriptionFile> members;  // of those who came since it grew, or moved; older ones of the others change nothing
  std::vector<std::uint16_t> rpc_ports;
};
// Makes DIR the folder of one who joins later, which await_admission() (joining.h) fills. As found_grown(), but: invalid, before anything
// is written, when the file has another number; conflict when the ledger grew with this organisation, or when its name reads like that of
// a member, or its address is one's.
Result<Config> prepare_to_join_grown(const Layout& layout, const LateOrder& order, const Clock& clock);

// The state at the seal once more, from the folder's own copy of that file, or from the old blocks where a backup brought them. Nothing
// when there is a ledger that has the seal. One that ends below it makes room for the whole new one alone, and stays on any error.
Result<void> load_grown(const Layout& layout);

}  // namespace careledger::apps::network
