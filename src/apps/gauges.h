// What of an organisation an operator must be able to put an alarm on, as gauges under the label {organisation}.
#pragma once

#include <string>

#include "edge/ops/metrics.h"
#include "vault/audit.h"
#include "vault/vault.h"

namespace careledger::apps {

// Everything is borrowed for as long as somebody may ask for the metrics. `folder`: on the file system whose free space counts.
void add_gauges(edge::ops::Metrics& metrics, const std::string& organisation, const std::string& folder, const vault::Vault& vault,
                const vault::AuditMap& audit);

}  // namespace careledger::apps
