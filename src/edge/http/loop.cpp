#include "edge/http/loop.h"

#include <boost/asio/post.hpp>
#include <future>

#include "edge/http/response_writer.h"

namespace careledger::edge::http {

std::string_view Loop::date() {
  const auto now = clock.now();
  if (now.value / 1000 != date_second) {
    date_second = now.value / 1000;
    date_text = imf_date(now);
  }
  return date_text;
}

void Loop::sweep() {
  const auto now = clock.monotonic_ns();
  for (auto it = connections.begin(); it != connections.end();) {
    const auto connection = *it++;  // sweeping may take it off the list
    connection->sweep(now);
  }
}

void Loop::sweep_each_second() {
  timer.expires_after(std::chrono::seconds(1));
  timer.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    sweep();
    sweep_each_second();
  });
}

IoThreads::IoThreads(std::size_t threads, const Clock& clock) : state_(std::make_unique<State>()) {
  CARELEDGER_ASSERT(threads >= 1 && threads <= 64);
  for (std::size_t i = 0; i < threads; ++i) {
    auto loop = std::make_shared<Loop>(clock);
    loop->sweep_each_second();
    state_->loops.push_back(loop);
    state_->threads.emplace_back([loop] { loop->io.run(); });
  }
}

IoThreads::~IoThreads() {
  for (const auto& loop : state_->loops) {
    asio::post(loop->io, [loop = loop.get()] { loop->timer.cancel(); });
    loop->io.stop();
  }
  for (auto& thread : state_->threads) thread.join();
}

void IoThreads::sweep() {
  std::vector<std::future<void>> done;
  for (const auto& loop : state_->loops) {
    std::promise<void> promise;
    done.push_back(promise.get_future());
    asio::post(loop->io, [loop = loop.get(), promise = std::move(promise)]() mutable {
      loop->sweep();
      promise.set_value();
    });
  }
  for (auto& each : done) each.wait();
}

}  // namespace careledger::edge::http
