// simulator [--first SEED] [--seeds N] [--blocks N] [--least-a-minute N]: runs so many seeds from the first on and says what they held.
// Exit 0 when all hold; 1 when they are too few a minute. The first seed runs twice and must be the same both times. One that does not hold
// ends the program, and says how to see it again.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cinttypes>
#include <cstdio>

#include "simulator/simulation.h"

namespace {

using careledger::simulator::Report;

void add(Report& all, const Report& one) {
  all.blocks += one.blocks;
  all.commands += one.commands;
  all.crashes += one.crashes;
  all.cuts += one.cuts;
  all.disks += one.disks;
  all.late += one.late;
  all.lies_rejected += one.lies_rejected;
  for (const auto& [code, count] : one.codes) all.codes[code] += count;
}

void print(const Report& all) {
  std::printf("%" PRIu64 " blocks, %" PRIu64 " commands given; %" PRIu64 " crashes, %" PRIu64 " cut off, %" PRIu64 " disks failed, %" PRIu64
              " batches late, %" PRIu64 " lies rejected\n",
              all.blocks, all.commands, all.crashes, all.cuts, all.disks, all.late, all.lies_rejected);
  for (const auto& [code, count] : all.codes) std::printf("%s %" PRIu64 ", ", std::string(code).c_str(), count);
  std::printf("and that is all\n");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace careledger;
  std::uint64_t first = 1, seeds = 100, blocks = simulator::kBlocksMin, least = 0;
  CLI::App app("Four replicas under faults, from one seed each");
  app.add_option("--first", first, "first seed");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--blocks", blocks, "of each")->check(CLI::Range(simulator::kBlocksMin, std::uint64_t{100'000}));
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
    add(all, one);
  }
  const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() / 60;
  const double rate = static_cast<double>(seeds) / minutes;
  print(all);
  std::printf("seeds %" PRIu64 " to %" PRIu64 ": %.0f a minute\n", first, first + seeds - 1, rate);
  return rate >= static_cast<double>(least) ? 0 : 1;
}
