#include "edge/ops/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace careledger::edge::ops {

namespace {

std::optional<std::uint64_t> number(const char* text) {
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const auto* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

Result<void> notify(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || path[0] == '\0') return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto size = std::strlen(path);
  if (size >= sizeof address.sun_path) return fail(ErrorKind::unavailable, "NOTIFY_SOCKET: the path is too long");
  std::memcpy(address.sun_path, path, size);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorKind::unavailable, "NOTIFY_SOCKET: no socket");
  const auto address_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  const auto sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), address_size);
  ::close(fd);
  if (sent != static_cast<ssize_t>(state.size())) return fail(ErrorKind::unavailable, "NOTIFY_SOCKET: nobody takes the message");
  return {};
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const auto interval = number(std::getenv("WATCHDOG_USEC"));
  if (!interval || *interval == 0) return std::nullopt;
  const auto process = number(std::getenv("WATCHDOG_PID"));
  if (process && *process != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

struct Watchdog::State {
  std::mutex mutex;
  std::condition_variable wake;
  bool stopped = false;
  std::thread thread;
};

Watchdog::Watchdog(std::chrono::microseconds interval, std::function<bool()> alive) : state_(std::make_unique<State>()) {
  state_->thread = std::thread([state = state_.get(), interval, alive = std::move(alive)] {
    std::unique_lock lock(state->mutex);
    while (!state->stopped) {
      lock.unlock();
      if (alive()) static_cast<void>(notify("WATCHDOG=1"));
      lock.lock();
      state->wake.wait_for(lock, interval / 2, [state] { return state->stopped; });
    }
  });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
  }
  state_->wake.notify_all();
  state_->thread.join();
}

}  // namespace careledger::edge::ops
