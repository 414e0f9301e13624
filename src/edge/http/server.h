// The HTTP/1.1 server: untrusted bytes become Requests, Responses become bytes. TLS 1.3 only; without a certificate it binds loopback
// and nothing else.
//
// Rules it keeps by itself: limits below; chunked bodies; gzip in both directions, with a limit on what a body unpacks to; HEAD, CORS,
// Expect: 100-continue; one answer a request, in order, when requests are pipelined; `Cache-Control: no-store` unless the handler set
// another; what is malformed, oversize or slow gets its status and loses its connection, and nobody else notices.
//
// Several servers (one an organisation) share the threads of one IoThreads. Sources: RFC 9110, 9112, 8446; the Fetch standard (CORS).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "edge/http/message.h"

namespace careledger::edge::http {

// One event loop a thread; connections stay with the thread that accepted them. The clock is borrowed and judges every time limit.
// Stop and destroy the servers first.
class IoThreads {
 public:
  IoThreads(std::size_t threads, const Clock& clock);  // 1 to 64
  ~IoThreads();                                        // joins
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  // Looks for connections over their time at once, in every thread, and returns when all have looked. It happens every second anyway.
  void sweep();

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

struct Limits {                                // bounds in brackets; Server::start refuses what lies outside
  std::size_t header_bytes = 16 * 1024;        // request line and all fields [1 KiB, 256 KiB]; over it: 431
  std::size_t target_bytes = 8 * 1024;         // [256, header_bytes]; 414
  std::size_t header_fields = 100;             // [8, 1000]; 431
  std::size_t parameters = 256;                // in the query [1, 10,000]; 413
  std::uint64_t body_bytes = 256ull << 20;     // as sent and as unpacked, each [0, 4 GiB]; 413
  std::uint64_t bodies_bytes = 1024ull << 20;  // of all requests of this server together [body_bytes, 64 GiB]; 503
  std::size_t connections = 4096;              // [1, 100,000]; beyond it new ones are closed unanswered
  std::size_t connections_per_peer = 1024;     // of one IP address [1, connections]
  std::chrono::seconds handshake_time{10};     // [1, 300], like all times
  std::chrono::seconds header_time{10};        // from the first byte of a head to its last; 408
  std::chrono::seconds idle_time{75};          // between requests; the connection is closed
  std::chrono::seconds transfer_time{30};      // grace for a body or an answer, beyond which it must move at…
  std::uint64_t transfer_rate = 32 * 1024;     // …bytes a second [1, 1 GiB]; 408, or closed
  std::chrono::seconds answer_time{300};       // until the handler has answered; 503
};

// How requests are refused that never reach a handler, below one path: an interface may promise a form for every error.
struct RefusalForm {
  std::string prefix;                                                // "/fhir": it and what is below it. Empty: nothing
  std::function<Response(int status, std::string_view title)> make;  // any I/O thread. Else, and elsewhere: problem()
};

struct ServerConfig {
  std::string address = "127.0.0.1";      // IP literal. Not loopback needs a certificate
  std::uint16_t port = 0;                 // 0: the system chooses; see Server::port()
  std::string certificate_file;           // PEM chain; both files or none
  std::string key_file;                   // PEM
  std::vector<std::string> cors_origins;  // exact ("https://app.example"), or "*"; empty: no CORS
  bool compress = true;                   // gzip answers of 1 KiB and more when the client takes it
  RefusalForm refusal{};
  Limits limits;
};

struct Exchange {  // one request and its answer, for logs and metrics; no path, no address
  std::uint64_t id;
  Method method;
  int status;
  std::string_view route;        // Response::route; "-" when refused before a handler
  std::uint64_t duration_ns;     // from the complete head to the last byte handed to the system
  std::uint64_t received_bytes;  // body, as sent
  std::uint64_t sent_bytes;      // body, as sent
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void finished(const Exchange& exchange) = 0;  // on an I/O thread: must not block
};

class Server {
 public:
  // Binds and listens; `handler` and `observer` (may be null) are borrowed until stop() has returned.
  // invalid: the configuration, no TLS on a public address; not_found, malformed: certificate or key; unavailable: the port is taken.
  static Result<std::unique_ptr<Server>> start(IoThreads& threads, ServerConfig config, Handler& handler, Observer* observer = nullptr);
  ~Server();  // stop(0)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::string origin() const;  // "https://127.0.0.1:8443"
  std::size_t connections() const;
  Result<void> reload_certificate();  // reads the same files again, for new connections; on error the old one stays

  // Accepts nothing more, closes what is idle, lets what is in flight end within `grace`, then closes the rest. Blocks; not from a
  // handler. Idempotent. No call to handler or observer begins after it.
  void stop(std::chrono::milliseconds grace);

  struct State;

 private:
  explicit Server(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace careledger::edge::http
