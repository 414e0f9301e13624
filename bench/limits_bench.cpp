// What the machine can do at most; the other benchmarks are read beside these figures.
#include <cstdlib>

#include "bench/figures.h"
#include "bench/limits.h"

int main(int argc, char** argv) {
  using careledger::bench::Figure;
  const char* folder = std::getenv("TMPDIR");
  const auto limits = careledger::bench::measure_limits(folder == nullptr ? "." : folder, 2);
  const std::vector<Figure> figures = {
      {"limit: Ed25519 sign, one core", limits.signs, "1/s", {}, {}},
      {"limit: Ed25519 verify one by one, one core", limits.verifies, "1/s", {}, {}},
      {"limit: Ed25519 verify in batches, all cores", limits.batch_verifies, "1/s", {}, {}},
      {"limit: SHA-256 of 64 bytes, one core", limits.hashes, "1/s", {}, {}},
      {"limit: AES-256-GCM, one core", limits.sealed_bytes, "bytes/s", {}, {}},
      {"limit: write of 1 MiB and fdatasync, appended", limits.written_bytes, "bytes/s", {}, {}},
      {"limit: write of 4 KiB and fdatasync, appended, p50", limits.sync_appended.p50, "ms", {}, {}},
      {"limit: write of 4 KiB and fdatasync, appended, p99", limits.sync_appended.p99, "ms", {}, {}},
      {"limit: write of 4 KiB and fdatasync, rewritten, p50", limits.sync_rewritten.p50, "ms", {}, {}},
      {"limit: write of 4 KiB and fdatasync, rewritten, p99", limits.sync_rewritten.p99, "ms", {}, {}},
  };
  return careledger::bench::report(figures, argc, argv);
}
