#include "edge/http/client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/url/parse.hpp>
#include <mutex>
#include <vector>

#include "edge/http/loop.h"
#include "edge/http/loopback.h"
#include "edge/http/response_reader.h"
#include "edge/http/tls.h"

namespace careledger::edge::http {

namespace {

using boost::system::error_code;
using TlsStream = asio::ssl::stream<TcpSocket>;
using Deadline = std::chrono::steady_clock::time_point;

struct Origin {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string authority;
};

Result<Origin> read_origin(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  if (!url || url->has_query() || url->has_fragment() || url->has_userinfo() ||
      (!url->encoded_path().empty() && url->encoded_path() != "/")) {
    return fail(ErrorKind::invalid, "not an origin like https://host:port: '" + text + "'");
  }
  Origin out;
  out.tls = url->scheme() == "https";
  if (!out.tls && url->scheme() != "http") return fail(ErrorKind::invalid, "origin '" + text + "' is neither https nor http");
  out.host = url->host_address();
  out.port = url->has_port() ? std::string(url->port()) : out.tls ? "443" : "80";
  out.authority = std::string(url->encoded_host_and_port());
  if (!out.tls && !is_loopback(out.host)) return fail(ErrorKind::invalid, "http goes to loopback only; " + text + " needs https");
  return out;
}

// One connection with its own loop, run by whoever calls, so that every step has a time limit.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual Result<void> connect(const Origin& origin, Deadline deadline) = 0;
  virtual Result<void> write(std::string_view head, std::string_view body, Deadline deadline) = 0;
  virtual Result<std::size_t> read(char* out, std::size_t size, Deadline deadline) = 0;  // 0: closed by the other side
  virtual bool stale() = 0;  // closed, or bytes nobody asked for (over TLS: a notice of the close)
};

template <class Stream>
class WireOn final : public Wire {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  explicit WireOn(std::shared_ptr<TlsContext> tls) : tls_(std::move(tls)), stream_(make_stream(io_, tls_.get())) {}

  Result<void> connect(const Origin& origin, Deadline deadline) override {
    asio::ip::basic_resolver<Tcp, Executor> resolver(io_.get_executor());
    error_code ec;
    const auto found = resolver.resolve(origin.host, origin.port, ec);
    if (ec) return fail(ErrorKind::unavailable, "no address for " + origin.authority);
    CARELEDGER_CHECK(wait("connect to " + origin.authority, deadline, [&](auto done) {
      asio::async_connect(lowest(), found, [done](const error_code& result, const Tcp::endpoint&) { done(result, 0); });
    }));
    lowest().set_option(Tcp::no_delay(true), ec);
    if constexpr (kTls) {
      if (!name_peer(origin.host)) return fail(ErrorKind::unavailable, "cannot check the name of " + origin.authority);
      CARELEDGER_CHECK(wait("TLS with " + origin.authority, deadline, [&](auto done) {
        stream_.async_handshake(asio::ssl::stream_base::client, [done](const error_code& result) { done(result, 0); });
      }));
    }
    return {};
  }

  Result<void> write(std::string_view head, std::string_view body, Deadline deadline) override {
    const std::array<asio::const_buffer, 2> buffers{asio::const_buffer(head.data(), head.size()),
                                                    asio::const_buffer(body.data(), body.size())};
    CARELEDGER_CHECK(wait("send", deadline, [&](auto done) { asio::async_write(stream_, buffers, done); }));
    return {};
  }

  Result<std::size_t> read(char* out, std::size_t size, Deadline deadline) override {
    return wait("receive", deadline, [&](auto done) { stream_.async_read_some(asio::buffer(out, size), done); });
  }

  bool stale() override {
    error_code ec;
    lowest().non_blocking(true, ec);
    if (ec) return true;
    char byte = 0;
    lowest().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, ec);
    return ec != asio::error::would_block;
  }

 private:
  static Stream make_stream(asio::io_context& io, TlsContext* tls) {
    if constexpr (kTls) {
      return Stream(TcpSocket(io.get_executor()), *tls);
    } else {
      static_cast<void>(tls);
      return Stream(io.get_executor());
    }
  }
  TcpSocket& lowest() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  bool name_peer(const std::string& host) {
    if constexpr (kTls) {
      auto* const native = stream_.native_handle();
      error_code ec;
      asio::ip::make_address(host, ec);
      if (!ec) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host.c_str()) == 1;
      return SSL_set1_host(native, host.c_str()) == 1 && SSL_set_tlsext_host_name(native, host.c_str()) == 1;
    }
    return true;
  }

  template <class Begin>
  Result<std::size_t> wait(const std::string& what, Deadline deadline, Begin begin) {
    bool finished = false;
    error_code ec;
    std::size_t moved = 0;
    begin([&](const error_code& result, std::size_t count) {
      finished = true;
      ec = result;
      moved = count;
    });
    io_.restart();
    io_.run_until(deadline);
    if (!finished) {
      error_code ignored;
      lowest().close(ignored);
      io_.restart();
      io_.run();
      return fail(ErrorKind::cancelled, what + ": out of time");
    }
    if (ec == asio::error::eof) return std::size_t{0};  // over TLS a close without notice is an error: somebody may have cut the answer
    if (ec) return fail(ErrorKind::unavailable, what + ": " + ec.message());
    return moved;
  }

  asio::io_context io_{1};
  std::shared_ptr<TlsContext> tls_;
  Stream stream_;
};

std::string head_of(const Request& request, const std::string& authority) {
  std::string out = std::string(name_of(request.method)) + ' ' + request.target + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto field = request.headers.at(i);
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (!request.headers.find("Accept-Encoding")) out += "Accept-Encoding: gzip\r\n";
  const bool may_have_body = request.method != Method::get && request.method != Method::head;
  if (may_have_body || !request.body.empty()) out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return out + "\r\n";
}

bool is_sendable(const Request& request) {
  const auto plain = [](std::string_view text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    }
    return true;
  };
  if (request.method == Method::other || request.target.empty() || request.target[0] != '/') return false;
  if (!plain(request.target) || request.target.find(' ') != std::string::npos) return false;
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    if (!plain(request.headers.at(i).name) || !plain(request.headers.at(i).value)) return false;
  }
  return true;
}

bool is_idempotent(Method method) { return method != Method::post && method != Method::patch; }

}  // namespace

struct Client::State {
  ClientConfig config;
  Origin origin;
  std::shared_ptr<TlsContext> tls;
  std::mutex mutex;
  std::vector<std::unique_ptr<Wire>> idle;

  std::unique_ptr<Wire> take_idle() {
    const std::lock_guard lock(mutex);
    while (!idle.empty()) {
      auto wire = std::move(idle.back());
      idle.pop_back();
      if (!wire->stale()) return wire;
    }
    return nullptr;
  }

  void keep(std::unique_ptr<Wire> wire) {
    const std::lock_guard lock(mutex);
    if (idle.size() < config.idle_max) idle.push_back(std::move(wire));
  }

  Result<std::unique_ptr<Wire>> connect() const {
    std::unique_ptr<Wire> wire;
    if (tls) wire = std::make_unique<WireOn<TlsStream>>(tls);
    else wire = std::make_unique<WireOn<TcpSocket>>(nullptr);
    CARELEDGER_CHECK(wire->connect(origin, std::chrono::steady_clock::now() + config.connect_time));
    return wire;
  }

  // `answered`: at least one byte came back.
  Result<Response> exchange(Wire& wire, const Request& request, bool& answered, bool& reusable) const {
    const auto deadline = std::chrono::steady_clock::now() + config.answer_time;
    ResponseReader reader(config.header_bytes, config.body_bytes, request.method == Method::head);
    const auto sent = wire.write(head_of(request, origin.authority), request.body, deadline);
    std::string buffer(32 * 1024, '\0');
    std::size_t filled = 0;
    for (;;) {  // even when sending failed: a refusal may stand in the way
      if (filled == buffer.size()) buffer.resize(buffer.size() * 2);
      auto count = wire.read(buffer.data() + filled, buffer.size() - filled, deadline);
      if (!count) return tl::make_unexpected(sent ? count.error() : sent.error());
      if (*count == 0) {
        CARELEDGER_CHECK(reader.end());
        return reader.take();
      }
      answered = true;
      filled += *count;
      std::size_t used = 0;
      CARELEDGER_TRY(const bool complete, reader.feed({buffer.data(), filled}, used));
      buffer.erase(0, used);
      buffer.resize(std::max<std::size_t>(buffer.size(), 32 * 1024));
      filled -= used;
      if (!complete) continue;
      reusable = sent.has_value() && filled == 0 && reader.keeps_alive();
      return reader.take();
    }
  }
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;
const std::string& Client::authority() const { return state_->origin.authority; }

Result<std::unique_ptr<Client>> Client::make(ClientConfig config) {
  CARELEDGER_TRY(auto origin, read_origin(config.origin));
  auto state = std::make_unique<State>();
  if (origin.tls) {
    CARELEDGER_TRY(state->tls, client_tls(config.trust_file));
  }
  state->origin = std::move(origin);
  state->config = std::move(config);
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

Result<Response> Client::call(const Request& request) {
  if (!is_sendable(request)) return fail(ErrorKind::invalid, "the request cannot be sent as HTTP");
  auto wire = state_->take_idle();
  bool answered = false;
  bool reusable = false;
  if (wire) {
    auto response = state_->exchange(*wire, request, answered, reusable);
    const bool again = !response && !answered && response.error().kind == ErrorKind::unavailable && is_idempotent(request.method);
    if (!again) {
      if (reusable) state_->keep(std::move(wire));
      return response;
    }
  }
  CARELEDGER_TRY(wire, state_->connect());  // the kept one had died: once more, on a new one
  auto response = state_->exchange(*wire, request, answered, reusable);
  if (reusable) state_->keep(std::move(wire));
  return response;
}

Request make_request(Method method, std::string target, std::string body, std::string_view content_type) {
  Request request;
  request.method = method;
  request.target = std::move(target);
  request.body = std::move(body);
  if (!content_type.empty()) request.headers.add("Content-Type", content_type);
  return request;
}

}  // namespace careledger::edge::http
