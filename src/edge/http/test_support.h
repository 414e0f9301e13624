// For tests of what talks HTTP: a server on loopback, a clock that moves when told, and a raw socket that can misbehave.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "edge/http/server.h"

namespace careledger::edge::http::testing {

class TestClock : public Clock {  // any thread
 public:
  BlockTime now() const override { return {ms_.load()}; }
  std::uint64_t monotonic_ns() const override { return static_cast<std::uint64_t>(ms_.load()) * 1'000'000u; }
  void advance(std::chrono::milliseconds time) { ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'800'000'000'000};
};

class FunctionHandler : public Handler {  // the function must be safe from several threads
 public:
  explicit FunctionHandler(UniqueFunction<void(Request, Responder)> function) : function_(std::move(function)) {}
  void handle(Request request, Responder respond) override { function_(std::move(request), std::move(respond)); }

 private:
  UniqueFunction<void(Request, Responder)> function_;
};

class RawSocket {  // blocking; gives up after 20 s, so that a hanging server fails a test instead of hanging it
 public:
  explicit RawSocket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawSocket() { ::close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool connected() const { return connected_; }
  int descriptor() const { return fd_; }

  bool send(std::string_view bytes) {  // false: the server closed
    while (!bytes.empty()) {
      const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }

  std::string until(std::string_view end) {  // what came up to and with `end`; the rest is kept
    for (;;) {
      if (const auto at = kept_.find(end); at != std::string::npos) {
        auto out = kept_.substr(0, at + end.size());
        kept_.erase(0, out.size());
        return out;
      }
      if (!more()) return std::exchange(kept_, {});
    }
  }
  std::string exactly(std::size_t size) {
    while (kept_.size() < size && more()) {
    }
    auto out = kept_.substr(0, size);
    kept_.erase(0, out.size());
    return out;
  }
  std::string to_end() {  // until the server closes
    while (more()) {
    }
    return std::exchange(kept_, {});
  }
  bool timed_out() const { return timed_out_; }

  // One answer with Content-Length, or without a body: head and body.
  std::pair<std::string, std::string> answer(bool with_body = true) {
    auto head = until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    const auto size = at == std::string::npos || !with_body ? 0 : std::stoul(head.substr(at + 16));
    return {head, exactly(size)};
  }

 private:
  bool more() {
    std::array<char, 16384> piece{};
    const auto count = ::recv(fd_, piece.data(), piece.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) timed_out_ = true;
    if (count <= 0) return false;
    kept_.append(piece.data(), static_cast<std::size_t>(count));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string kept_;
};

inline int status_of(std::string_view head) { return head.size() < 12 ? 0 : std::stoi(std::string(head.substr(9, 3))); }

}  // namespace careledger::edge::http::testing
