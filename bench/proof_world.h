// What benchmarks of proofs stand on: a node of four organisations in this process, on a large ledger, and what an outsider does with the
// bundles. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/node.h"
#include "bench/figures.h"
#include "proof/trust.h"
#include "vault/prover.h"

namespace careledger::bench {

class ProofWorld {
 public:
  ProofWorld();  // large_ledger.h, a million rows and entries; CARELEDGER_BENCH_SCALE (1) shrinks it for a quick look
  ~ProofWorld();
  ProofWorld(const ProofWorld&) = delete;
  ProofWorld& operator=(const ProofWorld&) = delete;

  const std::string& folder() const { return folder_; }  // on the disk of the data
  apps::Layout layout() const;
  apps::Node& node() { return *node_; }
  apps::Organisation& north() { return *node_->organisations().front(); }

  // One commit of `count` observations about Patient/p; returns once they are anchored. Ids "o1", "o2", … in order.
  void commit_observations(std::size_t count);
  void wait_provable();  // what is on the ledger now
  vault::Provable newest();
  void add_checkpoint(const vault::Provable& at, proof::Bundle& bundle);
  proof::Trust trust();

 private:
  std::string folder_;
  std::unique_ptr<apps::Node> node_;
  std::size_t observations_ = 0;
};

double scale();  // CARELEDGER_BENCH_SCALE

// The same bundle and trust file as of a ledger that four validators keep: the header names them and each has signed (made-up keys).
void use_four_validators(proof::Bundle& bundle, proof::Trust& trust);

// From exec to exit 0, the program's file read from the disk again as far as the system lets go of it; its own processor time.
Stopwatch::Lap cold_run(const std::vector<std::string>& command);
// The same of a warm program; returns what it wrote to standard output.
std::string output_of(const std::vector<std::string>& command);
std::string program(const std::string& path);  // of this build: "careledger"

}  // namespace careledger::bench
