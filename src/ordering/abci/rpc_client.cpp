#include "ordering/abci/rpc_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <mutex>
#include <vector>

namespace careledger::ordering::abci {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;

constexpr std::size_t kAnswerBytesMax = 64u << 20;
constexpr std::size_t kIdleMax = 8;
constexpr unsigned kHttp11 = 11;
using Deadline = std::chrono::steady_clock::time_point;

// One connection; every call runs its own loop until it is done or out of time.
class Line {
 public:
  Line() : stream_(io_) {}
  bool connect(const std::string& socket, Deadline deadline) {
    return run(deadline, [&](auto done) { stream_.async_connect(Local::endpoint(socket), done); });
  }
  bool call(const http::request<http::string_body>& request, Deadline deadline, Bytes& answer) {
    if (!run(deadline, [&](auto done) { http::async_write(stream_, request, done); })) return false;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    if (!run(deadline, [&](auto done) { http::async_read(stream_, buffer_, parser, done); })) return false;
    reusable_ = parser.keep_alive();
    answer = std::move(parser.get().body());
    return true;
  }
  bool reusable() const { return reusable_; }

 private:
  template <class Begin>
  bool run(Deadline deadline, Begin begin) {
    boost::system::error_code result = asio::error::operation_aborted;
    stream_.expires_at(deadline);
    begin([&result](boost::system::error_code error, auto&&...) { result = error; });
    io_.restart();
    io_.run();
    return !result;
  }

  asio::io_context io_{1};
  boost::beast::basic_stream<Local> stream_;
  boost::beast::flat_buffer buffer_;
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
  Result<Bytes> call(const http::request<http::string_body>& request);
};

// Kept connections may have been closed by the other side meanwhile: when one was, all are forgotten, and it is tried once more on a new
// one. Every call may be made twice.
Result<Bytes> RpcClient::State::call(const http::request<http::string_body>& request) {
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
  http::request<http::string_body> request(http::verb::get, target, kHttp11);
  request.set(http::field::host, "engine");
  return state_->call(request);
}

Result<Bytes> RpcClient::post_form(const std::string& target, Bytes form) {
  http::request<http::string_body> request(http::verb::post, target, kHttp11, std::move(form));
  request.set(http::field::host, "engine");
  request.set(http::field::content_type, "application/x-www-form-urlencoded");
  request.prepare_payload();
  return state_->call(request);
}

}  // namespace careledger::ordering::abci
