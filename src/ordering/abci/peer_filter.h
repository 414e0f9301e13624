// Whom the engine talks to: it asks about every peer, by address and by id, before it lets it in.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ordering/abci/abci.pb.h"

namespace careledger::ordering::abci {

using IsPeer = std::function<bool(const std::string& node)>;  // by id, 40 hex digits; empty: nobody is

// nullopt: the path asks about no peer. Who is none is refused.
std::optional<careledger::abci::ResponseQuery> answer_about_peer(const std::string& path, const IsPeer& is_peer);

}  // namespace careledger::ordering::abci
