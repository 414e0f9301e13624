// Looks through the chain as a stopped member's node stores it: in its engine the blocks with the votes for them, in its ledger what was
// executed of them. Both must be what more than two thirds of the votes signed, from the founding validators on.
//
// Thread-safety: one thread.
#pragma once

#include <functional>
#include <vector>

#include "apps/blocks_check.h"
#include "ordering/abci/engine_rpc.h"
#include "replica/view.h"
#include "vault/check.h"

namespace careledger::apps::network {

// What the engine stores. What cannot be read of a damaged store is an error.
class ChainSource {
 public:
  virtual ~ChainSource() = default;
  virtual Height newest() const = 0;  // of its blocks; 0: none
  virtual Height oldest() const = 0;  // of its blocks, as it says itself; 1 when there are none
  virtual Result<proof::SignedHeader> header(Height height) = 0;
  virtual Result<proof::ValidatorSet> validators(Height height) = 0;
  virtual Result<ordering::abci::EngineBlock> block(Height height) = 0;
};

struct ChainReport {
  std::uint64_t blocks = 0;                   // looked at
  std::vector<vault::CheckFinding> findings;  // by block
  std::vector<std::string> notes;             // what nothing could be held against, and why
  std::vector<std::string> unheld;            // the same of the state and the log as a whole
  replica::ResultsAudit::Count results{};     // the newest block's are held, too, when it was executed again
};

// What is wrong with the newest block, which has this header while what it changed stands in none (newest_again.h); errors: not known.
using ExecuteAgain = std::function<Result<std::optional<std::string>>(const proof::Header&)>;

struct ChainCheckOptions {
  std::size_t findings_max = 100;
  std::function<void(std::uint64_t done, std::uint64_t of)> progress{};
  Height begins{1};              // the engine's first block: of a network that was an embedded ledger, the one after the seal
  ExecuteAgain execute_again{};  // unset: what the newest block changed is held against nothing
};

// `founders`: the validators of the engine's first block, as the founding document or the seal names them. Where the headers begin later,
// because the ledger began with a snapshot or the engine dropped old ones, the first that is here is held against the validators that it
// names, which is noted unless more than a third of the founders signed it. What the ledger remembers of that nobody signed: every header
// that the engine still has is looked at, and the newest one's app hash is compared, or, when its block changed something that no header
// names yet, what executing it again gives. The whole log, which that app hash covers, is made again from its entries, and the commands of
// all blocks that are here are held against those, header or not. What is left of a block that the ledger dropped is its entries.
ChainReport check_chain(const replica::View& ledger, const proof::ValidatorSet& founders, ChainSource& engine,
                        const ChainCheckOptions& options);

}  // namespace careledger::apps::network
