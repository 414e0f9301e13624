#include "edge/http/message.h"

#include <algorithm>
#include <array>
#include <limits>

#include "codec/json/json.h"

namespace careledger::edge::http {

namespace {

constexpr std::array<std::pair<Method, const char*>, 8> kMethods{{{Method::get, "GET"},
                                                                  {Method::head, "HEAD"},
                                                                  {Method::post, "POST"},
                                                                  {Method::put, "PUT"},
                                                                  {Method::patch, "PATCH"},
                                                                  {Method::remove, "DELETE"},
                                                                  {Method::options, "OPTIONS"},
                                                                  {Method::other, "OTHER"}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

Response with_type(int status, std::string_view type, std::string body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", type);
  response.body = std::move(body);
  return response;
}

}  // namespace

const char* name_of(Method method) {
  for (const auto& [value, name] : kMethods) {
    if (value == method) return name;
  }
  return "OTHER";
}

Method method_of(std::string_view name) {
  for (const auto& [value, known] : kMethods) {
    if (value != Method::other && name == known) return value;
  }
  return Method::other;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::add(std::string_view name, std::string_view value) {
  CARELEDGER_ASSERT(text_.size() + name.size() + value.size() < std::numeric_limits<std::uint32_t>::max());
  const auto at = static_cast<std::uint32_t>(text_.size());
  const auto name_size = static_cast<std::uint32_t>(name.size());
  text_.append(name);
  text_.append(value);
  fields_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_,
                [&](const Span& span) { return equal_ignoring_case(std::string_view(text_).substr(span.name_at, span.name_size), name); });
}

Headers::Field Headers::at(std::size_t index) const {
  CARELEDGER_ASSERT(index < fields_.size());
  const auto& span = fields_[index];
  const std::string_view text(text_);
  return {text.substr(span.name_at, span.name_size), text.substr(span.value_at, span.value_size)};
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (const auto field = at(i); equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name) const { return find(name).value_or(std::string_view{}); }

std::string Headers::joined(std::string_view name) const {
  std::string out;
  bool first = true;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const auto field = at(i);
    if (!equal_ignoring_case(field.name, name)) continue;
    if (!first) out += ", ";
    out += field.value;
    first = false;
  }
  return out;
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t found = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) found += equal_ignoring_case(at(i).name, name) ? 1 : 0;
  return found;
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
  fields_.reserve(fields);
  text_.reserve(bytes);
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& item : query) {
    if (item.name == name) return item.value;
  }
  return std::nullopt;
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::malformed: return 400;
    case ErrorKind::invalid: return 422;
    case ErrorKind::too_large: return 413;
    case ErrorKind::unauthenticated: return 401;
    case ErrorKind::forbidden: return 403;
    case ErrorKind::not_found: return 404;
    case ErrorKind::gone: return 410;
    case ErrorKind::conflict: return 409;
    case ErrorKind::precondition: return 412;
    case ErrorKind::unsupported: return 501;
    case ErrorKind::busy: return 503;
    case ErrorKind::unavailable: return 503;
    case ErrorKind::storage: return 507;
    case ErrorKind::corrupt: return 500;
    case ErrorKind::wrong_key: return 500;
    case ErrorKind::newer_format: return 500;
    case ErrorKind::cancelled: return 503;
  }
  return 500;
}

Response text(int status, std::string body) { return with_type(status, "text/plain; charset=utf-8", std::move(body)); }

Response json(int status, std::string body) { return with_type(status, "application/json", std::move(body)); }

Response problem(int status, std::string_view title) {
  std::string body = "{\"title\":";
  codec::json::append_string(body, title);
  body += ",\"status\":" + std::to_string(status) + "}";
  return with_type(status, "application/problem+json", std::move(body));
}

Response problem(const Error& error) {
  auto response = problem(status_of(error.kind), error.message);
  if (error.kind == ErrorKind::busy) response.headers.add("Retry-After", "1");
  if (error.kind == ErrorKind::unauthenticated) response.headers.add("WWW-Authenticate", "Bearer realm=\"careledger\"");
  return response;
}

}  // namespace careledger::edge::http
