#include "edge/ops/telemetry.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>

#include "edge/http/loopback.h"

namespace careledger::edge::ops {

namespace {

constexpr std::size_t kRoutesMax = 300;
constexpr std::uint64_t kSlowNs = 1'000'000'000;

using Key = std::tuple<std::string, http::Method, int>;
struct KeyView {
  std::string_view route;
  http::Method method;
  int status;
};
struct Less {
  using is_transparent = void;
  static auto parts(const Key& key) { return std::tuple(std::string_view(std::get<0>(key)), std::get<1>(key), std::get<2>(key)); }
  static auto parts(const KeyView& key) { return std::tuple(key.route, key.method, key.status); }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return parts(a) < parts(b);
  }
};

struct Series {
  Counter* requests = nullptr;
  Histogram* seconds = nullptr;
};

// From this machine, and not through a proxy on it.
bool is_local(const http::Request& request) {
  constexpr std::array<std::string_view, 4> kProxies{"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
  return http::is_loopback(request.peer) &&
         std::ranges::none_of(kProxies, [&](std::string_view name) { return request.headers.count(name) != 0; });
}

}  // namespace

struct Telemetry::State {
  Metrics& metrics;
  Log& log;
  std::string server;
  AccessLog access;
  Counter& received;
  Counter& sent;
  std::shared_mutex mutex;
  std::map<Key, Series, Less> series;
  std::set<std::string> routes;

  Series find(const KeyView& key) {
    {
      const std::shared_lock lock(mutex);
      if (const auto found = series.find(key); found != series.end()) return found->second;
    }
    const std::unique_lock lock(mutex);
    std::string route(key.route);
    if (!routes.contains(route) && routes.size() >= kRoutesMax) route = "other";
    routes.insert(route);
    auto& place = series[{route, key.method, key.status}];
    if (place.requests != nullptr) return place;
    place.requests = &metrics.counter(
        "careledger_http_requests_total", "Requests answered.",
        {{"server", server}, {"method", http::name_of(key.method)}, {"route", route}, {"status", std::to_string(key.status)}});
    place.seconds = &metrics.histogram("careledger_http_request_seconds", "From the complete head to the last byte of the answer.",
                                       kSecondsBounds, {{"server", server}, {"route", route}});
    return place;
  }
};

Telemetry::Telemetry(Metrics& metrics, Log& log, std::string server, AccessLog access) {
  auto& received = metrics.counter("careledger_http_received_bytes_total", "Request bodies, as sent.", {{"server", server}});
  auto& sent = metrics.counter("careledger_http_sent_bytes_total", "Answer bodies, as sent.", {{"server", server}});
  state_ = std::unique_ptr<State>(new State{metrics, log, std::move(server), access, received, sent, {}, {}, {}});
}
Telemetry::~Telemetry() = default;

void Telemetry::finished(const http::Exchange& exchange) {
  const auto series = state_->find({exchange.route, exchange.method, exchange.status});
  series.requests->add();
  series.seconds->observe(static_cast<double>(exchange.duration_ns) / 1e9);
  state_->received.add(static_cast<double>(exchange.received_bytes));
  state_->sent.add(static_cast<double>(exchange.sent_bytes));
  const bool notable = exchange.status >= 500 || exchange.duration_ns > kSlowNs;
  if (state_->access == AccessLog::none || (state_->access == AccessLog::errors && !notable)) return;
  state_->log.write(exchange.status >= 500 ? Level::warning : Level::info, "request",
                    {{"request", exchange.id},
                     {"server", state_->server},
                     {"method", http::name_of(exchange.method)},
                     {"route", exchange.route},
                     {"status", exchange.status},
                     {"us", exchange.duration_ns / 1000},
                     {"received", exchange.received_bytes},
                     {"sent", exchange.sent_bytes}});
}

void add_routes(http::Router& router, Metrics& metrics, Log& log, std::vector<Check> checks) {
  using http::Method;
  router.add({Method::get}, "/healthz", [](const http::Request&) { return http::text(200, "ok\n"); });
  router.add({Method::get}, "/readyz", [checks = std::move(checks), &log](const http::Request&) {
    std::string failing;
    for (const auto& check : checks) {
      const auto ready = check.ready();
      if (ready) continue;
      failing += "not ready: " + check.name + '\n';
      log.warning("not-ready", {{"check", check.name}, {"kind", name_of(ready.error().kind)}, {"reason", ready.error().message}});
    }
    return failing.empty() ? http::text(200, "ready\n") : http::text(503, failing);
  });
  router.add({Method::get}, "/metrics", [&metrics](const http::Request& request) {
    if (!is_local(request)) return http::problem(404, "no such path");  // they tell outsiders when somebody reads
    auto response = http::text(200, metrics.text());
    response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return response;
  });
}

}  // namespace careledger::edge::ops
