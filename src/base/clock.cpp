#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

#include "base/assert.h"

namespace careledger {
namespace {

class SystemClock : public Clock {
 public:
  BlockTime now() const override { return {static_cast<std::int64_t>(read(CLOCK_REALTIME) / 1'000'000u)}; }
  std::uint64_t monotonic_ns() const override { return read(CLOCK_MONOTONIC); }

 private:
  static std::uint64_t read(clockid_t id) {
    timespec t{};
    CARELEDGER_ASSERT(clock_gettime(id, &t) == 0);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
  }
};

class SystemEntropy : public Entropy {
 public:
  void fill(char* out, std::size_t count) override {
    while (count > 0) {
      const ssize_t got = getrandom(out, count, 0);
      CARELEDGER_ASSERT(got > 0);
      out += got;
      count -= static_cast<std::size_t>(got);
    }
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Entropy& system_entropy() {
  static SystemEntropy entropy;
  return entropy;
}

// splitmix64 (Steele, Lea, Flood 2014).
void SeededEntropy::fill(char* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    out[i] = static_cast<char>((z ^ (z >> 31)) & 0xff);
  }
}

}  // namespace careledger
