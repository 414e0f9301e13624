#include "bench/figures.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <fstream>
#include <string_view>

#include "base/clock.h"

namespace careledger::bench {
namespace {

boost::json::value number(const std::optional<double>& value) { return value ? boost::json::value(*value) : boost::json::value(); }

std::string to_json(const std::vector<Figure>& figures) {
  boost::json::array all;
  for (const Figure& one : figures) {
    boost::json::object object;
    object["name"] = one.name;
    object["value"] = one.value;
    object["unit"] = one.unit;
    object["target"] = number(one.target);
    object["limit"] = number(one.limit);
    object["holds"] = one.target ? boost::json::value(one.holds) : boost::json::value();
    all.push_back(object);
  }
  return boost::json::serialize(all);
}

void print(const Figure& one) {
  fmt::print("{:<56} {:>14.3f} {:<8}", one.name, one.value, one.unit);
  if (one.target) fmt::print(" target {:.3f} {}", *one.target, one.holds ? "holds" : "MISSED");
  if (one.limit) fmt::print(" limit {:.3f}", *one.limit);
  fmt::print("\n");
}

}  // namespace

Figure judged(std::string name, double value, std::string unit, Better better, double target, double limit) {
  const bool holds = better == Better::higher ? value >= target : value <= target;
  return {std::move(name), value, std::move(unit), target, limit, holds};
}

Stopwatch::Lap Stopwatch::now() {
  timespec processor{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);
  return {static_cast<double>(system_clock().monotonic_ns()) * 1e-6,
          static_cast<double>(processor.tv_sec) * 1e3 + static_cast<double>(processor.tv_nsec) * 1e-6};
}

void Stopwatch::start() { started_ = now(); }

void Stopwatch::stop() {
  const Lap ended = now();
  laps_.push_back({ended.clock - started_.clock, ended.processor - started_.processor});
}

std::vector<double> Stopwatch::clock() const {
  std::vector<double> out;
  for (const Lap& lap : laps_) out.push_back(lap.clock);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<double> Stopwatch::processor() const {
  std::vector<double> out;
  for (const Lap& lap : laps_) out.push_back(lap.processor);
  std::sort(out.begin(), out.end());
  return out;
}

void add_latencies(std::vector<Figure>& figures, const std::string& name, const Stopwatch& watch, std::optional<double> target,
                   std::optional<double> limit) {
  const std::vector<double> clock = watch.clock();
  const double p50 = clock[clock.size() / 2];
  figures.push_back({name + ", p50", p50, "ms", target, limit, !target || p50 <= *target});
  figures.push_back({name + ", p99", clock[clock.size() * 99 / 100], "ms", {}, {}});
  figures.push_back({name + ", processor time, p50", watch.processor()[clock.size() / 2], "ms", {}, {}});
}

int report(const std::vector<Figure>& figures, int argc, char** argv) {
  for (const Figure& one : figures) print(one);
  if (argc == 1) return 0;
  if (argc != 3 || std::string_view(argv[1]) != "--json") return 2;
  std::ofstream file(argv[2]);
  file << to_json(figures) << "\n";
  file.close();
  return file.good() ? 0 : 2;
}

}  // namespace careledger::bench
