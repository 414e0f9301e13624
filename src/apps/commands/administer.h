// What commands share that ask a node as an administrator of one of its organisations: /admin/v1/… (apps/admin_api.h).
//
// Thread-safety: one thread; they wait for the node's answer.
#pragma once

#include <functional>

#include "apps/commands/command.h"
#include "codec/json/json.h"
#include "edge/http/client.h"

namespace careledger::apps::commands {

// The answer's body; the node that serves the folder is asked, or one in this process.
Result<Bytes> ask(const FolderOptions& folder, const std::string& organisation, edge::http::Request request);
// The same with POST /admin/v1/WHAT.
Result<Bytes> order(const FolderOptions& folder, const std::string& organisation, const std::string& what, const codec::json::Value& order);

// Prints what came of it, as the node's JSON or as `say` does; the exit code.
int tell(const Result<Bytes>& done, bool as_json, const std::function<void(const codec::json::Value&)>& say);

}  // namespace careledger::apps::commands
