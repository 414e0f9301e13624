// Threads for work that blocks or takes long, so that the I/O threads never wait: disk, exchange with other organisations, large
// transactions. The queue is bounded; when it is full the caller is told at once, and answers 503.
//
// Thread-safety: post() from any thread, also from a worker. stop() once, from outside.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "edge/http/message.h"

namespace careledger::edge::http {

class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t queue_max);
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  bool post(UniqueFunction<void()> work);  // false when full or stopped: the work was dropped and will not run
  std::size_t queued() const;
  void stop();  // runs what is queued, then joins; idempotent

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs `inner` on the pool; 503 with Retry-After when the pool is full. Both are borrowed and must outlive it. What `at_once` says waits
// for nothing runs on the thread on which it came, which spares the way through the pool.
class Offload : public Handler {
 public:
  using AtOnce = std::function<bool(const Request&)>;
  Offload(Handler& inner, WorkerPool& pool, AtOnce at_once = {}) : inner_(inner), pool_(pool), at_once_(std::move(at_once)) {}
  void handle(Request request, Responder respond) override;

 private:
  Handler& inner_;
  WorkerPool& pool_;
  const AtOnce at_once_;
};

}  // namespace careledger::edge::http
