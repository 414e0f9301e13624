#include "apps/alerts.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace careledger::apps {
namespace {

constexpr std::size_t kEarlyMax = 32;

}  // namespace

void Alerts::raise(const std::string& from, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (log_ == nullptr) {
    if (early_.size() < kEarlyMax) early_.emplace_back(from, what);
    return fmt::print(stderr, "careledger: {}: {}\n", from, what);
  }
  log_->error("alert", {{"from", from}, {"what", what}});
  counter(from).add();
}

void Alerts::listen(edge::ops::Log* log, edge::ops::Metrics* metrics, const std::vector<std::string>& sources) {
  const std::lock_guard lock(mutex_);
  log_ = log;
  metrics_ = metrics;
  for (const std::string& from : sources) counter(from);
  if (log_ == nullptr) return;
  for (const auto& [from, what] : std::exchange(early_, {})) {
    log_->error("alert", {{"from", from}, {"what", what}});
    counter(from).add();
  }
}

edge::ops::Counter& Alerts::counter(const std::string& from) {
  return metrics_->counter("careledger_alerts_total", "What an operator must hear; the log says what.", {{"from", from}});
}

}  // namespace careledger::apps
