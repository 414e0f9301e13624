#include "edge/http/server.h"

#include <boost/asio/post.hpp>

#include "edge/http/server_state.h"

namespace careledger::edge::http {

namespace {

using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};

template <class T>
bool within(T value, T low, T high) {
  return low <= value && value <= high;
}

Result<void> check_limits(const Limits& limits) {
  const auto refuse = [](const char* name) { return fail(ErrorKind::invalid, std::string("limit ") + name + " is out of its bounds"); };
  constexpr std::uint64_t kBodyMax = 4ull << 30;
  if (!within<std::size_t>(limits.header_bytes, 1024, 256 * 1024)) return refuse("header_bytes");
  if (!within<std::size_t>(limits.target_bytes, 256, limits.header_bytes)) return refuse("target_bytes");
  if (!within<std::size_t>(limits.header_fields, 8, 1000)) return refuse("header_fields");
  if (!within<std::size_t>(limits.parameters, 1, 10'000)) return refuse("parameters");
  if (limits.body_bytes > kBodyMax) return refuse("body_bytes");
  if (!within<std::uint64_t>(limits.bodies_bytes, limits.body_bytes, 64ull << 30)) return refuse("bodies_bytes");
  if (!within<std::size_t>(limits.connections, 1, 100'000)) return refuse("connections");
  if (!within<std::size_t>(limits.connections_per_peer, 1, limits.connections)) return refuse("connections_per_peer");
  if (!within<std::uint64_t>(limits.transfer_rate, 1, 1ull << 30)) return refuse("transfer_rate");
  for (const auto time : {limits.handshake_time, limits.header_time, limits.idle_time, limits.transfer_time, limits.answer_time}) {
    if (!within<std::chrono::seconds>(time, std::chrono::seconds(1), std::chrono::seconds(300))) return refuse("…_time");
  }
  return {};
}

Result<Tcp::endpoint> check(const ServerConfig& config) {
  CARELEDGER_CHECK(check_limits(config.limits));
  error_code ec;
  const auto address = asio::ip::make_address(config.address, ec);
  if (ec) return fail(ErrorKind::invalid, "listen address '" + config.address + "' is not an IP address");
  if (config.certificate_file.empty() != config.key_file.empty()) {
    return fail(ErrorKind::invalid, "TLS takes a certificate file and a key file, not one of them");
  }
  if (config.certificate_file.empty() && !address.is_loopback()) {
    return fail(ErrorKind::invalid, "listen address " + config.address + " is not loopback: it needs a certificate and a key file");
  }
  return Tcp::endpoint(address, config.port);
}

}  // namespace

Result<void> listen(TcpAcceptor& acceptor, const Tcp::endpoint& endpoint) {
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(kBacklog, ec);
  if (ec) {
    std::string what =
        "cannot listen on " + endpoint.address().to_string() + " port " + std::to_string(endpoint.port()) + ": " + ec.message();
    if (ec == boost::system::errc::address_in_use) what += "; end the process that has it, or choose another port";
    if (ec == boost::system::errc::address_not_available) what += "; this machine has other addresses";
    if (ec == boost::system::errc::permission_denied) what += "; ports below 1024 are not for every user: choose another, or a proxy";
    return fail(ErrorKind::unavailable, what);
  }
  return {};
}

bool Server::State::admit(const std::string& peer) {
  const std::lock_guard lock(mutex);
  auto& of_peer = peers[peer];
  if (stopped || connections >= config.limits.connections || of_peer >= config.limits.connections_per_peer) {
    if (of_peer == 0) peers.erase(peer);
    return false;
  }
  ++of_peer;
  ++connections;
  return true;
}

void Server::State::leave(const std::string& peer) {
  const std::lock_guard lock(mutex);
  const auto of_peer = peers.find(peer);
  CARELEDGER_ASSERT(of_peer != peers.end() && of_peer->second > 0);
  if (--of_peer->second == 0) peers.erase(of_peer);
  --connections;
  changed.notify_all();
}

std::shared_ptr<TlsContext> Server::State::tls() const {
  const std::lock_guard lock(mutex);
  return tls_context;
}

void Server::State::set_tls(std::shared_ptr<TlsContext> context) {
  const std::lock_guard lock(mutex);
  tls_context = std::move(context);
}

void Server::State::accept() {
  auto& loop = threads.pick();
  acceptor->async_accept(loop.io, [self = shared_from_this(), &loop](const error_code& ec, TcpSocket socket) {
    if (ec == asio::error::operation_aborted || self->stopping) return;
    if (ec) {  // no more descriptors, most likely: wait for some to be closed instead of spinning
      self->accept_pause->expires_after(kAcceptPause);
      self->accept_pause->async_wait([self](const error_code& cancelled) {
        if (!cancelled && !self->stopping) self->accept();
      });
      return;
    }
    self->adopt(std::move(socket), loop);
    self->accept();
  });
}

void Server::State::adopt(TcpSocket socket, Loop& loop) {
  error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return;
  auto peer = endpoint.address().to_string();
  if (!admit(peer)) return;
  socket.set_option(Tcp::no_delay(true), ec);
  auto connection = make_connection(loop, shared_from_this(), std::move(socket), tls(), std::move(peer));
  asio::post(loop.io, [connection = std::move(connection)] { connection->start(); });
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<Server>> Server::start(IoThreads& threads, ServerConfig config, Handler& handler, Observer* observer) {
  CARELEDGER_TRY(const auto endpoint, check(config));
  auto state = std::make_shared<State>(threads, std::move(config), handler, observer);
  if (!state->config.certificate_file.empty()) {
    CARELEDGER_TRY(state->tls_context, server_tls(state->config.certificate_file, state->config.key_file));
  }
  auto& loop = *threads.state().loops[0];
  state->acceptor.emplace(loop.io.get_executor());
  state->accept_pause.emplace(loop.io.get_executor());
  CARELEDGER_CHECK(listen(*state->acceptor, endpoint));
  error_code ec;
  state->port = state->acceptor->local_endpoint(ec).port();
  asio::post(loop.io, [state] { state->accept(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const { return state_->port; }

std::string Server::origin() const {
  const bool v6 = state_->config.address.find(':') != std::string::npos;
  const auto host = v6 ? "[" + state_->config.address + "]" : state_->config.address;
  return (state_->tls() ? "https://" : "http://") + host + ":" + std::to_string(state_->port);
}

std::size_t Server::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->connections;
}

Result<void> Server::reload_certificate() {
  CARELEDGER_TRY(auto context, server_tls(state_->config.certificate_file, state_->config.key_file));
  state_->set_tls(std::move(context));
  return {};
}

void Server::stop(std::chrono::milliseconds grace) {
  auto& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    if (std::exchange(state.stopped, true)) return;
  }
  state.stopping = true;
  auto& first = state.threads.loops[0];
  asio::post(first->io, [self = state_] {
    self->acceptor.reset();
    self->accept_pause.reset();
    const std::lock_guard lock(self->mutex);
    self->listening = false;
    self->changed.notify_all();
  });
  const auto tell = [&state, this](bool now) {
    for (const auto& loop : state.threads.loops) {
      asio::post(loop->io, [loop = loop.get(), now, self = state_] {
        for (auto it = loop->connections.begin(); it != loop->connections.end();) {
          const auto connection = *it++;
          if (connection->owner() != self.get()) continue;
          if (now) connection->abort();
          else connection->finish();
        }
      });
    }
  };
  tell(false);
  std::unique_lock lock(state.mutex);
  const auto over = [&state] { return state.connections == 0 && !state.listening; };
  if (state.changed.wait_for(lock, grace, over)) return;
  lock.unlock();
  tell(true);
  lock.lock();
  state.changed.wait(lock, over);
}

}  // namespace careledger::edge::http
