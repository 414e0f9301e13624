// How long one stage after the other takes. For metrics alone: nothing that is decided depends on it.
#pragma once

#include <chrono>
#include <cstdint>

namespace careledger {

class LapTimer {
 public:
  std::uint64_t lap() {  // nanoseconds since the last one, or since the timer was made
    const auto now = std::chrono::steady_clock::now();
    const auto spent = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    last_ = now;
    return static_cast<std::uint64_t>(spent);
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace careledger
