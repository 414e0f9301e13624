// A load generator for one HTTP endpoint over TLS 1.3: kept-alive connections driven by one thread, so that it costs little of the
// machine that it shares with what it measures.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace careledger::bench {

struct LoadTarget {
  std::uint16_t port = 0;          // on 127.0.0.1
  std::vector<std::string> paths;  // "/fhir/Patient/1"; at least one, asked for in turn
  std::string headers;             // whole lines: "Authorization: Bearer …\r\n"
};

struct LoadResult {
  std::vector<double> milliseconds;  // of each request, sorted
  std::uint64_t failed = 0;          // other than 2xx, or a broken connection
  double seconds = 0;
  double per_second() const { return seconds > 0 ? static_cast<double>(milliseconds.size()) / seconds : 0; }
  double percentile(double share) const;
};

// Each of `connections` asks again as soon as it is answered, for `seconds`.
LoadResult load_fully(const LoadTarget& target, unsigned connections, double seconds);

// Asks at a fixed rate, over as many connections as are needed, until `stop` is set; latencies count from the time that a request was
// due, so that a stall of the server is not hidden by a client that waits for it.
LoadResult load_at_rate(const LoadTarget& target, double per_second, const std::atomic<bool>& stop);

// Appends one block to a file in `folder` and syncs it, at a fixed rate until `stop` is set: what the disk alone lets somebody wait for
// whose answer must be durable first. Latencies count from the time that a write was due. The file is removed.
LoadResult sync_at_rate(const std::string& folder, double per_second, const std::atomic<bool>& stop);

}  // namespace careledger::bench
