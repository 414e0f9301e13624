// The application's side of an ABCI 2.0 socket: an engine dials four connections (query, snapshot, mempool, consensus) and expects the
// answers of each in the order of its requests.
//
// Each connection has a thread that reads and answers and a thread that writes, so that an engine which stops reading never stops us from
// reading, and four connections never wait for each other here. What waits to be written is bounded: a peer that never reads is not read
// any more either. Only processes of this process's user get in.
//
// A message that is no request, and a request that the handler fails, is answered with an exception and ends its connection: an engine
// stops then, which is what it should do. Other connections do not notice.
//
// Thread-safety: the handler is called from as many threads as there are connections.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "ordering/abci/abci.pb.h"
#include "ordering/abci/frames.h"

namespace careledger::ordering::abci {

class Handler {
 public:
  virtual ~Handler() = default;
  // The answer's kind is the request's. An error stops the engine: only for what makes going on wrong (our disk failed, another chain).
  // Echo and Flush never come here.
  virtual Result<careledger::abci::Response> handle(const careledger::abci::Request& request) = 0;
};

struct SocketConfig {
  std::string path;  // of the socket; at most 107 bytes. Made with mode 0600; what an ended process left there is removed
  std::size_t connections_max = 8;
  std::size_t frame_bytes_max = kFrameBytesMax;
  std::size_t waiting_bytes_max = 64u << 20;     // answers not yet written, a connection
  std::function<void(const Error&)> on_fault{};  // a connection ended badly; any thread
};

class SocketServer {
 public:
  // Borrows the handler until stop() has returned. unavailable, with the path: it is in use, too long, or cannot be made.
  static Result<std::unique_ptr<SocketServer>> listen(SocketConfig config, Handler& handler);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  std::size_t connections() const;  // open now
  void stop();                      // closes all and waits for their threads; idempotent; not from a handler

 private:
  struct State;
  explicit SocketServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace careledger::ordering::abci
