#include "replica/workers.h"

#include <algorithm>

namespace careledger::replica {

Workers::Workers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Task* task = queue_.front();
    queue_.pop_front();
    lock.unlock();
    (*task->function)();
    lock.lock();
    task->done = true;
    finished_.notify_all();
  }
}

bool Workers::take_back(Task* task) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(queue_.begin(), queue_.end(), task);
  if (found == queue_.end()) return false;
  queue_.erase(found);
  return true;
}

void Workers::both(const std::function<void()>& first, const std::function<void()>& second) {
  if (threads_.empty()) {
    first();
    second();
    return;
  }
  Task task{&second};
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&task);
  }
  wake_.notify_one();
  first();
  if (take_back(&task)) {
    second();
    return;
  }
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return task.done; });
}

void Workers::each(std::size_t count, const std::function<void(std::size_t)>& task) {
  const std::function<void(std::size_t, std::size_t)> range = [&](std::size_t from, std::size_t until) {
    if (until - from == 0) return;
    if (until - from == 1) return task(from);
    const std::size_t middle = from + (until - from) / 2;
    both([&] { range(from, middle); }, [&] { range(middle, until); });
  };
  range(0, count);
}

}  // namespace careledger::replica
