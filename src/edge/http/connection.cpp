#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <limits>

#include "edge/http/gzip.h"
#include "edge/http/response_writer.h"
#include "edge/http/server_state.h"

namespace careledger::edge::http {

namespace {

using boost::system::error_code;
using TlsStream = asio::ssl::stream<TcpSocket>;

constexpr std::size_t kBufferIdle = 4 * 1024;
constexpr std::size_t kBufferBody = 64 * 1024;
constexpr std::size_t kCopyMax = 16 * 1024;             // a body up to this goes into one buffer with its head
constexpr std::size_t kInlineCompressMax = 256 * 1024;  // more would hold up the other connections of an I/O thread
constexpr std::size_t kCompressMax = 1u << 30;
constexpr std::chrono::seconds kLinger{2};  // for a client to read its refusal
constexpr std::chrono::hours kSessionIdle{1};
constexpr std::uint64_t kLingerBytes = 4 * 1024 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::atomic<std::uint64_t> next_request_id{1};

std::uint64_t ns(std::chrono::seconds time) { return static_cast<std::uint64_t>(time.count()) * 1'000'000'000u; }

// What a handler's answer goes through: from any thread back to the connection's, packed on the way. Dropped unused, it answers 500.
class Answer {
 public:
  Answer(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection, std::uint64_t number, bool gzip)
      : loop_(std::move(loop)), connection_(std::move(connection)), number_(number), gzip_(gzip) {}
  Answer(Answer&& other) noexcept = default;
  Answer& operator=(Answer&&) = delete;
  ~Answer() {
    if (loop_) send(problem(500, "the request was not answered"));
  }
  void operator()(Response response) {
    CARELEDGER_ASSERT(loop_ != nullptr);  // a second answer
    send(std::move(response));
    loop_.reset();
  }

 private:
  void send(Response response) {
    const bool here = loop_->io.get_executor().running_in_this_thread();
    const bool packed = gzip_ && compress_body(response, here ? kInlineCompressMax : kCompressMax);
    if (here) {
      if (const auto connection = connection_.lock()) connection->answer(number_, std::move(response), packed);
      return;
    }
    asio::post(loop_->io, [connection = connection_, number = number_, packed, response = std::move(response)]() mutable {
      if (const auto alive = connection.lock()) alive->answer(number, std::move(response), packed);
    });
  }

  std::shared_ptr<Loop> loop_;
  std::weak_ptr<Connection> connection_;
  std::uint64_t number_;
  bool gzip_;
};

enum class Phase : std::uint8_t { handshake, idle, head, body, answering, writing, session, lingering, closed };

template <class Stream>
class HttpConnection final : public Connection {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  HttpConnection(Loop& loop, std::shared_ptr<Server::State> server, TcpSocket socket, std::shared_ptr<TlsContext> tls, std::string peer)
      : loop_(loop),
        server_(std::move(server)),
        tls_(std::move(tls)),
        stream_(make_stream(std::move(socket), tls_.get())),
        peer_(std::move(peer)),
        reader_(server_->config.limits, server_->bodies),
        in_(kBufferIdle, '\0') {}

  ~HttpConnection() override {
    if (phase_ != Phase::closed) server_->leave(peer_);
  }

  void start() override {
    place = loop_.connections.insert(loop_.connections.end(), shared_from_this());
    listed_ = true;
    if (server_->stopping) return abort();
    if constexpr (kTls) {
      enter(Phase::handshake, limits().handshake_time);
      stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](const error_code& ec) {
        if (self->phase_ != Phase::handshake) return;
        if (ec) return self->abort();
        self->next_request();
      });
    } else {
      next_request();
    }
  }

  void sweep(std::uint64_t now_ns) override {
    if (phase_ == Phase::body) {
      if (now_ns > started_ns_ + allowed(reader_.received())) refuse(408, "the body came too slowly");
      return;
    }
    if (now_ns <= deadline_ns_) return;
    if (phase_ == Phase::head) return refuse(408, "the request head came too slowly");
    if (phase_ == Phase::answering) {
      keep_alive_ = false;
      return answer(number_, refusal_of(503, "the answer took too long"), false);
    }
    abort();
  }

  void answer(std::uint64_t number, Response response, bool packed) override {
    if (number != number_ || phase_ != Phase::answering) return;
    response_ = std::move(response);
    write(packed);
  }

  void finish() override {
    keep_alive_ = false;
    finishing_ = true;
    if (phase_ == Phase::handshake || phase_ == Phase::idle || phase_ == Phase::session) abort();
  }

  void abort() override {
    if (phase_ == Phase::closed) return;
    if (phase_ == Phase::writing) record();
    phase_ = Phase::closed;
    error_code ignored;
    lowest().close(ignored);
    const auto alive = shared_from_this();
    if (listed_) loop_.connections.erase(place);
    listed_ = false;
    reader_.reset();
    server_->leave(peer_);
  }

  const void* owner() const override { return server_.get(); }

 private:
  static Stream make_stream(TcpSocket socket, TlsContext* tls) {
    if constexpr (kTls) {
      return Stream(std::move(socket), *tls);
    } else {
      static_cast<void>(tls);
      return socket;
    }
  }
  TcpSocket& lowest() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  std::shared_ptr<HttpConnection> self() { return std::static_pointer_cast<HttpConnection>(shared_from_this()); }
  const Limits& limits() const { return server_->config.limits; }
  std::uint64_t now() const { return loop_.clock.monotonic_ns(); }
  std::uint64_t allowed(std::uint64_t bytes) const {  // the time that so many bytes may take
    return ns(limits().transfer_time) + bytes / limits().transfer_rate * 1'000'000'000u;
  }
  void enter(Phase phase, std::chrono::seconds time) {
    phase_ = phase;
    started_ns_ = now();
    deadline_ns_ = started_ns_ + ns(time);
  }

  void next_request() {
    reader_.reset();
    if (in_end_ == in_begin_) {
      in_begin_ = in_end_ = 0;
      if (in_.size() > kBufferIdle) std::string(kBufferIdle, '\0').swap(in_);
      if (finishing_) return abort();
      enter(Phase::idle, limits().idle_time);
      return read();
    }
    enter(Phase::head, limits().header_time);
    process();
  }

  void read() {
    make_room();
    reading_ = true;
    stream_.async_read_some(asio::buffer(in_.data() + in_end_, in_.size() - in_end_),
                            [self = self()](const error_code& ec, std::size_t count) { self->on_read(ec, count); });
  }

  void make_room() {
    if (in_begin_ > 0) {
      std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
      in_end_ -= in_begin_;
      in_begin_ = 0;
    }
    const std::size_t wanted = phase_ == Phase::body ? kBufferBody : in_end_ == in_.size() ? in_.size() * 2 : in_.size();
    if (wanted > in_.size()) in_.resize(wanted);
  }

  void on_read(const error_code& ec, std::size_t count) {
    reading_ = false;
    if (phase_ == Phase::closed) return;
    if (phase_ == Phase::lingering) return on_linger(ec, count);
    if (phase_ == Phase::session && !ec) return converse({in_.data(), count});
    if (phase_ == Phase::writing) return;  // refused meanwhile, by the sweep
    if (ec) return abort();
    in_end_ += count;
    if (phase_ == Phase::idle) enter(Phase::head, limits().header_time);
    process();
  }

  void process() {
    for (;;) {
      std::size_t used = 0;
      const auto step = reader_.feed({in_.data() + in_begin_, in_end_ - in_begin_}, used);
      in_begin_ += used;
      switch (step) {
        case RequestReader::Step::more:
          if (in_end_ - in_begin_ >= std::max(kBufferBody, limits().header_bytes)) return refuse(400, "a chunk header is too long");
          return read();
        case RequestReader::Step::refused: return refuse(reader_.refusal().status, reader_.refusal().title);
        case RequestReader::Step::done: return dispatch();
        case RequestReader::Step::head:
          enter(Phase::body, limits().transfer_time);
          if (reader_.expects_continue() && in_begin_ == in_end_) return send_continue();
          break;
      }
    }
  }

  void send_continue() {
    continuing_ = true;
    asio::async_write(stream_, asio::buffer(kContinue), [self = self()](const error_code& ec, std::size_t) {
      self->continuing_ = false;
      if (self->phase_ != Phase::body) return;
      if (ec) return self->abort();
      self->read();
    });
  }

  void dispatch() {
    enter(Phase::answering, limits().answer_time);
    keep_alive_ = reader_.keeps_alive() && !finishing_ && !server_->stopping;
    received_ = reader_.received();
    begin_answer(reader_.request());
    auto request = reader_.take();
    request.peer = peer_;
    request.tls = kTls;
    request.arrival_ns = started_ns_;
    request.id = id_;
    if (form_.cors || !server_->config.cors_origins.empty()) {
      if (is_preflight(request)) return answer(number_, preflight(request, form_.cors), false);
    }
    Answer respond(shared_loop(), weak_from_this(), number_, form_.gzip);
    server_->handler.handle(std::move(request), Responder(std::move(respond)));
  }

  Response refusal_of(int status, std::string_view title) const {
    const auto& form = server_->config.refusal;
    return formed_ && form.make ? form.make(status, title) : problem(status, title);
  }

  bool has_refusal_form(std::string_view target) const {
    const std::string_view prefix = server_->config.refusal.prefix;
    if (prefix.empty() || !target.starts_with(prefix)) return false;
    return target.size() == prefix.size() || target[prefix.size()] == '/' || target[prefix.size()] == '?';
  }

  void begin_answer(const Request& request) {
    ++number_;
    id_ = next_request_id.fetch_add(1, std::memory_order_relaxed);
    method_ = request.method;
    formed_ = has_refusal_form(request.path.empty() ? request.target : request.path);
    form_ = AnswerForm{};
    form_.head = request.method == Method::head;
    form_.http10 = reader_.http10();
    form_.tls = kTls;
    form_.gzip = server_->config.compress && accepts_gzip(request.headers.get("Accept-Encoding"));
    const auto origin = request.headers.get("Origin");
    for (const auto& allowed_origin : server_->config.cors_origins) {
      if (!origin.empty() && (allowed_origin == "*" || allowed_origin == origin)) {
        form_.cors = true;
        form_.cors_origin = allowed_origin;
      }
    }
  }

  std::shared_ptr<Loop> shared_loop() {
    for (const auto& loop : server_->threads.loops) {
      if (loop.get() == &loop_) return loop;
    }
    return nullptr;
  }

  // Answers what the connection itself found wrong; the rest of its bytes make no sense any more.
  void refuse(int status, std::string_view title) {
    if (continuing_) return abort();  // one write at a time
    begin_answer(reader_.request());
    form_.gzip = false;
    keep_alive_ = false;
    refused_ = true;
    received_ = reader_.received();
    response_ = refusal_of(status, title);
    if (status == 503) response_.headers.add("Retry-After", "1");
    write(false);
  }

  void write(bool packed) {
    since_ns_ = started_ns_;
    form_.keep_alive = keep_alive_ && !finishing_ && !server_->stopping;
    out_.clear();
    write_head(response_, form_, packed, loop_.date(), out_);
    std::string_view body = form_.head || !has_body(response_.status) ? std::string_view{} : response_.content();
    sent_ = body.size();
    if (body.size() <= kCopyMax) {
      out_.append(body);
      body = {};
    }
    enter(Phase::writing, std::chrono::seconds(0));
    deadline_ns_ = started_ns_ + allowed(sent_);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(out_), asio::const_buffer(body.data(), body.size())};
    const auto done = [self = self()](const error_code& ec, std::size_t) { self->on_written(ec); };
    if (body.empty()) {
      asio::async_write(stream_, buffers[0], done);
    } else {
      asio::async_write(stream_, buffers, done);
    }
  }

  void record() {
    if (server_->observer == nullptr) return;
    const std::string_view route = response_.route.empty() ? std::string_view("-") : response_.route;
    server_->observer->finished({id_, method_, response_.status, route, now() - since_ns_, received_, sent_});
  }

  void on_written(const error_code& ec) {
    if (phase_ != Phase::writing) return;
    if (ec) return abort();
    record();
    session_ = response_.status == 101 ? std::move(response_.session) : nullptr;
    response_ = Response{};
    if (session_) return converse({in_.data() + in_begin_, in_end_ - in_begin_});
    if (out_.capacity() > kBufferBody) std::string().swap(out_);
    if (form_.keep_alive) return next_request();
    linger();
  }

  // The connection is no longer HTTP: what comes goes to the session, what it says goes out, then the next.
  void converse(std::string_view bytes) {
    enter(Phase::session, kSessionIdle);
    auto reaction = bytes.empty() ? Session::Reaction{} : session_->receive(bytes);
    in_begin_ = in_end_ = 0;
    if (reaction.bytes.empty()) return reaction.close ? shut_down() : read();
    out_ = std::move(reaction.bytes);
    asio::async_write(stream_, asio::buffer(out_), [self = self(), close = reaction.close](const error_code& ec, std::size_t) {
      if (self->phase_ != Phase::session) return;
      if (ec) return self->abort();
      if (close) return self->shut_down();
      self->read();
    });
  }

  // Closing with unread bytes would reset the connection and could take the answer with it: first let the client read.
  void linger() {
    enter(Phase::lingering, kLinger);
    lingered_ = 0;
    if (!refused_) return shut_down();
    if constexpr (!kTls) {
      error_code ignored;
      lowest().shutdown(Tcp::socket::shutdown_send, ignored);
    }
    in_begin_ = in_end_ = 0;
    if (!reading_) read();
  }

  void shut_down() {
    if constexpr (kTls) {
      stream_.async_shutdown([self = self()](const error_code&) { self->abort(); });
    } else {
      error_code ignored;
      lowest().shutdown(Tcp::socket::shutdown_both, ignored);
      abort();
    }
  }

  void on_linger(const error_code& ec, std::size_t count) {
    lingered_ += count;
    if (ec || lingered_ > kLingerBytes) return abort();
    in_begin_ = in_end_ = 0;
    read();
  }

  Loop& loop_;
  const std::shared_ptr<Server::State> server_;
  const std::shared_ptr<TlsContext> tls_;
  Stream stream_;
  const std::string peer_;
  RequestReader reader_;
  std::string in_;  // bytes [in_begin_, in_end_) are unread
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  std::string out_;
  Response response_;
  std::shared_ptr<Session> session_;
  AnswerForm form_;
  Method method_ = Method::other;
  Phase phase_ = Phase::handshake;
  std::uint64_t started_ns_ = 0;  // of this phase
  std::uint64_t deadline_ns_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t number_ = 0;  // of the request on this connection
  std::uint64_t id_ = 0;
  std::uint64_t since_ns_ = 0;  // the head of this request was complete
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t lingered_ = 0;
  bool keep_alive_ = true;
  bool formed_ = false;     // refused in the form that this path promises
  bool finishing_ = false;  // the server stops
  bool refused_ = false;
  bool reading_ = false;
  bool continuing_ = false;
  bool listed_ = false;
};

}  // namespace

std::shared_ptr<Connection> make_connection(Loop& loop, std::shared_ptr<Server::State> server, TcpSocket socket,
                                            std::shared_ptr<TlsContext> tls, std::string peer) {
  if (tls) return std::make_shared<HttpConnection<TlsStream>>(loop, std::move(server), std::move(socket), std::move(tls), std::move(peer));
  return std::make_shared<HttpConnection<TcpSocket>>(loop, std::move(server), std::move(socket), nullptr, std::move(peer));
}

}  // namespace careledger::edge::http
