// The outside world's time and randomness, injected so that tests and the simulator own them. Kernel and contracts may not see
// this header (a test enforces it): their time is the block's.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"

namespace careledger {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual BlockTime now() const = 0;               // wall clock, milliseconds since 1970; any thread
  virtual std::uint64_t monotonic_ns() const = 0;  // never goes back; any thread
};

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(char* out, std::size_t count) = 0;  // cryptographically strong; any thread; cannot fail (aborts when the kernel does)
  Bytes take(std::size_t count) {
    Bytes out(count, '\0');
    fill(out.data(), count);
    return out;
  }
  template <class Id>
  Id take_id() {
    Id id;
    fill(id.value.data(), id.value.size());
    return id;
  }
};

Clock& system_clock();      // the machine's
Entropy& system_entropy();  // getrandom(2)

// For tests: time moves only when told.
class ManualClock : public Clock {
 public:
  explicit ManualClock(BlockTime start = {1'800'000'000'000}) : now_(start) {}
  BlockTime now() const override { return now_; }
  std::uint64_t monotonic_ns() const override { return static_cast<std::uint64_t>(now_.value) * 1'000'000u; }
  void advance_ms(std::int64_t ms) { now_.value += ms; }

 private:
  BlockTime now_;
};

// For tests and the simulator only: the same seed gives the same bytes. Not cryptographic.
class SeededEntropy : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}
  void fill(char* out, std::size_t count) override;

 private:
  std::uint64_t state_;
};

}  // namespace careledger
