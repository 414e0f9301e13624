// What an operator must hear from any part of the node: into its log and a counter while it serves, to standard error otherwise.
//
// Thread-safety: any thread. Never a record's content.
#pragma once

#include <mutex>
#include <string>

#include "edge/ops/log.h"
#include "edge/ops/metrics.h"

namespace careledger::apps {

class Alerts {
 public:
  void raise(const std::string& from, const std::string& what);
  // Counts careledger_alerts_total{from}. Both are borrowed until another call; null: standard error again.
  void listen(edge::ops::Log* log, edge::ops::Metrics* metrics);

 private:
  std::mutex mutex_;
  edge::ops::Log* log_ = nullptr;
  edge::ops::Metrics* metrics_ = nullptr;
};

}  // namespace careledger::apps
