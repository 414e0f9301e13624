// What operators see of the HTTP servers: metrics and an access log by route pattern, and the routes /healthz, /readyz, /metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/http/router.h"
#include "edge/http/server.h"
#include "edge/ops/log.h"
#include "edge/ops/metrics.h"

namespace careledger::edge::ops {

enum class AccessLog : std::uint8_t { none, errors, all };  // errors: status 500 and above, and what took longer than a second

// Give it to Server::start. Counts careledger_http_requests_total{server,method,route,status},
// careledger_http_request_seconds{server,route}, careledger_http_received_bytes_total and …_sent_bytes_total{server}. Routes beyond the
// first 300 count as "other".
class Telemetry : public http::Observer {
 public:
  // `server` names the endpoint in metrics and logs: "fhir-1". Metrics and log are borrowed.
  Telemetry(Metrics& metrics, Log& log, std::string server, AccessLog access = AccessLog::errors);
  ~Telemetry() override;
  void finished(const http::Exchange& exchange) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Check {                          // one thing that must work before requests make sense
  std::string name;                     // "ledger"; shown to whoever asks
  std::function<Result<void>()> ready;  // any thread, quick
};

// GET /healthz: 200 while the process answers. GET /readyz: 200 when every check holds, else 503 naming those that do not (never why: the
// reason goes to the log). GET /metrics: the text format, for callers on this machine
// (not through a proxy there, which adds a header): request by request it would tell everybody when somebody reads. All without a token.
void add_routes(http::Router& router, Metrics& metrics, Log& log, std::vector<Check> checks);

}  // namespace careledger::edge::ops
