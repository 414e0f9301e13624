#include "bench/load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <memory>

#include "base/assert.h"
#include "base/clock.h"

namespace careledger::bench {
namespace {

double now() { return static_cast<double>(system_clock().monotonic_ns()) * 1e-9; }

struct ContextGone {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextGone>;

class Connection {
 public:
  Connection(SSL_CTX* context, std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), ssl_(::SSL_new(context)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CARELEDGER_ASSERT(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::SSL_set_fd(ssl_, fd_);
    CARELEDGER_ASSERT(::SSL_connect(ssl_) == 1);
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~Connection() {
    ::SSL_free(ssl_);
    ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return fd_; }
  bool busy() const { return busy_; }
  double since() const { return since_; }

  void ask(const std::string& request, double since) {  // small enough for one write
    since_ = since;
    busy_ = true;
    in_.clear();
    CARELEDGER_ASSERT(::SSL_write(ssl_, request.data(), static_cast<int>(request.size())) == static_cast<int>(request.size()));
  }

  enum class Step { waiting, done, failed };
  Step read() {
    std::array<char, 16384> piece;
    for (;;) {
      const int count = ::SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (count <= 0) {
        const int why = ::SSL_get_error(ssl_, count);
        return why == SSL_ERROR_WANT_READ ? Step::waiting : Step::failed;
      }
      in_.append(piece.data(), static_cast<std::size_t>(count));
      if (!complete()) continue;
      busy_ = false;
      return in_.compare(0, 10, "HTTP/1.1 2") == 0 ? Step::done : Step::failed;
    }
  }

 private:
  bool complete() const {
    const auto head = in_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const auto at = in_.find("Content-Length: ");
    std::size_t size = 0;
    if (at < head) std::from_chars(in_.data() + at + 16, in_.data() + in_.size(), size);
    return in_.size() >= head + 4 + size;
  }

  int fd_;
  SSL* ssl_;
  bool busy_ = false;
  double since_ = 0;
  std::string in_;
};

class Loader {
 public:
  Loader(const LoadTarget& target, unsigned connections)
      : context_(::SSL_CTX_new(::TLS_client_method())), port_(target.port), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const std::string& path : target.paths)
      requests_.push_back("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + target.headers + "\r\n");
    for (unsigned i = 0; i < connections; ++i) add();
  }
  ~Loader() { ::close(poll_); }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Connection& add() {
    auto& made = connections_.emplace_back(std::make_unique<Connection>(context_.get(), port_));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = connections_.size() - 1;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, made->descriptor(), &event);
    idle_.push_back(connections_.size() - 1);
    return *made;
  }
  bool has_idle() const { return !idle_.empty(); }
  bool all_idle() const { return idle_.size() == connections_.size(); }

  void ask(double since) {
    const std::size_t which = idle_.front();
    idle_.pop_front();
    connections_[which]->ask(requests_[asked_++ % requests_.size()], since);
  }

  void wait(int ms, LoadResult& result) {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), ms);
    for (int i = 0; i < count; ++i) {
      const auto which = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
      Connection& connection = *connections_[which];
      const bool was_busy = connection.busy();
      const auto step = connection.read();
      if (step == Connection::Step::waiting || !was_busy) continue;
      if (step == Connection::Step::failed) ++result.failed;
      result.milliseconds.push_back((now() - connection.since()) * 1000);
      idle_.push_back(which);
    }
  }

 private:
  Context context_;
  std::uint16_t port_;
  int poll_;
  std::vector<std::string> requests_;
  std::size_t asked_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<std::size_t> idle_;
};

LoadResult finished(LoadResult result, double start) {
  result.seconds = now() - start;
  std::sort(result.milliseconds.begin(), result.milliseconds.end());
  return result;
}

}  // namespace

double LoadResult::percentile(double share) const {
  if (milliseconds.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(milliseconds.size()));
  return milliseconds[std::min(at, milliseconds.size() - 1)];
}

LoadResult load_fully(const LoadTarget& target, unsigned connections, double seconds) {
  Loader loader(target, connections);
  LoadResult result;
  const double start = now();
  while (now() < start + seconds && result.failed == 0) {
    while (loader.has_idle()) loader.ask(now());
    loader.wait(100, result);
  }
  return finished(std::move(result), start);
}

LoadResult load_at_rate(const LoadTarget& target, double per_second, const std::atomic<bool>& stop) {
  constexpr unsigned kConnectionsMax = 64;
  Loader loader(target, kConnectionsMax);
  LoadResult result;
  const double start = now();
  double due = start;
  while (!stop || !loader.all_idle()) {
    for (; !stop && due <= now() && loader.has_idle(); due += 1 / per_second) loader.ask(due);
    const double left = (due - now()) * 1000;
    loader.wait(std::clamp(static_cast<int>(left), stop ? 10 : 0, 10), result);
  }
  return finished(std::move(result), start);
}

LoadResult sync_at_rate(const std::string& folder, double per_second, const std::atomic<bool>& stop) {
  const std::string path = folder + "/synced.tmp";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CARELEDGER_ASSERT(file >= 0);
  const std::string block(512, 's');
  LoadResult result;
  const double start = now();
  for (double due = start; !stop; due += 1 / per_second) {
    if (const double left = due - now(); left > 0) ::usleep(static_cast<useconds_t>(left * 1e6));
    CARELEDGER_ASSERT(::write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size()));
    CARELEDGER_ASSERT(::fdatasync(file) == 0);
    result.milliseconds.push_back((now() - due) * 1000);
  }
  ::close(file);
  ::unlink(path.c_str());
  return finished(std::move(result), start);
}

}  // namespace careledger::bench
