// The blocks of the embedded ledger that grew into a network, from the first to the seal: its former owner alone has them, and its backup
// carries them (docs/formats/backup.md).
//
//   "careledger-old-chain/1\n", then of each block u32 size, Block (tendermint.types)
//
// Each block's id stands in the next one's header, and the seal's in the file that every member keeps (ordering/grown.h): nothing in it can
// be another without being found. The commit of a block stands in the next one, that of the seal in that file.
//
// A backup of the former owner that has none of them says so by a file of its own: else it has lost them, and is not whole.
//
// Thread-safety: pure functions over a folder that nothing else works on.
#pragma once

#include <memory>
#include <string>

#include "apps/config.h"
#include "base/files.h"
#include "ordering/grown.h"
#include "replica/view.h"
#include "storage/store.h"

namespace careledger::apps::network {

// Whether the blocks before the seal are here, as at its former owner. A member that came has none of them.
bool has_old_chain(const replica::View& view, const ordering::Grown& grown);

inline constexpr const char* kOldChain = "/old-chain";         // in a backup's folder
inline constexpr const char* kNoOldChain = "/old-chain.none";  // instead of that: the node had none of them any more

bool is_former_owner(const Config& config, const ordering::Grown& grown);
// Whether a backup has them. corrupt: it is the former owner's, and neither has them nor says that there were none.
Result<bool> backup_has_old_chain(Files& files, const std::string& backup, const Config& config, const ordering::Grown& grown);

// Durable when it returns well; written anew when it was there.
Result<void> write_old_chain(Files& files, const std::string& path, const replica::View& view, const ordering::Grown& grown);
// Reads all of it. corrupt, naming the file and the block: it is not whole, or not the chain that ends with this seal.
Result<void> check_old_chain(Files& files, const std::string& path, const ordering::Grown& grown);
// Checks it, and makes the ledger up to the seal in an empty store by executing its blocks.
Result<void> repeat_old_chain(Files& files, const std::string& path, const ordering::Grown& grown,
                              const std::shared_ptr<storage::Store>& store);

}  // namespace careledger::apps::network
