// simulator [--first SEED] [--seeds N] [--blocks N] [--least-a-minute N]: runs so many seeds from the first on and says what they held.
// Exit 0 when all hold; 1 when they are too few a minute. The first seed runs twice and must be the same both times.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "simulator/simulation.h"

int main(int argc, char** argv) {
  using namespace careledger;
  std::uint64_t first = 1, seeds = 100, blocks = 50, least = 0;
  CLI::App app("Four replicas under faults, from one seed each");
  app.add_option("--first", first, "first seed");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--blocks", blocks, "of each")->check(CLI::Range(3, 100'000));
  app.add_option("--least-a-minute", least, "seeds");
  CLI11_PARSE(app, argc, argv);
  const auto begun = std::chrono::steady_clock::now();
  simulator::Report all;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const simulator::Report one = simulator::Simulation(seed).run(blocks);
    if (seed == first && simulator::Simulation(seed).run(blocks).trace != one.trace) {
      std::fprintf(stderr, "seed %llu is another run the second time\n", static_cast<unsigned long long>(seed));
      return 1;
    }
    all.blocks += one.blocks;
    all.commands += one.commands;
    all.faults += one.faults;
    all.lies_rejected += one.lies_rejected;
  }
  const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() / 60;
  const double rate = static_cast<double>(seeds) / minutes;
  std::printf("seeds %llu to %llu: %llu blocks, %llu commands, %llu faults, %llu lies rejected; %.0f seeds a minute\n",
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(first + seeds - 1),
              static_cast<unsigned long long>(all.blocks), static_cast<unsigned long long>(all.commands),
              static_cast<unsigned long long>(all.faults), static_cast<unsigned long long>(all.lies_rejected), rate);
  return rate >= static_cast<double>(least) ? 0 : 1;
}
