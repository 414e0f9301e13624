// One connection of an engine: its reader, its writer, and the answers between them. For src/ordering/abci alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/descriptor.h"
#include "ordering/abci/socket_server.h"

namespace careledger::ordering::abci {

class Connection {
 public:
  Connection(int fd, const SocketConfig& config, Handler& handler);
  ~Connection();  // close() and wait for both threads

  void close();  // both threads end soon; any thread
  bool ended() const { return ended_; }

 private:
  void read_loop();
  void write_loop();
  Result<void> take_in(ByteView received);
  Result<void> answer(const Bytes& message);
  bool send(const careledger::abci::Response& response);  // false: the connection ended
  void fault(const Error& error);

  const SocketConfig& config_;
  Handler& handler_;
  Descriptor socket_;
  FrameReader frames_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Bytes waiting_;  // to be written
  bool closing_ = false;
  bool last_ = false;  // nothing comes after what waits
  std::atomic<bool> ended_{false};
  std::thread writer_;
  std::thread reader_;
};

}  // namespace careledger::ordering::abci
