#include "ordering/abci/connection.h"

#include <sys/socket.h>

#include <utility>

#include "base/assert.h"
#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci {
namespace {

using careledger::abci::Request;
using careledger::abci::Response;

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

Connection::Connection(int fd, const SocketConfig& config, Handler& handler)
    : config_(config), handler_(handler), socket_(fd), frames_(config.frame_bytes_max) {
  writer_ = std::thread([this] { write_loop(); });
  reader_ = std::thread([this] { read_loop(); });
}

Connection::~Connection() {
  close();
  reader_.join();
  writer_.join();
}

void Connection::close() {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  ::shutdown(socket_.get(), SHUT_RDWR);  // wakes a recv and a send
  changed_.notify_all();
}

void Connection::read_loop() {
  Bytes buffer(kReadBytes, '\0');
  for (;;) {
    const ssize_t count = receive_some(socket_.get(), buffer.data(), buffer.size());
    if (count <= 0) break;
    if (const auto taken = take_in(ByteView(buffer).substr(0, static_cast<std::size_t>(count))); !taken) {
      fault(taken.error());
      break;
    }
  }
  const std::lock_guard lock(mutex_);
  last_ = true;  // the writer ends when everything is out
  changed_.notify_all();
}

Result<void> Connection::take_in(ByteView received) {
  frames_.put(received);
  for (;;) {
    CARELEDGER_TRY(const std::optional<Bytes> message, frames_.next());
    if (!message) return {};
    CARELEDGER_CHECK(answer(*message));
  }
}

Result<void> Connection::answer(const Bytes& message) {
  Request request;
  if (!request.ParseFromString(message) || request.value_case() == Request::VALUE_NOT_SET)
    return fail(ErrorKind::malformed, "the engine sent " + std::to_string(message.size()) +
                                          " bytes that are no ABCI request which is known here: is it CometBFT v0.38.25 (--engine)?");
  Response response;
  if (request.has_echo()) {
    response.mutable_echo()->set_message(request.echo().message());
  } else if (request.has_flush()) {
    response.mutable_flush();
  } else {
    CARELEDGER_TRY(response, handler_.handle(request));
  }
  CARELEDGER_ASSERT(static_cast<int>(response.value_case()) == static_cast<int>(request.value_case()) + 1);
  if (!send(response)) return fail(ErrorKind::cancelled, "the connection was closed");
  return {};
}

bool Connection::send(const Response& response) {
  const Bytes bytes = frame(response.SerializeAsString());
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closing_ || waiting_.size() < config_.waiting_bytes_max; });
  if (closing_) return false;
  waiting_ += bytes;
  changed_.notify_all();
  return true;
}

void Connection::fault(const Error& error) {
  if (error.kind == ErrorKind::cancelled) return;
  Response response;
  response.mutable_exception()->set_error(error.message);
  send(response);
  if (config_.on_fault) config_.on_fault(error);
}

void Connection::write_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || last_ || !waiting_.empty(); });
    if (closing_ || waiting_.empty()) break;
    const Bytes out = std::exchange(waiting_, {});
    changed_.notify_all();
    lock.unlock();
    const bool sent = send_all(socket_.get(), out);
    lock.lock();
    if (!sent) break;
  }
  closing_ = true;
  ::shutdown(socket_.get(), SHUT_RDWR);
  changed_.notify_all();
  ended_ = true;
}

}  // namespace careledger::ordering::abci
