#include "edge/http/router.h"

#include <optional>

namespace careledger::edge::http {

namespace {

class Immediate : public Handler {
 public:
  explicit Immediate(UniqueFunction<Response(const Request&)> function) : function_(std::move(function)) {}
  void handle(Request request, Responder respond) override { respond(function_(request)); }

 private:
  UniqueFunction<Response(const Request&)> function_;
};

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto end = path.find('/');
    out.emplace_back(path.substr(0, end));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end);
  }
  return out;
}

bool is_name(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

}  // namespace

struct Router::Route {
  std::vector<Method> methods;
  std::string pattern;
  std::vector<std::string> segments;  // without the last "*"
  bool open = false;                  // ended in "*"
  Handler* handler = nullptr;

  bool takes(Method method) const {
    if (methods.empty()) return true;
    const auto wanted = method == Method::head ? Method::get : method;
    for (const auto each : methods) {
      if (each == wanted || each == method) return true;
    }
    return false;
  }

  bool fits(std::string_view path) const {
    std::size_t i = 0;
    while (i < segments.size()) {
      if (path.empty()) return false;
      path.remove_prefix(1);
      const auto end = path.find('/');
      const auto segment = path.substr(0, end);
      if (is_name(segments[i]) ? segment.empty() : segment != segments[i]) return false;
      path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
      ++i;
    }
    return open || path.empty();
  }

  // Larger wins: one digit a segment, literal 3, name 2, rest 1; the end of the path 4.
  std::string weight() const {
    std::string out;
    for (const auto& segment : segments) out += is_name(segment) ? '2' : '3';
    return out + (open ? '1' : '4');
  }
};

Router::Router() = default;
Router::~Router() = default;

void Router::add(std::vector<Method> methods, std::string pattern, Handler& handler) {
  CARELEDGER_ASSERT(!pattern.empty() && pattern[0] == '/');
  auto route = std::make_unique<Route>();
  route->segments = segments_of(pattern);
  route->open = !route->segments.empty() && route->segments.back() == "*";
  if (route->open) route->segments.pop_back();
  route->methods = std::move(methods);
  route->pattern = std::move(pattern);
  route->handler = &handler;
  const auto weight = route->weight();
  auto place = routes_.begin();
  while (place != routes_.end() && (*place)->weight() >= weight) ++place;
  routes_.insert(place, std::move(route));
}

void Router::add(std::vector<Method> methods, std::string pattern, UniqueFunction<Response(const Request&)> function) {
  owned_.push_back(std::make_unique<Immediate>(std::move(function)));
  add(std::move(methods), std::move(pattern), *owned_.back());
}

const Router::Route* Router::match(std::string_view path, Method method, std::string& allowed) const {
  for (const auto& route : routes_) {
    if (!route->fits(path)) continue;
    if (route->takes(method)) return route.get();
    for (const auto each : route->methods) allowed += (allowed.empty() ? "" : ", ") + std::string(name_of(each));
  }
  return nullptr;
}

void Router::handle(Request request, Responder respond) {
  std::string allowed;
  const auto* const route = match(request.path, request.method, allowed);
  if (route == nullptr) {
    auto response = allowed.empty() ? problem(404, "there is nothing here") : problem(405, "this method is not offered here");
    if (!allowed.empty()) response.headers.add("Allow", allowed);
    return respond(std::move(response));
  }
  route->handler->handle(std::move(request), [route, respond = std::move(respond)](Response response) mutable {
    if (response.route.empty()) response.route = route->pattern;
    respond(std::move(response));
  });
}

}  // namespace careledger::edge::http
