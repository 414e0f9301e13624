#include "edge/fhir/route.h"

#include <algorithm>
#include <array>

#include "codec/fhir/definitions.h"
#include "codec/fhir/primitive.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

using http::Method;

struct Path {
  std::array<std::string_view, 4> part{};
  std::size_t count = 0;
  bool too_long = false;
};

Path split(std::string_view path) {
  Path out;
  constexpr std::string_view kRoot = "/fhir";
  if (path.starts_with(kRoot)) path.remove_prefix(kRoot.size());
  while (!path.empty()) {
    if (path.front() == '/') {
      path.remove_prefix(1);
      continue;
    }
    const auto part = path.substr(0, path.find('/'));
    if (out.count == out.part.size()) {
      out.too_long = true;
      return out;
    }
    out.part[out.count++] = part;
    path.remove_prefix(part.size());
  }
  return out;
}

Failure no_such_path() { return failure(404, "not-found", "there is nothing at this path"); }
Failure not_offered(const char* what) { return failure(501, "not-supported", std::string(what) + " is not offered"); }

class Router {
 public:
  Router(const http::Request& request, Route& route, std::string& allow)
      : request_(request), allow_(allow), path_(split(request.path)), route_(route) {}

  Outcome<void> route() {
    if (path_.too_long) return tl::make_unexpected(no_such_path());
    if (path_.count == 0) return system();
    if (path_.part[0] == "metadata" && path_.count == 1) return one("GET, HEAD", reads(), Interaction::capabilities);
    if (path_.part[0] == "_history" || path_.part[0] == "_search")
      return tl::make_unexpected(not_offered("history or search of the whole system"));
    if (!codec::fhir::find_resource_type(path_.part[0])) {
      return tl::make_unexpected(failure(404, "not-supported", "FHIR R4 has no resource type of the name in the URL"));
    }
    route_.type = path_.part[0];
    if (path_.count == 1) return of_type();
    const std::string_view second = path_.part[1];
    if (path_.count == 2 && second == "_search") {
      route_.form = true;
      return one("POST", request_.method == Method::post, Interaction::search);
    }
    if (second == "_history") return tl::make_unexpected(not_offered("history of a whole type"));
    if (second.starts_with('$')) return tl::make_unexpected(not_offered("this operation"));
    if (!codec::fhir::is_id(second)) return tl::make_unexpected(failure(404, "not-found", "the id in the URL is not a FHIR id"));
    route_.id = second;
    return path_.count == 2 ? of_instance() : below_instance();
  }

 private:
  bool reads() const { return request_.method == Method::get || request_.method == Method::head; }

  Outcome<void> one(const char* allow, bool fits, Interaction interaction) {
    if (!fits) return not_allowed(allow);
    route_.interaction = interaction;
    return {};
  }
  Outcome<void> not_allowed(const char* allow) {
    allow_ = allow;
    return tl::make_unexpected(failure(405, "not-supported", "this method does not go with this path"));
  }
  Outcome<void> system() {
    if (reads()) return tl::make_unexpected(not_offered("search of the whole system"));
    return one("POST", request_.method == Method::post, Interaction::bundle);
  }
  Outcome<void> of_type() {
    if (reads()) return one("", true, Interaction::search);
    if (request_.method == Method::post) return one("", true, Interaction::create);
    if (request_.method == Method::put || request_.method == Method::remove) {
      return tl::make_unexpected(not_offered("conditional update or delete"));
    }
    return not_allowed("GET, HEAD, POST");
  }
  Outcome<void> of_instance() {
    if (reads()) return one("", true, Interaction::read);
    if (request_.method == Method::put) return one("", true, Interaction::update);
    if (request_.method == Method::remove) return one("", true, Interaction::remove);
    return not_allowed("GET, HEAD, PUT, DELETE");
  }
  Outcome<void> below_instance() {
    const std::string_view third = path_.part[2];
    if (third == "_history" && path_.count == 3) return one("GET, HEAD", reads(), Interaction::history);
    if (third == "_history") {
      const auto version = version_of(path_.part[3]);
      if (!version) return tl::make_unexpected(failure(404, "not-found", "versions are numbers from 1"));
      route_.version = *version;
      return one("GET, HEAD", reads(), Interaction::vread);
    }
    if (third.starts_with('$') && path_.count == 3) {
      route_.operation = third;
      return one("POST", request_.method == Method::post, Interaction::operation);
    }
    if (codec::fhir::find_resource_type(third) && path_.count == 3) {
      if (route_.type != "Patient") return tl::make_unexpected(not_offered("a compartment other than a Patient's"));
      route_.compartment = std::exchange(route_.id, {});
      route_.type = third;
      return one("GET, HEAD", reads(), Interaction::search);
    }
    return tl::make_unexpected(no_such_path());
  }

  const http::Request& request_;
  std::string& allow_;
  Path path_;
  Route& route_;
};

bool is_json(std::string_view media) {
  media = trimmed(media.substr(0, media.find(';')));
  constexpr std::array<std::string_view, 8> kNames{
      "json", "application/json", "application/fhir+json", "text/json", "application/json+fhir", "*/*", "application/*", "text/*"};
  return std::ranges::any_of(kNames, [&](std::string_view name) { return http::equal_ignoring_case(media, name); });
}

bool accepts_json(std::string_view field) {
  while (!field.empty()) {
    const auto comma = field.find(',');
    const auto media = field.substr(0, comma);
    if (is_json(media)) return true;
    if (comma == std::string_view::npos) return false;
    field.remove_prefix(comma + 1);
  }
  return false;
}

void read_prefer(std::string_view field, Form& form) {
  while (!field.empty()) {
    const auto end = field.find_first_of(",;");
    const auto one = trimmed(field.substr(0, end));
    if (one == "return=minimal") form.prefer = Prefer::minimal;
    if (one == "return=representation") form.prefer = Prefer::representation;
    if (one == "return=OperationOutcome") form.prefer = Prefer::outcome;
    if (one == "handling=lenient") form.lenient = true;
    if (end == std::string_view::npos) return;
    field.remove_prefix(end + 1);
  }
}

}  // namespace

Outcome<void> route_of(const http::Request& request, Route& route, std::string& allow) { return Router(request, route, allow).route(); }

bool is_form_parameter(std::string_view name) { return name == "_format" || name == "_pretty"; }

Outcome<Form> form_of(const http::Request& request, bool has_body) {
  Form form;
  const auto format = request.parameter("_format");
  const auto accept = request.headers.find("Accept");
  const auto offers_json = [](std::string_view text) {  // "+" of fhir+json, unescaped, arrives as a blank
    return is_json(text) ||
           is_json(std::string(text).replace(std::min(text.find(' '), text.size()), text.find(' ') < text.size() ? 1 : 0, "+"));
  };
  if (format ? !offers_json(*format) : accept && !accepts_json(*accept)) {
    return tl::make_unexpected(failure(406, "not-supported", "answers come as application/fhir+json and nothing else"));
  }
  const auto type = request.headers.get("Content-Type");
  if (has_body && !is_json(type)) {
    return tl::make_unexpected(failure(415, "not-supported", "the body must be application/fhir+json"));
  }
  form.pretty = request.parameter("_pretty").value_or("") == "true";
  if (request.headers.count("Prefer") > 0) read_prefer(request.headers.joined("Prefer"), form);
  return form;
}

}  // namespace careledger::edge::fhir
