// systemd's readiness and watchdog protocol (sd_notify(3)): datagrams to $NOTIFY_SOCKET. Without systemd everything here does nothing.
//
// Thread-safety: notify() from any thread. A Watchdog is one thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace careledger::edge::ops {

// "READY=1", "STOPPING=1", "STATUS=importing"; several with line breaks between. unavailable: the socket does not take it.
Result<void> notify(std::string_view state);

// What $WATCHDOG_USEC asks of this process; nullopt: nothing.
std::optional<std::chrono::microseconds> watchdog_interval();

class Watchdog {
 public:
  // Says WATCHDOG=1 at half the interval as long as `alive` says so; when it does not, systemd restarts the service.
  Watchdog(std::chrono::microseconds interval, std::function<bool()> alive);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace careledger::edge::ops
