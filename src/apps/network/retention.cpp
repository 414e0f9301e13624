#include "apps/network/retention.h"

#include "ordering/abci/engine_home.h"

namespace careledger::apps::network {

namespace abci = ordering::abci;

Result<abci::Retention> retention_of(std::uint64_t keep_blocks) {
  constexpr auto kLeast = static_cast<std::uint64_t>(abci::kEvidence.blocks);
  if (keep_blocks == 0) return abci::Retention{};
  if (keep_blocks < kLeast)
    return fail(ErrorKind::invalid, "--keep-blocks: at least " + std::to_string(kLeast) +
                                        ", since younger blocks may still convict a validator and engines trust them; 0 keeps all");
  return abci::Retention{.blocks = keep_blocks, .milliseconds = abci::kEvidence.nanoseconds / 1'000'000};
}

}  // namespace careledger::apps::network
