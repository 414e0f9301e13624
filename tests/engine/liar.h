// For tests: an application that lies. It stands between an engine and the true application beside it, asks that one everything, and
// changes some of its answers.
//
// Thread-safety: handle() as Handler says; tell_lies() from any thread.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>

#include "base/descriptor.h"
#include "ordering/abci/frames.h"
#include "ordering/abci/socket_server.h"
#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci {

class Liar final : public Handler {
 public:
  enum class Lie : std::uint8_t {
    none,
    hash,     // of the state after each block: another
    garbage,  // proposals of bytes that are no envelopes, and a vote for them
    twice,    // proposals whose first envelope holds a command twice, and a vote for them
    refuse,   // a vote against every block
  };
  // Listens at `engine_side`; the true application listens at `true_side`. `on_lie` runs at each lie, on the engine's connection.
  // `with_one_twice` makes another envelope out of one.
  static Result<std::unique_ptr<Liar>> start(const std::string& engine_side, std::string true_side,
                                             std::function<void(const std::string&)> on_lie,
                                             std::function<Bytes(const Bytes&)> with_one_twice) {
    auto liar = std::unique_ptr<Liar>(new Liar(std::move(true_side), std::move(on_lie), std::move(with_one_twice)));
    CARELEDGER_TRY(liar->server_, SocketServer::listen({.path = engine_side}, *liar));
    return liar;
  }
  void tell_lies(Lie lie) { lie_ = lie; }
  void stop() { server_->stop(); }

  Result<careledger::abci::Response> handle(const careledger::abci::Request& request) override {
    CARELEDGER_TRY(careledger::abci::Response response, ask(request));
    const Lie lie = lie_;
    if (lie == Lie::hash && response.has_finalize_block()) {
      std::string& hash = *response.mutable_finalize_block()->mutable_app_hash();
      hash[0] = static_cast<char>(hash[0] ^ 1);
      on_lie_("hash");
    }
    if (lie == Lie::garbage && response.has_prepare_proposal()) {
      auto& proposal = *response.mutable_prepare_proposal();
      const Bytes first = proposal.txs().empty() ? Bytes("none") : proposal.txs(0);
      for (const Bytes& one : {Bytes(1000, '\xff'), Bytes("garbage"), first, first}) *proposal.add_txs() = one;
      on_lie_("garbage");
    }
    if (lie == Lie::twice && response.has_prepare_proposal() && !response.prepare_proposal().txs().empty()) {
      std::string& first = *response.mutable_prepare_proposal()->mutable_txs(0);
      first = with_one_twice_(first);
      on_lie_("twice");
    }
    if ((lie == Lie::garbage || lie == Lie::twice || lie == Lie::refuse) && response.has_process_proposal()) {
      response.mutable_process_proposal()->set_status(lie == Lie::refuse ? 2 : 1);
      if (lie == Lie::refuse) on_lie_("refuse");
    }
    return response;
  }

 private:
  Liar(std::string true_side, std::function<void(const std::string&)> on_lie, std::function<Bytes(const Bytes&)> with_one_twice)
      : true_side_(std::move(true_side)), on_lie_(std::move(on_lie)), with_one_twice_(std::move(with_one_twice)) {}

  struct Line {  // to the true application
    explicit Line(const std::string& path) : socket(connect_to(path)) {}
    Descriptor socket;
    FrameReader frames;
  };

  Result<careledger::abci::Response> ask(const careledger::abci::Request& request) const {
    static thread_local std::unique_ptr<Line> line;  // a connection of the engine has one thread, and one line of its own
    if (!line) line = std::make_unique<Line>(true_side_);
    if (!send_all(line->socket.get(), frame(request.SerializeAsString()))) return gone();
    for (;;) {
      CARELEDGER_TRY(const std::optional<Bytes> message, line->frames.next());
      careledger::abci::Response response;
      if (message && !response.ParseFromString(*message)) return gone();
      if (message && response.has_exception()) return fail(ErrorKind::conflict, response.exception().error());
      if (message) return response;
      std::array<char, 65536> buffer{};
      const ssize_t count = receive_some(line->socket.get(), buffer.data(), buffer.size());
      if (count <= 0) return gone();
      line->frames.put({buffer.data(), static_cast<std::size_t>(count)});
    }
  }
  static tl::unexpected<Error> gone() { return fail(ErrorKind::unavailable, "the true application does not answer"); }

  const std::string true_side_;
  const std::function<void(const std::string&)> on_lie_;
  const std::function<Bytes(const Bytes&)> with_one_twice_;
  std::atomic<Lie> lie_{Lie::none};
  std::unique_ptr<SocketServer> server_;  // last: it stops before what its connections use
};

}  // namespace careledger::ordering::abci
