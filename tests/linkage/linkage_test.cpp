// Runs the attacks on five months, with lanes and rounding and without, and fails when the product leaks or the attacker cannot attack.
#include <cstdio>
#include <future>

#include "attack.h"

namespace careledger::linkage {
namespace {

constexpr std::array<std::uint64_t, 5> kSeeds{20'261'121, 20'261'122, 20'261'123, 20'261'124, 20'261'125};
constexpr double kMost = 0.02;    // with lanes and rounding
constexpr double kLeast = 0.2;    // without: or the attacker is too weak to show anything
constexpr double kNormal = 1.96;  // 95 % both sides

struct Both {
  Outcome link;
  Outcome person;
};

Both attack(std::uint64_t seed, bool protect, std::uint32_t epoch_ms = Options{}.epoch_ms) {
  const City city = simulate({.seed = seed, .epoch_ms = epoch_ms, .lanes_and_rounding = protect});
  const Seen seen = observe(city);
  return {link_pseudonyms(city, seen), find_the_person(city, seen, seed)};
}

void add(Outcome& all, const Outcome& one) {
  all.advantage.insert(all.advantage.end(), one.advantage.begin(), one.advantage.end());
  all.right += one.right;
  all.guess += one.guess;
  all.alone += one.alone;
}

struct Bounds {
  double mean;
  double low;
  double high;
};

Bounds bounds_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  double squares = 0;
  for (const double value : values) sum += value, squares += value * value;
  const double mean = sum / count;
  const double half = kNormal * std::sqrt((squares / count - mean * mean) / count);
  return {mean, mean - half, mean + half};
}

Bounds print(const char* what, const Outcome& outcome) {
  const Bounds bounds = bounds_of(outcome.advantage);
  const auto count = static_cast<double>(outcome.advantage.size());
  std::printf("  %-18s %6zu targets: right %.4f, guess %.4f, advantage %+.4f [%+.4f, %+.4f], alone in their hour %zu\n", what,
              outcome.advantage.size(), outcome.right / count, outcome.guess / count, bounds.mean, bounds.low, bounds.high, outcome.alone);
  std::fflush(stdout);
  return bounds;
}

int run() {
  bool good = true;
  for (const bool protect : {true, false}) {
    std::printf("%s\n", protect ? "with lanes and rounding" : "without lanes and rounding");
    Both all;
    std::array<std::future<Both>, kSeeds.size()> runs;
    for (std::size_t i = 0; i < kSeeds.size(); i += 2) {  // two at a time
      for (std::size_t j = i; j < std::min(i + 2, kSeeds.size()); ++j)
        runs[j] = std::async(std::launch::async, [=] { return attack(kSeeds[j], protect); });
      for (std::size_t j = i; j < std::min(i + 2, kSeeds.size()); ++j) {
        const Both one = runs[j].get();
        std::printf(" seed %llu\n", static_cast<unsigned long long>(kSeeds[j]));
        print("link pseudonyms", one.link);
        print("find the person", one.person);
        add(all.link, one.link);
        add(all.person, one.person);
      }
    }
    std::printf(" all five\n");
    for (const Bounds& bounds : {print("link pseudonyms", all.link), print("find the person", all.person)})
      good = good && (protect ? bounds.high <= kMost : bounds.low > kLeast);
  }
  std::printf("with lanes and rounding and an epoch of ten seconds, seed %llu: what --epoch-ms 10000 costs, no bound\n",
              static_cast<unsigned long long>(kSeeds[0]));
  const Both hasty = attack(kSeeds[0], true, 10'000);
  print("link pseudonyms", hasty.link);
  print("find the person", hasty.person);
  std::printf("%s: at most %.2f with, more than %.2f without, at 95 %%\n", good ? "holds" : "DOES NOT HOLD", kMost, kLeast);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace careledger::linkage

int main() { return careledger::linkage::run(); }
