// Whom the engine talks to: it asks about every peer, by address and by id, before it lets it in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ordering/abci/abci.pb.h"

namespace careledger::ordering::abci {

// nullopt: the path asks about no peer. An id that is not among `peers` (40 hex digits each) is refused.
std::optional<careledger::abci::ResponseQuery> answer_about_peer(const std::string& path, const std::vector<std::string>& peers);

}  // namespace careledger::ordering::abci
