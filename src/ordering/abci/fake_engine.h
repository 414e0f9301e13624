// For tests: the engine's side of an ABCI socket. Dial is one connection, to speak well or badly on; FakeEngine is four of them with a
// pool of transactions, which makes a block when it is told to.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <set>

#include "base/descriptor.h"
#include "crypto/hash.h"
#include "kernel/tables.h"
#include "ordering/abci/abci.pb.h"
#include "ordering/abci/engine_rpc.h"
#include "ordering/abci/frames.h"
#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci::testing {

namespace wire = careledger::abci;

class Dial {
 public:
  explicit Dial(const std::string& path) : socket_(connect_to(path)) { EXPECT_GE(socket_.get(), 0) << std::strerror(errno); }

  bool write(ByteView bytes) { return send_all(socket_.get(), bytes); }
  // As much of it as the other side takes while nothing is read: until it took none for a second. How much that was.
  std::size_t write_while_taken(ByteView bytes) {
    std::size_t written = 0;
    for (pollfd ready{socket_.get(), POLLOUT, 0}; written < bytes.size() && ::poll(&ready, 1, 1000) > 0;) {
      const ssize_t count = ::send(socket_.get(), bytes.data() + written, bytes.size() - written, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) written += static_cast<std::size_t>(count);
      else if (errno != EAGAIN) break;
    }
    return written;
  }
  bool send(const wire::Request& request) { return write(frame(request.SerializeAsString())); }

  std::optional<wire::Response> receive() {  // nullopt: the other side closed
    for (;;) {
      auto message = frames_.next();
      EXPECT_TRUE(message) << message.error().message;
      if (!message) return std::nullopt;
      wire::Response response;
      if (*message) return response.ParseFromString(**message) ? std::optional(response) : std::nullopt;
      char buffer[65536];
      const ssize_t count = receive_some(socket_.get(), buffer, sizeof(buffer));
      if (count <= 0) return std::nullopt;
      frames_.put({buffer, static_cast<std::size_t>(count)});
    }
  }
  wire::Response ask(const wire::Request& request) {
    EXPECT_TRUE(send(request));
    auto response = receive();
    EXPECT_TRUE(response.has_value());
    return response.value_or(wire::Response());
  }
  void hang_up() { ::shutdown(socket_.get(), SHUT_RDWR); }

 private:
  Descriptor socket_;
  FrameReader frames_;
};

// Nobody to agree with: whatever it proposes is final at once. Its RPC takes transactions as the real one does.
class FakeEngine final : public Transport {
 public:
  void connect(const std::string& path) {
    query_ = std::make_unique<Dial>(path);
    snapshot_ = std::make_unique<Dial>(path);
    mempool_ = std::make_unique<Dial>(path);
    consensus_ = std::make_unique<Dial>(path);
  }
  Dial& query() { return *query_; }
  Dial& snapshot() { return *snapshot_; }
  Dial& mempool() { return *mempool_; }
  Dial& consensus() { return *consensus_; }

  wire::Response info() {
    wire::Request request;
    request.mutable_info()->set_version("0.38.25");
    request.mutable_info()->set_abci_version("2.0.0");
    request.mutable_info()->set_block_version(proof::kBlockProtocol);
    return query_->ask(request);
  }
  wire::Response init_chain(const LedgerId& ledger, std::int64_t initial_height = 1) {
    wire::Request request;
    request.mutable_init_chain()->set_chain_id(kernel::chain_id(ledger));
    request.mutable_init_chain()->set_initial_height(initial_height);
    return consensus_->ask(request);
  }

  // What waits in the pool becomes a block: proposed, judged, finalised, committed. The hash after it.
  struct Made {
    wire::ResponseFinalizeBlock finalized;
    std::vector<Bytes> txs;
    bool accepted = false;
  };
  Made make_block(std::int64_t height, BlockTime time, std::int64_t bytes_max = 2 << 20) {
    Made made;
    wire::Request prepare;
    prepare.mutable_prepare_proposal()->set_max_tx_bytes(bytes_max);
    prepare.mutable_prepare_proposal()->set_height(height);
    set(*prepare.mutable_prepare_proposal()->mutable_time(), time);
    {
      const std::lock_guard lock(mutex_);
      for (const Bytes& one : pool_) *prepare.mutable_prepare_proposal()->add_txs() = one;
    }
    const wire::Response prepared = consensus_->ask(prepare);
    made.txs.assign(prepared.prepare_proposal().txs().begin(), prepared.prepare_proposal().txs().end());
    made.accepted = judge(made.txs, height, time);
    made.finalized = finalize(made.txs, height, time).finalize_block();
    commit();
    update_pool(made.txs);
    return made;
  }
  bool judge(const std::vector<Bytes>& txs, std::int64_t height, BlockTime time) {
    wire::Request request;
    request.mutable_process_proposal()->set_height(height);
    set(*request.mutable_process_proposal()->mutable_time(), time);
    for (const Bytes& one : txs) *request.mutable_process_proposal()->add_txs() = one;
    return consensus_->ask(request).process_proposal().status() == 1;
  }
  wire::Response finalize(const std::vector<Bytes>& txs, std::int64_t height, BlockTime time) {
    wire::Request request;
    request.mutable_finalize_block()->set_height(height);
    set(*request.mutable_finalize_block()->mutable_time(), time);
    for (const Bytes& one : txs) *request.mutable_finalize_block()->add_txs() = one;
    return consensus_->ask(request);
  }
  wire::Response commit() {
    wire::Request request;
    request.mutable_commit();
    return consensus_->ask(request);
  }

  std::vector<Bytes> pool() const {
    const std::lock_guard lock(mutex_);
    return {pool_.begin(), pool_.end()};
  }
  std::size_t pool_size() const {
    const std::lock_guard lock(mutex_);
    return pool_.size();
  }
  void forget_pool() {
    const std::lock_guard lock(mutex_);
    pool_.clear();
    seen_.clear();
  }
  void restart() {
    set_away(true);
    forget_pool();
    info();
    set_away(false);
  }
  void set_away(bool away) { away_ = away; }
  std::size_t tries() const { return tries_; }  // to give it a transaction, in vain or not

  // What stood in a block leaves the pool, and what is judged anew and found dead.
  void update_pool(const std::vector<Bytes>& committed) {
    const std::lock_guard lock(mutex_);
    std::erase_if(pool_, [&](const Bytes& tx) {
      if (std::ranges::find(committed, tx) != committed.end()) return true;
      const bool dead = check(tx, true) != 0u;
      if (dead) seen_.erase(crypto::sha256(tx));
      return dead;
    });
  }

  Result<Bytes> get(const std::string&) override { return fail(ErrorKind::unavailable, "the fake engine keeps no headers"); }
  Result<Bytes> post_form(const std::string& target, Bytes form) override {
    EXPECT_EQ(target, "/broadcast_tx_async");
    ++tries_;
    if (away_) return fail(ErrorKind::unavailable, "nobody listens");
    const Bytes tx = from_hex(ByteView(form).substr(5)).value_or("");
    const std::lock_guard lock(mutex_);
    if (!seen_.insert(crypto::sha256(tx)).second)
      return Bytes(R"({"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"tx already exists in cache"}})");
    const auto code = check(tx, false);
    if (!code) return fail(ErrorKind::unavailable, "the application is gone");
    if (*code == 0) pool_.push_back(tx);
    else seen_.erase(crypto::sha256(tx));
    return R"({"jsonrpc":"2.0","id":-1,"result":{"code":)" + std::to_string(*code) + R"(,"data":"","log":"","codespace":"","hash":""}})";
  }

 private:
  std::optional<std::uint32_t> check(const Bytes& tx, bool again) {
    wire::Request request;
    request.mutable_check_tx()->set_tx(tx);
    request.mutable_check_tx()->set_type(again ? 1 : 0);
    if (!mempool_->send(request)) return std::nullopt;
    const auto checked = mempool_->receive();
    return checked ? std::optional(checked->check_tx().code()) : std::nullopt;
  }
  static void set(comet::Timestamp& to, BlockTime time) {
    const proof::Time from = proof::time_from(time);
    to.set_seconds(from.seconds);
    to.set_nanos(from.nanos);
  }
  std::unique_ptr<Dial> query_, snapshot_, mempool_, consensus_;
  mutable std::mutex mutex_;
  std::deque<Bytes> pool_;
  std::set<Digest> seen_;
  std::atomic<bool> away_{false};
  std::atomic<std::size_t> tries_{0};
};

}  // namespace careledger::ordering::abci::testing
