// gzip (RFC 1952) for HTTP bodies: unpacking piece by piece under a limit, packing at a cheap level.
//
// Thread-safety: an Unpacker belongs to one thread at a time; gzip_pack is safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace careledger::edge::http {

class Unpacker {
 public:
  explicit Unpacker(std::uint64_t unpacked_max);
  ~Unpacker();
  Unpacker(Unpacker&&) noexcept;
  Unpacker& operator=(Unpacker&&) noexcept;

  // Appends what `packed` unpacks to. malformed: not gzip, or bytes after its end; too_large: over the limit, found before it is stored.
  Result<void> add(std::string_view packed, std::string& out);
  bool complete() const;  // the trailer was seen and its checksum held

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string gzip_pack(std::string_view plain);

// Whether an Accept-Encoding field allows gzip (RFC 9110 section 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace careledger::edge::http
