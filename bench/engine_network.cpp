#include "bench/engine_network.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/assert.h"
#include "bench/common.h"

namespace careledger::bench {
namespace {

constexpr std::uint64_t kOfAsk = std::uint64_t{1} << 63;  // numbers of what ask() asked

}  // namespace

void EngineNode::begin() {
  int in[2], out[2];
  CARELEDGER_ASSERT(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0);
  child_ = ::fork();
  CARELEDGER_ASSERT(child_ >= 0);
  if (child_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    become_engine_node(order_);
  }
  ::close(in[0]);
  ::close(out[1]);
  to_ = in[1];
  from_ = out[0];
  ready_ = std::promise<void>();
  reader_ = std::thread([this] { read_loop(); });
}

void EngineNode::wait_ready() { ready_.get_future().wait(); }

void EngineNode::read_loop() {
  bool ready = false;
  std::vector<Answered> some(1024);
  for (std::size_t have = 0;;) {
    const ssize_t got = ::read(from_, reinterpret_cast<char*>(some.data()) + have, some.size() * sizeof(Answered) - have);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
    const std::size_t whole = have / sizeof(Answered);
    for (std::size_t i = 0; i < whole; ++i) {
      if (some[i].what == Told::ready) {
        ready = true;
        ready_.set_value();
      } else if ((some[i].number & kOfAsk) != 0) {
        const std::lock_guard lock(waiting_mutex_);
        auto found = waiting_.extract(some[i].number);
        CARELEDGER_ASSERT(!found.empty());
        found.mapped().set_value(some[i].value);
      } else {
        on_answer_(some[i]);
      }
    }
    const std::size_t rest = have % sizeof(Answered);
    std::copy_n(reinterpret_cast<const char*>(some.data()) + have - rest, rest, reinterpret_cast<char*>(some.data()));
    have = rest;
  }
  if (!ready) give_up("a node did not start; look above for what it said");
}

void EngineNode::send(const Asked& asked, ByteView body) {
  Bytes frame(reinterpret_cast<const char*>(&asked), sizeof asked);
  frame.append(body);
  const std::lock_guard lock(writing_);
  for (std::size_t sent = 0; sent < frame.size();) {
    const ssize_t some = ::write(to_, frame.data() + sent, frame.size() - sent);
    if (some <= 0) give_up("a node has gone");
    sent += static_cast<std::size_t>(some);
  }
}

void EngineNode::submit(std::uint64_t number, std::size_t organisation, ByteView command) {
  send({number, Ask::submit, static_cast<std::uint32_t>(organisation), static_cast<std::uint32_t>(command.size())}, command);
}

std::uint64_t EngineNode::ask(Ask what, std::uint64_t argument) {
  std::future<std::uint64_t> answer;
  std::uint64_t key = 0;
  {
    const std::lock_guard lock(waiting_mutex_);
    key = kOfAsk | ++numbers_;
    answer = waiting_[key].get_future();
  }
  const Bytes body(reinterpret_cast<const char*>(&argument), sizeof argument);
  send({key, what, 0, static_cast<std::uint32_t>(body.size())}, body);
  return answer.get();
}

void EngineNode::end(int signal) {
  if (child_ == 0) return;
  if (signal != 0) ::kill(child_, signal);
  ::close(to_);  // which ends it too
  ::waitpid(child_, nullptr, 0);
  child_ = 0;
  reader_.join();
  ::close(from_);
}
void EngineNode::stop() { end(0); }
void EngineNode::kill() { end(SIGKILL); }

double EngineNode::peak_mebibytes() const { return kept_by_system(child_, "status", "VmHWM:") / 1024; }
double EngineNode::bytes_written() const { return kept_by_system(child_, "io", "write_bytes:"); }

EngineNetwork::EngineNetwork(const std::vector<NodeOrder>& orders, std::function<void(std::size_t, const Answered&)> answered) {
  for (const NodeOrder& order : orders)
    nodes_.push_back(std::make_unique<EngineNode>(order, [index = order.index, answered](const Answered& one) { answered(index, one); }));
  for (auto& node : nodes_) {
    node->begin();
    node->wait_ready();
  }
}

std::uint64_t EngineNetwork::lowest() {
  std::uint64_t least = ~std::uint64_t{0};
  for (auto& node : nodes_)
    if (node->runs()) least = std::min(least, node->ask(Ask::height));
  return least;
}

void EngineNetwork::stop() {
  for (auto& node : nodes_) node->stop();
}

}  // namespace careledger::bench
