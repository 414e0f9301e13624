// What an endpoint needs of its machine and its files, looked at and tried before something that cannot be taken back depends on it.
//
// Thread-safety: any thread. What held a moment ago may not hold any more: whoever binds, or reads, still handles its errors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace careledger::edge::http {

// Whether a server with these files answers for `host` now, as clients judge it who trust its certificate: not_found, malformed: a file;
// invalid: the two do not belong together, the certificate does not hold at `now`, or it is not of that host (a name, or an IP literal).
Result<void> check_certificate(const std::string& certificate_file, const std::string& key_file, const std::string& host, BlockTime now);

// Whether certificates stand in it by which others' endpoints are judged: not_found, malformed.
Result<void> check_trusted(const std::string& trust_file);

struct ListenPlace {
  std::string host;  // a name, or an IP literal without brackets
  std::uint16_t port;
};
// Listens on all of them at once, and on none any more when it returns. unavailable, naming the first that cannot be had: it is taken, no
// address of this machine, or named twice.
Result<void> try_listening(const std::vector<ListenPlace>& places);

}  // namespace careledger::edge::http
