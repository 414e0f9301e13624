// A small HTTP/1.1 client: organisation to organisation, wallets, tools, tests. https with TLS 1.3 to a certificate from a file; http to
// loopback only. Connections are kept alive and reused.
//
// Thread-safety: call() from any thread; each call in flight has a connection of its own. It blocks: never on an I/O thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "edge/http/message.h"

namespace careledger::edge::http {

struct ClientConfig {
  std::string origin;      // "https://hospital.example:8443" or "http://127.0.0.1:8080"
  std::string trust_file;  // PEM, for https: the authority's certificate, or the server's own
  std::chrono::milliseconds connect_time{5'000};
  std::chrono::milliseconds answer_time{60'000};  // from the first byte sent to the last received
  std::uint64_t body_bytes = 256ull << 20;        // of an answer, as sent and as unpacked
  std::size_t header_bytes = 64 * 1024;
  std::size_t idle_max = 16;  // connections kept for the next calls
};

class Client {
 public:
  // invalid: the origin; http to another machine. not_found, malformed: the trust file. Connects to nothing yet.
  static Result<std::unique_ptr<Client>> make(ClientConfig config);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends method, target ("/path?query", already encoded), headers and body; Host, Content-Length and Accept-Encoding are added.
  // Any status is a success here. unavailable: no connection, a bad certificate, closed too early (a request that is not idempotent may
  // have been carried out); too_large; malformed: not HTTP; cancelled: out of time.
  Result<Response> call(const Request& request);

  const std::string& authority() const;  // what goes into Host: "hospital.example:8443"

  struct State;

 private:
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

Request make_request(Method method, std::string target, std::string body = {}, std::string_view content_type = {});

}  // namespace careledger::edge::http
