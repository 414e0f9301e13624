// Maps paths to handlers, by pattern: "/healthz", "/fhir/Patient/{id}", "/fhir/*" (this path and everything below).
//
// A literal segment wins over {name}, and {name} over *; among patterns of the same shape the first added wins. Add everything before the
// server starts; afterwards safe from any thread. Handlers are borrowed and must outlive the router.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/http/message.h"

namespace careledger::edge::http {

class Router : public Handler {
 public:
  Router();
  ~Router() override;

  // `methods` empty: the handler takes every method. Otherwise others get 405 with Allow; HEAD goes with GET.
  void add(std::vector<Method> methods, std::string pattern, Handler& handler);
  // The same for a function that answers at once.
  void add(std::vector<Method> methods, std::string pattern, UniqueFunction<Response(const Request&)> function);

  // 404 as problem+json when nothing fits. Fills Response::route with the pattern when the handler left it empty.
  void handle(Request request, Responder respond) override;

 private:
  struct Route;
  const Route* match(std::string_view path, Method method, std::string& allowed) const;
  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<std::unique_ptr<Handler>> owned_;
};

}  // namespace careledger::edge::http
