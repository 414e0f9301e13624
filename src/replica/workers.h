// A few threads for work that splits in two: Merkle updates and signature checks. What they compute never depends on how many there are.
//
// Safe from any thread. Tasks must not throw, and must not wait for anything but other tasks of the same pool.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace careledger::replica {

class Workers {
 public:
  explicit Workers(std::size_t threads);  // helpers beside the calling thread; 0 runs everything on the caller
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Runs both, `second` on another thread when one is free, and returns when both are done.
  void both(const std::function<void()>& first, const std::function<void()>& second);
  // Runs task(0) … task(count - 1), several at once, and returns when all are done.
  void each(std::size_t count, const std::function<void(std::size_t)>& task);
  std::size_t width() const { return threads_.size() + 1; }

 private:
  struct Task {
    const std::function<void()>* function = nullptr;
    bool done = false;
  };
  void serve();
  bool take_back(Task* task);  // true when nobody had begun it: the caller runs it

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::deque<Task*> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace careledger::replica
