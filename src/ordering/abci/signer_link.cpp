#include <sys/socket.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>

#include "ordering/abci/frames.h"
#include "ordering/abci/signer.h"
#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::chrono::milliseconds kDialAgain{100};
constexpr std::size_t kMessageMax = 64 * 1024;

}  // namespace

struct SignerLink::State {
  Signer& signer;
  const std::string socket;
  const std::function<void(const Error&)> on_fault;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  int connected = -1;  // shut down by stop()
  std::thread thread;
  std::string told;  // of the last refusal; the thread's

  void run();
  Result<void> serve(int fd);
  void tell_refusal(const signer::Message& answer);
};

SignerLink::SignerLink(Signer& signer, std::string socket, std::function<void(const Error&)> on_fault)
    : state_(new State{signer, std::move(socket), std::move(on_fault), {}, {}, false, -1, {}, {}}) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

SignerLink::~SignerLink() { stop(); }

void SignerLink::stop() {
  if (!state_->thread.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    if (state_->connected >= 0) ::shutdown(state_->connected, SHUT_RDWR);
    state_->changed.notify_all();
  }
  state_->thread.join();
}

// An engine that is not there yet, or not any more, is dialled again until there is one.
void SignerLink::State::run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const Descriptor dialled(connect_to(socket));
    if (dialled.get() >= 0 && is_of_our_user(dialled.get())) {
      connected = dialled.get();
      lock.unlock();
      if (const auto served = serve(dialled.get()); !served && on_fault) on_fault(served.error());
      lock.lock();
      connected = -1;
    }
    changed.wait_for(lock, kDialAgain, [this] { return stopping; });
  }
}

void SignerLink::State::tell_refusal(const signer::Message& answer) {
  const signer::Failure* failure = nullptr;
  if (answer.has_key_response() && answer.key_response().has_error()) failure = &answer.key_response().error();
  if (answer.has_vote_response() && answer.vote_response().has_error()) failure = &answer.vote_response().error();
  if (answer.has_proposal_response() && answer.proposal_response().has_error()) failure = &answer.proposal_response().error();
  if (failure == nullptr || !on_fault || std::exchange(told, failure->description()) == failure->description()) return;
  on_fault({ErrorKind::conflict, "the validator's signer refused: " + failure->description()});
}

Result<void> SignerLink::State::serve(int fd) {
  FrameReader frames(kMessageMax);
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    CARELEDGER_TRY(const std::optional<Bytes> message, frames.next());
    if (!message) {
      const ssize_t count = receive_some(fd, buffer.data(), buffer.size());
      if (count <= 0) return {};
      frames.put({buffer.data(), static_cast<std::size_t>(count)});
      continue;
    }
    signer::Message request;
    if (!request.ParseFromString(*message))
      return fail(ErrorKind::malformed, "the engine asked its signer for something that is no request");
    CARELEDGER_TRY(const signer::Message answer, signer.answer(request));
    tell_refusal(answer);
    if (!send_all(fd, frame(answer.SerializeAsString()))) return {};
  }
}

}  // namespace careledger::ordering::abci
