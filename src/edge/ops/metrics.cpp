#include "edge/ops/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>

namespace careledger::edge::ops {

namespace {

class CounterHere final : public Counter {
 public:
  explicit CounterHere(prometheus::Counter& counter) : counter_(counter) {}
  void add(double amount) override { counter_.Increment(amount); }

 private:
  prometheus::Counter& counter_;
};

class HistogramHere final : public Histogram {
 public:
  explicit HistogramHere(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

using Name = std::pair<std::string, Labels>;

struct Gauge {
  prometheus::Gauge& gauge;
  std::function<double()> value;
};

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  mutable std::mutex mutex;
  std::map<std::string, prometheus::Family<prometheus::Counter>*> counter_families;
  std::map<std::string, prometheus::Family<prometheus::Histogram>*> histogram_families;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*> gauge_families;
  std::map<Name, std::unique_ptr<Counter>> counters;
  std::map<Name, std::unique_ptr<Histogram>> histograms;
  std::vector<Gauge> gauges;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  auto& place = state_->counters[{name, labels}];
  if (!place) {
    auto*& family = state_->counter_families[name];
    if (family == nullptr) family = &prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry);
    place = std::make_unique<CounterHere>(family->Add(labels));
  }
  return *place;
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  auto& place = state_->histograms[{name, labels}];
  if (!place) {
    auto*& family = state_->histogram_families[name];
    if (family == nullptr) family = &prometheus::BuildHistogram().Name(name).Help(help).Register(state_->registry);
    place = std::make_unique<HistogramHere>(family->Add(labels, bounds));
  }
  return *place;
}

void Metrics::gauge(const std::string& name, const std::string& help, std::function<double()> value, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  auto*& family = state_->gauge_families[name];
  if (family == nullptr) family = &prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry);
  state_->gauges.push_back({family->Add(labels), std::move(value)});
}

std::string Metrics::text() const {
  const std::lock_guard lock(state_->mutex);
  for (const auto& each : state_->gauges) each.gauge.Set(each.value());
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace careledger::edge::ops
