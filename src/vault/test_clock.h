// For tests whose threads look at the clock while the test moves it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace careledger::vault {

// Moves only when told. Any thread.
class SharedClock final : public Clock {
 public:
  BlockTime now() const override { return {ms_}; }
  std::uint64_t monotonic_ns() const override { return static_cast<std::uint64_t>(ms_) * 1'000'000u; }
  void advance_ms(std::int64_t ms) { ms_ += ms; }

 private:
  std::atomic<std::int64_t> ms_{ManualClock().now().value};
};

}  // namespace careledger::vault
