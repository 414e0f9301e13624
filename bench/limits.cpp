#include "bench/limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

namespace careledger::bench {
namespace {

constexpr std::size_t kBatch = 1024;
constexpr std::size_t kMessageSize = 200;  // about a signed command
constexpr std::size_t kWriteSize = 4096;

double now_seconds() { return static_cast<double>(system_clock().monotonic_ns()) * 1e-9; }

// Calls `work`, which does `each` operations, for about `seconds`; operations a second.
template <class Work>
double rate(double seconds, double each, Work work) {
  work();  // warm
  const double start = now_seconds();
  double done = 0;
  double spent = 0;
  do {
    work();
    done += each;
    spent = now_seconds() - start;
  } while (spent < seconds);
  return done / spent;
}

// A batch of signatures that hold, each by another key.
class SignedBatch {
 public:
  explicit SignedBatch(std::uint64_t seed) {
    SeededEntropy entropy(seed);
    for (std::size_t i = 0; i < kBatch; ++i) {
      keys_.push_back(crypto::SigningKey::generate(entropy));
      messages_.push_back(entropy.take(kMessageSize));
    }
    for (std::size_t i = 0; i < kBatch; ++i) items_.push_back({keys_[i].public_key(), messages_[i], keys_[i].sign(messages_[i])});
  }

  void sign_all() const {
    for (std::size_t i = 0; i < kBatch; ++i) static_cast<void>(keys_[i].sign(messages_[i]));
  }

  void verify_each() const {
    for (const auto& item : items_) CARELEDGER_ASSERT(crypto::verify(item.key, item.message, item.signature));
  }

  void verify_together() const {
    const auto holds = crypto::verify_batch(items_);
    CARELEDGER_ASSERT(std::all_of(holds.begin(), holds.end(), [](bool one) { return one; }));
  }

 private:
  std::vector<crypto::SigningKey> keys_;
  std::vector<Bytes> messages_;
  std::vector<crypto::SignedItem> items_;
};

double measure_hashes(double seconds) {
  Bytes node(64, 'n');
  return rate(seconds, 1000, [&node] {
    for (int i = 0; i < 1000; ++i) node.replace(0, 32, crypto::sha256(node).view());  // each needs the one before
  });
}

double measure_sealing(double seconds) {
  const crypto::Secret key(crypto::kAeadKeySize);
  const Bytes nonce(crypto::kAeadNonceSize, 'n');
  const Bytes plain(std::size_t{1} << 20, 'p');
  return rate(seconds, static_cast<double>(plain.size()), [&] { static_cast<void>(crypto::aead_seal(key, nonce, "", plain)); });
}

// Writes and syncs 4 KiB again and again, either each behind the last or over the first megabyte.
Latency measure_sync(int file, bool rewrite, double seconds) {
  constexpr std::size_t kRewritten = std::size_t{1} << 20;
  const Bytes page(kWriteSize, 's');
  std::vector<double> times;
  std::size_t offset = 0;
  const double end = now_seconds() + seconds;
  while (now_seconds() < end || times.size() < 100) {
    const double start = now_seconds();
    CARELEDGER_ASSERT(pwrite(file, page.data(), page.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(page.size()));
    CARELEDGER_ASSERT(fdatasync(file) == 0);
    times.push_back((now_seconds() - start) * 1e3);
    offset += kWriteSize;
    if (rewrite) offset %= kRewritten;
  }
  return latency_of(std::move(times));
}

double measure_writing(int file, double seconds) {
  const Bytes piece(std::size_t{1} << 20, 'w');
  return rate(seconds, static_cast<double>(piece.size()), [&] {
    CARELEDGER_ASSERT(write(file, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
    CARELEDGER_ASSERT(fdatasync(file) == 0);
  });
}

void measure_disk(const std::string& folder, double seconds, Limits& limits) {
  const std::string path = folder + "/limits.tmp";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CARELEDGER_ASSERT(file >= 0);
  limits.sync_appended = measure_sync(file, false, seconds);
  limits.sync_rewritten = measure_sync(file, true, seconds);
  CARELEDGER_ASSERT(ftruncate(file, 0) == 0);
  limits.written_bytes = measure_writing(file, seconds);
  close(file);
  unlink(path.c_str());
}

}  // namespace

Latency latency_of(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

double measure_batch_verifies(unsigned threads, double seconds) {
  std::vector<double> rates(threads);
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i) {
    running.emplace_back([i, seconds, &rates] {
      const SignedBatch batch(i);
      rates[i] = rate(seconds, kBatch, [&batch] { batch.verify_together(); });
    });
  }
  for (std::thread& thread : running) thread.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

Limits measure_limits(const std::string& folder, double seconds) {
  Limits limits;
  limits.cores = std::max(1u, std::thread::hardware_concurrency());
  const SignedBatch batch(99);
  limits.signs = rate(seconds, kBatch, [&batch] { batch.sign_all(); });
  limits.verifies = rate(seconds, kBatch, [&batch] { batch.verify_each(); });
  limits.batch_verifies = measure_batch_verifies(limits.cores, seconds);
  limits.hashes = measure_hashes(seconds);
  limits.sealed_bytes = measure_sealing(seconds);
  measure_disk(folder, seconds, limits);
  return limits;
}

}  // namespace careledger::bench
