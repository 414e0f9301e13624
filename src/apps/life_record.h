// What the node itself does, in an organisation's audit map: that it begins and ceases to serve, what opened its keys, and the
// configuration it serves under, so that a change of it shows. No entry has a subject.
//
// Thread-safety: any thread; each waits for the disk.
#pragma once

#include "apps/layout.h"
#include "apps/serve_config.h"
#include "vault/audit.h"
#include "vault/keystore.h"

namespace careledger::apps {

// Two entries: start {"version","seal"} and configuration {"address","tls","corsOrigins","file"}, the last
// being SHA-256 of careledger.json. `seal`: the method that opened the keystore..
Result<void> record_start(vault::AuditMap& audit, const Layout& layout, const std::string& seal, const ServeConfig& config);
Result<void> record_stop(vault::AuditMap& audit);

}  // namespace careledger::apps
