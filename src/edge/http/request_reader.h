// Turns the bytes of one connection into Requests, under the server's limits. The library's parser stays inside the .cpp.
//
// One request at a time: feed() until done, take(), reset(), and again with the bytes that were left. Not thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/http/server.h"

namespace careledger::edge::http {

// What all bodies of a server hold together; shared by its connections.
class BodyBudget {
 public:
  explicit BodyBudget(std::uint64_t bytes_max) : left_(static_cast<std::int64_t>(bytes_max)) {}
  bool take(std::uint64_t bytes) {
    if (left_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed) >= static_cast<std::int64_t>(bytes)) return true;
    give(bytes);
    return false;
  }
  void give(std::uint64_t bytes) { left_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> left_;
};

class RequestReader {
 public:
  enum class Step : std::uint8_t {
    more,     // everything usable was used; bring more bytes
    head,     // the head is complete and sound, a body follows: answer Expect, then go on
    done,     // take() has the request
    refused,  // refusal() says why; the connection cannot go on
  };
  struct Refusal {
    int status = 0;
    std::string title;
  };

  RequestReader(const Limits& limits, BodyBudget& budget);  // both borrowed
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  Step feed(std::string_view bytes, std::size_t& used);
  bool in_body() const;            // the head was complete
  std::uint64_t received() const;  // bytes of the body so far, as sent
  const Refusal& refusal() const;

  // After head, done or refused (then: as far as it got).
  bool keeps_alive() const;
  bool expects_continue() const;
  bool http10() const;
  const Request& request() const;

  Request take();  // once, after done
  void reset();    // for the next request; gives its share of the budget back

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace careledger::edge::http
