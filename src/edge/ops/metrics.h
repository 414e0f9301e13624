// Counters, histograms and gauges, shown in the text format of Prometheus. Names follow its rules: careledger_…_total, …_seconds, …_bytes.
// Labels are words from a closed list (routes, methods, codes), never an id.
//
// Thread-safety: everything, from any thread. What counter() and histogram() return lives as long as the Metrics.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace careledger::edge::ops {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same object. `help` counts the first time. Keep the reference: looking it up takes a lock.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds, const Labels& labels = {});
  // Asked at every scrape, on an I/O thread: must be quick. The function must outlive the Metrics' last text().
  void gauge(const std::string& name, const std::string& help, std::function<double()> value, const Labels& labels = {});

  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline const std::vector<double> kSecondsBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60};

}  // namespace careledger::edge::ops
