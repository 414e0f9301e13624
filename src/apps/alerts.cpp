#include "apps/alerts.h"

#include <fmt/format.h>

#include <cstdio>

namespace careledger::apps {

void Alerts::raise(const std::string& from, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (log_ == nullptr) return fmt::print(stderr, "careledger: {}: {}\n", from, what);
  log_->error("alert", {{"from", from}, {"what", what}});
  counter(from).add();
}

void Alerts::listen(edge::ops::Log* log, edge::ops::Metrics* metrics, const std::vector<std::string>& sources) {
  const std::lock_guard lock(mutex_);
  log_ = log;
  metrics_ = metrics;
  for (const std::string& from : sources) counter(from);
}

edge::ops::Counter& Alerts::counter(const std::string& from) {
  return metrics_->counter("careledger_alerts_total", "What an operator must hear; the log says what.", {{"from", from}});
}

}  // namespace careledger::apps
