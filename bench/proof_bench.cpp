// The proof of one record: what it costs to make and to check, how large it is, and what anchoring keeps of each version, on the ledger and
// in the vault. On a ledger of a million rows and entries with four organisations whose witnesses cosign.
//
// CARELEDGER_BENCH_SCALE (1) shrinks the ledger for a quick look.
#include <fstream>
#include <random>

#include "bench/common.h"
#include "bench/figures.h"
#include "bench/limits.h"
#include "bench/proof_world.h"
#include "proof/verify.h"
#include "vault/parts.h"

namespace careledger::bench {
namespace {

constexpr std::size_t kVersionsAnAnchor = 300;
constexpr std::size_t kAnchors = 100;
constexpr int kProofs = 2000;
constexpr int kColdRuns = 50;

// The least that proves a record: on its way from one of 300 leaves through the log's million entries to the app hash, and, that nothing
// supersedes it, from its gap among a million rows, each step is one digest.
constexpr double kPathDigests = 9 + 20 + 20;
constexpr double kSignatureBytes = 64;
constexpr double kSignatures = 4 + 1 + 5;  // votes, the anchor's, the checkpoint's

double table_bytes(const std::string& folder) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".sst") bytes += static_cast<double>(entry.file_size());
  return bytes;
}

void compact(storage::Store& store, std::uint16_t columns) {
  need(store.flush());
  for (std::uint16_t column = 0; column < columns; ++column) need(store.compact({column}, storage::Range::all()));
}

// Commits until there are kAnchors full of them; what that adds to the compacted ledger, and to the vault beside the bodies.
void anchor_bytes(ProofWorld& world, std::vector<Figure>& figures) {
  storage::Store& ledger = world.node().ledger().store();
  const std::string folder = world.layout().ledger();
  compact(ledger, 5);
  const double before = table_bytes(folder);
  for (std::size_t i = 0; i < kAnchors; ++i) world.commit_observations(kVersionsAnAnchor);
  world.wait_provable();
  compact(ledger, 5);
  constexpr double kVersions = kVersionsAnAnchor * kAnchors;
  const std::uint64_t anchors = world.north().vault().figures().anchors;
  if (anchors != kAnchors) give_up("the versions came to stand in " + std::to_string(anchors) + " anchors");
  figures.push_back(judged("anchors: bytes on the ledger a version, 300 versions an anchor", (table_bytes(folder) - before) / kVersions,
                           "bytes", Better::lower, 8, (kSignatureBytes + Digest::size) / kVersionsAnAnchor));  // the anchor's, and its root
  storage::Store& vault = *world.north().vault().parts().store;
  compact(vault, 8);
  const auto kept = [&](storage::Column column) {
    return static_cast<double>(need(vault.approximate_size(column, {Bytes(), Bytes(64, '\xff')}))) / kVersions;
  };
  figures.push_back(judged("anchors: bytes in the vault a version, beside its body", kept(vault::kAnchorsColumn), "bytes", Better::lower,
                           40, Digest::size));
  figures.push_back({"vault: name, number and time of a version", kept(vault::kVersionsColumn), "bytes", {}, {}});
}

proof::Bundle make_proof(ProofWorld& world, std::size_t number) {
  const vault::ProofMaterial material = need(world.north().vault().proof_material("Observation", "o" + std::to_string(number), 1));
  const vault::Provable at = world.newest();
  proof::Bundle bundle = need(vault::prove_record(at, world.north().config().id, material, {}));
  world.add_checkpoint(at, bundle);
  return bundle;
}

struct Sample {
  Stopwatch make;
  Stopwatch verify;
  std::size_t largest = 0;  // bytes
  Bytes bundle;             // that one, under four validators
  proof::Trust trust;
};

Sample sample_proofs(ProofWorld& world) {
  std::mt19937_64 random(3);
  Sample out;
  const proof::Trust trust = world.trust();
  for (int i = 0; i < kProofs; ++i) {
    out.make.start();
    proof::Bundle bundle = make_proof(world, random() % (kVersionsAnAnchor * kAnchors) + 1);
    const Bytes made = proof::encode(bundle);
    out.make.stop();
    need(proof::verify(made, trust));
    out.trust = trust;
    use_four_validators(bundle, out.trust);
    Bytes bytes = proof::encode(bundle);
    out.verify.start();
    const proof::Report report = need(proof::verify(bytes, out.trust));
    out.verify.stop();
    if (report.currency != proof::Currency::current || report.signers != 4) give_up("a proof says something else than it should");
    if (bytes.size() <= out.largest) continue;
    out.largest = bytes.size();
    out.bundle = std::move(bytes);
  }
  return out;
}

Stopwatch verify_by_command(const ProofWorld& world, const Sample& sample) {
  const std::string bundle = world.folder() + "/proof.clpb";
  const std::string trust = world.folder() + "/trust.json";
  std::ofstream(bundle, std::ios::binary) << sample.bundle;
  std::ofstream(trust) << proof::to_text(sample.trust);
  Stopwatch watch;
  for (int i = 0; i < kColdRuns; ++i) watch.add(cold_run({program("careledger"), "verify", bundle, "--trust", trust}));
  return watch;
}

int run(int argc, char** argv) {
  ProofWorld world;
  const Limits limits = measure_limits(world.folder(), 0.5);
  std::vector<Figure> figures;
  anchor_bytes(world, figures);
  const Sample sample = sample_proofs(world);
  add_latencies(figures, "proof: of one record with currency, make", sample.make, 0.5, kPathDigests / limits.hashes * 1000);
  figures.push_back(judged("proof: size with the signatures of 4 validators, 4 witnesses", static_cast<double>(sample.largest), "bytes",
                           Better::lower, 6144, kSignatures * kSignatureBytes + kPathDigests * Digest::size));
  add_latencies(figures, "proof: verify in process", sample.verify, 1, kSignatures / limits.verifies * 1000);
  add_latencies(figures, "proof: careledger verify from cold", verify_by_command(world, sample), 50, kSignatures / limits.verifies * 1000);
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
