// Runs a block sequence made from seeds and compares every app hash with those in app_hashes.txt. They were made once and stay: a change
// here is a change of the protocol. With --write the file is written anew.
//
// The sequence is run four ways: one thread and several, without a restart and with one at every height.
#include <cstdio>
#include <fstream>
#include <iostream>

#include "replica/test_world.h"

namespace {

using namespace careledger;
using careledger::replica::test::World;

constexpr std::uint64_t kSeeds = 3;
constexpr int kBlocks = 40;

struct Way {
  std::size_t threads;
  bool restarts;
};

std::vector<std::string> run(std::uint64_t seed, Way way) {
  World world(seed);
  std::mt19937_64 random(seed);  // its output is fixed by the C++ standard
  const std::shared_ptr<storage::Store> store = replica::memory_ledger_store();
  auto ledger = replica::test::open_replica(world, store, way.threads);
  std::vector<std::string> lines = {"seed " + std::to_string(seed) + " height 0 " + ledger->view().app_hash().hex()};
  world.populate(*ledger, 4, 60);
  for (int i = 0; i < kBlocks; ++i) {
    std::vector<Bytes> batches;
    const std::uint64_t count = random() % 4;
    for (std::uint64_t b = 0; b < count; ++b) batches.push_back(world.random_batch(1 + random() % 40, random));
    const replica::View view = world.run(*ledger, std::move(batches));
    lines.push_back("seed " + std::to_string(seed) + " height " + std::to_string(view.height().value) + " " + view.app_hash().hex());
    if (way.restarts) {
      ledger.reset();
      ledger = replica::test::open_replica(world, store, way.threads);
    }
  }
  return lines;
}

std::vector<std::string> golden() {
  std::ifstream in(CARELEDGER_GOLDEN);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  return lines;
}

int write(const std::vector<std::string>& lines) {
  std::ofstream out(CARELEDGER_GOLDEN);
  out << "# App hashes of the block sequences in determinism_main.cpp. Never changed without a new protocol version.\n";
  for (const std::string& line : lines) out << line << "\n";
  return out.good() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> lines;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed)
    for (std::string& line : run(seed, {0, false})) lines.push_back(std::move(line));
  if (count == 2 && std::string(arguments[1]) == "--write") return write(lines);
  if (count == 2 && std::string(arguments[1]) == "--print")
    for (const std::string& line : lines) std::cout << line << "\n";
  const std::vector<std::string> expected = golden();
  for (std::size_t i = 0; i < std::max(lines.size(), expected.size()); ++i) {
    if (i < lines.size() && i < expected.size() && lines[i] == expected[i]) continue;
    std::cerr << "expected: " << (i < expected.size() ? expected[i] : "nothing")
              << "\ngot:      " << (i < lines.size() ? lines[i] : "nothing") << "\n";
    return 1;
  }
  for (const Way way : {Way{3, false}, Way{0, true}, Way{3, true}}) {
    if (run(1, way) == std::vector<std::string>(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(lines.size() / kSeeds)))
      continue;
    std::cerr << "another app hash with " << way.threads << " more threads" << (way.restarts ? " and a restart at every height" : "")
              << "\n";
    return 1;
  }
  std::cout << lines.size() << " app hashes as expected, on one thread and several, with a restart at every height\n";
  return 0;
}
