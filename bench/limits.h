// What this machine can do at most, measured in the same run as the benchmarks that are judged against it.
#pragma once

#include <string>
#include <vector>

namespace careledger::bench {

struct Latency {  // milliseconds
  double p50 = 0;
  double p99 = 0;
};

Latency latency_of(std::vector<double> milliseconds);  // at least one

struct Limits {
  unsigned cores = 0;
  double signs = 0;           // Ed25519 signatures made a second, one core
  double verifies = 0;        // Ed25519 signatures verified a second one by one, one core
  double batch_verifies = 0;  // the same in batches of 1,024 whose keys all differ, all cores together
  double hashes = 0;          // SHA-256 of 64 bytes a second, one core
  double sealed_bytes = 0;    // AES-256-GCM, bytes a second in pieces of 1 MiB, one core
  double written_bytes = 0;   // bytes a second that become durable: 1 MiB at the end of a growing file and fdatasync
  Latency sync_appended;      // write of 4 KiB at the end of a growing file and fdatasync
  Latency sync_rewritten;     // the same over blocks that were written before
};

// Takes about `seconds` for each of its eight measurements. Writes one file in `folder`, which should lie on the disk that the
// benchmark uses, and removes it. Aborts when the folder cannot be written.
Limits measure_limits(const std::string& folder, double seconds);

// Ed25519 batch verification alone, as in Limits, for a benchmark that wants it again beside its own load.
double measure_batch_verifies(unsigned threads, double seconds);

}  // namespace careledger::bench
