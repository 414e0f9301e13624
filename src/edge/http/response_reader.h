// Turns bytes into a Response, for the client. Not thread-safe; one answer each.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "edge/http/message.h"

namespace careledger::edge::http {

class ResponseReader {
 public:
  ResponseReader(std::size_t header_bytes, std::uint64_t body_bytes, bool to_head);  // to_head: of a HEAD request, without a body
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  // True: complete. Interim answers (1xx) are passed over. malformed, too_large.
  Result<bool> feed(std::string_view bytes, std::size_t& used);
  Result<void> end();  // the connection was closed: completes a body without length; malformed when too early
  bool keeps_alive() const;
  Response take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace careledger::edge::http
