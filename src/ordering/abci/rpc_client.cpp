#include "ordering/abci/rpc_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <mutex>
#include <optional>
#include <vector>

#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci {
namespace {

namespace http = boost::beast::http;
using HttpRequest = http::request<http::string_body>;

constexpr std::size_t kAnswerBytesMax = 64u << 20;
constexpr std::size_t kAnswerPart = 64u << 10;
constexpr std::size_t kIdleMax = 8;
constexpr unsigned kHttp11 = 11;
using Deadline = std::chrono::steady_clock::time_point;

std::chrono::milliseconds left_until(Deadline deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(deadline - std::chrono::steady_clock::now(), Deadline::duration(0)));
}

Bytes bytes_of(const HttpRequest& request) {
  http::request_serializer<http::string_body> serializer(request);
  Bytes bytes;
  boost::system::error_code error;
  while (!error && !serializer.is_done())
    serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
      for (const auto one : boost::beast::buffers_range_ref(buffers)) bytes.append(static_cast<const char*>(one.data()), one.size());
      serializer.consume(boost::beast::buffer_bytes(buffers));
    });
  return bytes;
}

// One connection. A call waits for the other side until its deadline.
class Line {
 public:
  bool connect(const std::string& socket, Deadline deadline) {
    const auto left = left_until(deadline);
    fd_.emplace(left.count() > 0 ? connect_to(socket, left) : -1);
    return fd_->get() >= 0;
  }
  bool call(const HttpRequest& request, Deadline deadline, Bytes& answer) {
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    parser.eager(true);
    if (!send(bytes_of(request), deadline) || !receive(parser, deadline)) return false;
    reusable_ = parser.keep_alive() && buffer_.empty();
    answer = std::move(parser.get().body());
    return true;
  }
  bool reusable() const { return reusable_; }

 private:
  bool send(ByteView bytes, Deadline deadline) {
    while (!bytes.empty()) {
      if (!wait_for(POLLOUT, deadline)) return false;
      const ssize_t count = ::send(fd_->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno != EINTR && errno != EAGAIN) return false;
      bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
    return true;
  }
  bool receive(http::response_parser<http::string_body>& parser, Deadline deadline) {
    std::vector<char> some(kAnswerPart);
    while (!parser.is_done()) {
      if (!wait_for(POLLIN, deadline)) return false;
      const ssize_t count = receive_some(fd_->get(), some.data(), some.size());
      if (count < 0) return false;
      boost::system::error_code error;
      if (count == 0) parser.put_eof(error);
      buffer_.append(some.data(), static_cast<std::size_t>(count));
      if (count > 0) buffer_.erase(0, parser.put(boost::asio::buffer(buffer_), error));
      if (error && error != http::error::need_more) return false;
    }
    return true;
  }
  bool wait_for(short what, Deadline deadline) const {
    pollfd one{fd_->get(), what, 0};
    for (;;) {
      const int ready = ::poll(&one, 1, static_cast<int>(left_until(deadline).count()));
      if (ready >= 0 || errno != EINTR) return ready > 0;
    }
  }

  std::optional<Descriptor> fd_;
  Bytes buffer_;  // what came and was not understood yet
  bool reusable_ = false;
};

}  // namespace

struct RpcClient::State {
  const std::string socket;
  const std::chrono::milliseconds timeout;
  std::mutex mutex;
  std::vector<std::unique_ptr<Line>> idle;

  std::unique_ptr<Line> take_idle() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return nullptr;
    auto line = std::move(idle.back());
    idle.pop_back();
    return line;
  }
  void keep(std::unique_ptr<Line> line) {
    const std::lock_guard lock(mutex);
    if (line->reusable() && idle.size() < kIdleMax) idle.push_back(std::move(line));
  }
  Result<Bytes> call(const HttpRequest& request);
};

// Kept connections may have been closed by the other side meanwhile: when one was, all are forgotten, and it is tried once more on a new
// one. Every call may be made twice.
Result<Bytes> RpcClient::State::call(const HttpRequest& request) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  Bytes answer;
  if (auto line = take_idle()) {
    if (line->call(request, deadline, answer)) {
      keep(std::move(line));
      return answer;
    }
    const std::lock_guard lock(mutex);
    idle.clear();
  }
  auto line = std::make_unique<Line>();
  if (!line->connect(socket, deadline) || !line->call(request, deadline, answer))
    return fail(ErrorKind::unavailable, "the engine does not answer on " + socket);
  keep(std::move(line));
  return answer;
}

RpcClient::RpcClient(std::string socket, std::chrono::milliseconds timeout) : state_(new State{std::move(socket), timeout, {}, {}}) {}
RpcClient::~RpcClient() = default;

Result<Bytes> RpcClient::get(const std::string& target) {
  HttpRequest request(http::verb::get, target, kHttp11);
  request.set(http::field::host, "engine");
  return state_->call(request);
}

Result<Bytes> RpcClient::post_form(const std::string& target, Bytes form) {
  HttpRequest request(http::verb::post, target, kHttp11, std::move(form));
  request.set(http::field::host, "engine");
  request.set(http::field::content_type, "application/x-www-form-urlencoded");
  request.prepare_payload();
  return state_->call(request);
}

}  // namespace careledger::ordering::abci
