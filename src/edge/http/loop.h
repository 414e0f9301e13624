// One event loop of IoThreads and the connections that live on it. Inside http/ only: the network library begins here.
//
// Everything of a Loop but `io` belongs to its own thread; others post to `io`.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "edge/http/server.h"

namespace careledger::edge::http {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;  // typed throughout: the type-erased executor costs a fifth
using Tcp = asio::ip::tcp;
using TcpSocket = asio::basic_stream_socket<Tcp, Executor>;
using TcpAcceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection() = default;
  virtual void start() = 0;
  virtual void sweep(std::uint64_t now_ns) = 0;                                   // ends what is over its time
  virtual void answer(std::uint64_t number, Response response, bool packed) = 0;  // of the request of that number; too late is ignored
  virtual void finish() = 0;                                                      // close when idle, else after the answer that is due
  virtual void abort() = 0;                                                       // close now
  virtual const void* owner() const = 0;                                          // the server

  std::list<std::shared_ptr<Connection>>::iterator place;  // in Loop::connections
};

struct Loop {
  explicit Loop(const Clock& the_clock) : clock(the_clock), timer(io.get_executor()) {}

  std::string_view date();  // of this second
  void sweep();
  void sweep_each_second();

  const Clock& clock;
  asio::io_context io{1};
  Timer timer;
  std::list<std::shared_ptr<Connection>> connections;
  std::string date_text;
  std::int64_t date_second = -1;
};

struct IoThreads::State {
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::thread> threads;
  std::atomic<std::size_t> next{0};

  Loop& pick() { return *loops[next.fetch_add(1, std::memory_order_relaxed) % loops.size()]; }
};

}  // namespace careledger::edge::http
