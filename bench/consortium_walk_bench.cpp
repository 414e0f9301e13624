// The walk of a light client over 10,000 headers of four validators, all of whom are replaced twice on the way: from the first header to
// the last by the rule of CometBFT's light client, blocks fetched as a node serves them, from memory; and the walk that a proof bundle
// carries over the same chain, found once by the node and verified without a clock. Wants no engine and no node.
#include <filesystem>
#include <map>

#include "bench/common.h"
#include "bench/figures.h"
#include "bench/limits.h"
#include "proof/bundle.h"
#include "proof/test_chain.h"
#include "proof/walk.h"

namespace careledger::bench {
namespace {

using proof::testing::names_of;
using proof::testing::TestChain;

constexpr std::uint64_t kHeaders = 10'000;
constexpr std::size_t kValidators = 4;
constexpr std::int64_t kStart = 1764000000;  // seconds
constexpr int kRuns = 200;
constexpr double kSignatureBytes = 64;
constexpr double kTargetMs = 100;
constexpr double kTargetBytes = 200 * 1024;

// Blocks as a node sends them. Each is signed once, before anything is measured.
class Served {
 public:
  proof::FetchBlock fetch() {
    return [this](Height height) -> Result<proof::LightBlock> {
      const auto& [header, validators] = block(height.value);
      bytes_ += header.size() + validators.size();
      ++blocks_;
      proof::LightBlock out;
      CARELEDGER_TRY(out.signed_header, proof::decode_signed_header(header));
      CARELEDGER_TRY(out.validators, proof::decode_validators(validators));
      return out;
    };
  }
  const TestChain& chain() const { return chain_; }
  void forget() { bytes_ = blocks_ = 0; }
  double bytes() const { return static_cast<double>(bytes_); }
  double blocks() const { return static_cast<double>(blocks_); }

 private:
  const std::pair<Bytes, Bytes>& block(std::uint64_t height) {
    auto found = made_.find(height);
    if (found == made_.end()) {
      const proof::LightBlock block = chain_.block(height);
      found = made_.emplace(height, std::pair(proof::encode(block.signed_header), proof::encode(block.validators))).first;
    }
    return found->second;
  }

  const TestChain chain_{
      "cl-0123456789abcdef0123456789abcdef01234567",
      {{1, names_of("first", kValidators)}, {3'334, names_of("second", kValidators)}, {6'667, names_of("third", kValidators)}},
      kHeaders,
      kStart};
  std::map<std::uint64_t, std::pair<Bytes, Bytes>> made_;
  std::size_t bytes_ = 0, blocks_ = 0;
};

// Fetching, reading and verifying, to the last header.
void light_client(Served& served, const Limits& limits, std::vector<Figure>& figures) {
  const proof::LightBlock trusted = served.chain().block(1);
  const proof::Time now{kStart + static_cast<std::int64_t>(kHeaders) + 5, 0};
  const auto rule = [now](const proof::LightBlock& before, const proof::LightBlock& later) {
    return proof::verify_follows(before, later, now);
  };
  const auto walk_once = [&] { return need(proof::find_walk(trusted, {kHeaders}, served.fetch(), rule)); };
  walk_once();  // signs what is asked for
  Stopwatch watch;
  for (int i = 0; i < kRuns; ++i) {
    served.forget();
    watch.start();
    const auto walk = walk_once();
    watch.stop();
    if (walk.back().signed_header.header.height != kHeaders) give_up("the walk ends elsewhere");
  }
  const double signatures = served.blocks() * kValidators;
  add_latencies(figures, "consortium: light client over 10,000 headers, 2 changes", watch, kTargetMs, signatures / limits.verifies * 1000);
  figures.push_back(judged("consortium: light client over 10,000 headers, bytes fetched", served.bytes(), "bytes", Better::lower,
                           kTargetBytes, signatures * kSignatureBytes));
}

// What the node puts into a bundle, and what a verifier does with it.
void bundle_walk(Served& served, const Limits& limits, std::vector<Figure>& figures) {
  const auto rule = [](const proof::LightBlock& before, const proof::LightBlock& later) { return proof::verify_follows(before, later); };
  std::vector<proof::LightBlock> walk = need(proof::find_walk(served.chain().block(1), {kHeaders}, served.fetch(), rule));
  const proof::LightBlock target = walk.back();
  walk.pop_back();
  Stopwatch watch;
  for (int i = 0; i < kRuns; ++i) {
    watch.start();
    need(proof::check_walk(walk, target));
    if (proof::vouched(served.chain().validators(1), walk, target) != 0) give_up("the walk begins elsewhere");
    watch.stop();
  }
  proof::Bundle bundle;
  bundle.signed_header = target.signed_header;
  bundle.validators = target.validators;
  const std::size_t without = proof::encode(bundle).size();
  bundle.walk = walk;
  const auto bytes = static_cast<double>(proof::encode(bundle).size() - without);
  const double signatures = static_cast<double>(walk.size() * kValidators);
  add_latencies(figures, "proof: walk over 10,000 headers, 2 changes, verify", watch, kTargetMs, signatures / limits.verifies * 1000);
  figures.push_back(judged("proof: walk over 10,000 headers, 2 changes, size", bytes, "bytes", Better::lower, kTargetBytes,
                           signatures * kSignatureBytes));
}

int run(int argc, char** argv) {
  const std::string folder = make_folder("walk");
  const Limits limits = measure_limits(folder, 0.2);
  std::filesystem::remove_all(folder);
  Served served;
  std::vector<Figure> figures;
  light_client(served, limits, figures);
  bundle_walk(served, limits, figures);
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
