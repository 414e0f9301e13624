#include "edge/http/worker_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace careledger::edge::http {

struct WorkerPool::State {
  explicit State(std::size_t the_max) : queue_max(the_max) {}

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopped || !queue.empty(); });
      if (queue.empty()) return;
      auto work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = {};  // what it holds goes before the lock is taken again
      lock.lock();
    }
  }

  const std::size_t queue_max;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<UniqueFunction<void()>> queue;
  std::vector<std::thread> threads;
  bool stopped = false;
};

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_max) : state_(std::make_unique<State>(queue_max)) {
  CARELEDGER_ASSERT(threads >= 1 && threads <= 256 && queue_max >= 1);
  for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->run(); });
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::post(UniqueFunction<void()> work) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stopped || state_->queue.size() >= state_->queue_max) return false;
  state_->queue.push_back(std::move(work));
  state_->wake.notify_one();  // under the lock: once it is released, the work may be done and the pool gone
  return true;
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    state_->wake.notify_all();
  }
  for (auto& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

void Offload::handle(Request request, Responder respond) {
  if (at_once_ && at_once_(request)) return inner_.handle(std::move(request), std::move(respond));
  struct Job {
    Request request;
    Responder respond;
  };
  auto job = std::make_shared<Job>(Job{std::move(request), std::move(respond)});
  const bool taken = pool_.post([this, job] { inner_.handle(std::move(job->request), std::move(job->respond)); });
  if (!taken) job->respond(problem(Error{ErrorKind::busy, "the node is busy; try again"}));
}

}  // namespace careledger::edge::http
