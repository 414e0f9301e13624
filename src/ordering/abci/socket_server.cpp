#include "ordering/abci/socket_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>

#include "ordering/abci/connection.h"
#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci {
namespace {

constexpr int kBacklog = 8;
constexpr int kAgainMs = 100;

tl::unexpected<Error> refused(const std::string& path, const std::string& why) {
  return fail(ErrorKind::unavailable, "the engine's socket " + path + " " + why);
}

}  // namespace

struct SocketServer::State {
  SocketConfig config;
  Handler& handler;
  Descriptor listener;
  Descriptor wake;
  mutable std::mutex mutex;
  std::list<std::unique_ptr<Connection>> connections;
  std::thread acceptor;

  void accept_loop();
  void take_one();
};

void SocketServer::State::accept_loop() {
  for (;;) {
    pollfd watched[] = {{listener.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return;
    if ((watched[1].revents & POLLIN) != 0) return;
    if ((watched[0].revents & POLLIN) != 0) take_one();
  }
}

void SocketServer::State::take_one() {
  const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) {  // no descriptor is free: the one that waits is still there, and asking again at once would help nobody
    pollfd stopped{wake.get(), POLLIN, 0};
    ::poll(&stopped, 1, kAgainMs);
    return;
  }
  std::list<std::unique_ptr<Connection>> ended;  // joined outside the lock
  const std::lock_guard lock(mutex);
  for (auto it = connections.begin(); it != connections.end();) {
    const auto next = std::next(it);
    if ((*it)->ended()) ended.splice(ended.end(), connections, it);
    it = next;
  }
  if (connections.size() < config.connections_max && is_of_our_user(fd)) {
    connections.push_back(std::make_unique<Connection>(fd, config, handler));
  } else {
    ::close(fd);
  }
}

SocketServer::SocketServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

SocketServer::~SocketServer() { stop(); }

Result<std::unique_ptr<SocketServer>> SocketServer::listen(SocketConfig config, Handler& handler) {
  const std::string path = config.path;
  if (!is_socket_name(path)) return refused(path, "has a name that is empty or over 107 bytes: choose a folder with a shorter path");
  if (Descriptor(connect_to(path)).get() >= 0) return refused(path, "is in use by another process");
  ::unlink(path.c_str());
  auto state = std::unique_ptr<State>(
      new State{std::move(config), handler, Descriptor(bind_to(path, kBacklog)), Descriptor(::eventfd(0, EFD_CLOEXEC)), {}, {}, {}});
  if (state->listener.get() < 0) return refused(path, std::string("cannot be made: ") + std::strerror(errno));
  State& s = *state;
  s.acceptor = std::thread([&s] { s.accept_loop(); });
  return std::unique_ptr<SocketServer>(new SocketServer(std::move(state)));
}

std::size_t SocketServer::connections() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::size_t>(std::ranges::count_if(state_->connections, [](const auto& one) { return !one->ended(); }));
}

void SocketServer::stop() {
  if (!state_->acceptor.joinable()) return;
  ::eventfd_write(state_->wake.get(), 1);
  state_->acceptor.join();
  ::unlink(state_->config.path.c_str());
  const std::lock_guard lock(state_->mutex);
  for (const auto& one : state_->connections) one->close();
  state_->connections.clear();
}

}  // namespace careledger::ordering::abci
