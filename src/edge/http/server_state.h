// What the connections of one server share. Inside http/ only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "edge/http/loop.h"
#include "edge/http/request_reader.h"
#include "edge/http/tls.h"

namespace careledger::edge::http {

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(IoThreads& the_threads, ServerConfig the_config, Handler& the_handler, Observer* the_observer)
      : threads(the_threads.state()),
        config(std::move(the_config)),
        handler(the_handler),
        observer(the_observer),
        bodies(config.limits.bodies_bytes) {}

  IoThreads::State& threads;
  const ServerConfig config;
  Handler& handler;
  Observer* const observer;
  BodyBudget bodies;
  std::atomic<bool> stopping{false};
  std::uint16_t port = 0;
  std::optional<TcpAcceptor> acceptor;  // of loops[0], and gone when stop() returns: it must not outlive the loop
  std::optional<Timer> accept_pause;

  // False when the server or this address has as many connections as it may.
  bool admit(const std::string& peer);
  void leave(const std::string& peer);
  std::shared_ptr<TlsContext> tls() const;
  void set_tls(std::shared_ptr<TlsContext> context);
  void accept();
  void adopt(TcpSocket socket, Loop& loop);

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::size_t connections = 0;  // under mutex, like the rest
  std::map<std::string, std::size_t> peers;
  std::shared_ptr<TlsContext> tls_context;  // null: no TLS
  bool listening = true;                    // the acceptor lives
  bool stopped = false;
};

// unavailable, naming the place and the system's reason.
Result<void> listen(TcpAcceptor& acceptor, const Tcp::endpoint& endpoint);

// Not started yet. `tls` null: plain.
std::shared_ptr<Connection> make_connection(Loop& loop, std::shared_ptr<Server::State> server, TcpSocket socket,
                                            std::shared_ptr<TlsContext> tls, std::string peer);

}  // namespace careledger::edge::http
