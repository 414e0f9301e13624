// The benchmark's side of the nodes of a network (bench/engine_node.h): starts and kills them, gives them commands and hears what became of
// each.
//
// Thread-safety: start, kill and stop belong to one thread; the rest is safe from any. on_answer runs on a thread of the node's. Whatever
// fails ends the benchmark.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/engine_node.h"

namespace careledger::bench {

class EngineNode {
 public:
  using OnAnswer = std::function<void(const Answered&)>;
  EngineNode(NodeOrder order, OnAnswer on_answer) : order_(std::move(order)), on_answer_(std::move(on_answer)) {}
  ~EngineNode() { stop(); }
  EngineNode(const EngineNode&) = delete;
  EngineNode& operator=(const EngineNode&) = delete;

  void begin();       // its process, which ends with the calling thread (PR_SET_PDEATHSIG)
  void wait_ready();  // until its socket listens and its engine was started
  void stop();        // lets it end, its engine first
  void kill();        // SIGKILL; the system ends its engine too
  bool runs() const { return child_ != 0; }
  void give(NodeOrder order) { order_ = std::move(order); }  // for its next start

  void submit(std::uint64_t number, std::size_t organisation, ByteView command);
  std::uint64_t ask(Ask what, std::uint64_t argument = 0);  // waits for the answer; for all but submit

  double peak_mebibytes() const;  // of the node's process, without its engine
  double bytes_written() const;   // to disk, since its start

 private:
  void send(const Asked& asked, ByteView body);
  void read_loop();
  void end(int signal);

  NodeOrder order_;
  const OnAnswer on_answer_;
  pid_t child_ = 0;
  int to_ = -1, from_ = -1;
  std::thread reader_;
  std::promise<void> ready_;
  std::mutex writing_, waiting_mutex_;
  std::map<std::uint64_t, std::promise<std::uint64_t>> waiting_;  // by number
  std::uint64_t numbers_ = 0;
};

class EngineNetwork {
 public:
  // `answered` gets the node's index too.
  EngineNetwork(const std::vector<NodeOrder>& orders, std::function<void(std::size_t, const Answered&)> answered);
  std::size_t size() const { return nodes_.size(); }
  EngineNode& operator[](std::size_t index) { return *nodes_[index]; }
  std::uint64_t lowest();  // height of those that run
  void stop();

 private:
  std::vector<std::unique_ptr<EngineNode>> nodes_;
};

}  // namespace careledger::bench
