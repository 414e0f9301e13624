// What an operator must hear from any part of the node: into its log and a counter while it serves, to standard error otherwise. What was
// said as the node started is said again once there is a log, so that it is counted too.
//
// Thread-safety: any thread. Never a record's content.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "edge/ops/log.h"
#include "edge/ops/metrics.h"

namespace careledger::apps {

class Alerts {
 public:
  void raise(const std::string& from, const std::string& what);
  // Counts careledger_alerts_total{from}, which begins at 0 for each of `sources`: what is not there before it grows alarms nobody.
  // Log and metrics are borrowed until another call; null: standard error again.
  void listen(edge::ops::Log* log, edge::ops::Metrics* metrics, const std::vector<std::string>& sources = {});

 private:
  edge::ops::Counter& counter(const std::string& from);
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> early_;  // before anything listened
  edge::ops::Log* log_ = nullptr;
  edge::ops::Metrics* metrics_ = nullptr;
};

}  // namespace careledger::apps
