#include "edge/http/response_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "edge/http/gzip.h"

namespace careledger::edge::http {

namespace {

constexpr std::size_t kCompressMin = 1024;

std::string_view reason_of(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// A field value from a handler may carry what a client sent; a line break in it would begin another field.
void append_value(std::string& out, std::string_view value) {
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
  out.append(value);
  std::replace_if(out.end() - static_cast<std::ptrdiff_t>(value.size()), out.end(), is_control, ' ');
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  append_value(out, value);
  out.append("\r\n");
}

bool packs_well(std::string_view type) {
  return type.find("json") != std::string_view::npos || type.starts_with("text/") || type.find("xml") != std::string_view::npos ||
         type.find("javascript") != std::string_view::npos;
}

bool is_servers_own(std::string_view name) {
  for (const auto own : {"Content-Length", "Date", "Connection", "Transfer-Encoding", "Keep-Alive"}) {
    if (equal_ignoring_case(name, own)) return true;
  }
  return false;
}

void append_cors(std::string& out, const AnswerForm& form) {
  append_field(out, "Access-Control-Allow-Origin", form.cors_origin);
  out.append("Access-Control-Expose-Headers: ETag, Location, Content-Location, Last-Modified, WWW-Authenticate, Retry-After\r\n");
}

void append_vary(std::string& out, const Response& response, const AnswerForm& form, bool may_pack) {
  std::string vary = response.headers.joined("Vary");
  const auto also = [&vary](std::string_view name) {
    if (!vary.empty()) vary += ", ";
    vary += name;
  };
  if (may_pack) also("Accept-Encoding");
  if (form.cors) also("Origin");
  if (!vary.empty()) append_field(out, "Vary", vary);
}

}  // namespace

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

bool compress_body(Response& response, std::size_t size_max) {
  const auto content = response.content();
  if (content.size() < kCompressMin || content.size() > size_max || !has_body(response.status)) return false;
  if (response.headers.find("Content-Encoding") || !packs_well(response.headers.get("Content-Type"))) return false;
  auto packed = gzip_pack(content);
  if (packed.size() >= content.size()) return false;
  response.body = std::move(packed);
  response.shared_body.reset();
  return true;
}

void write_head(const Response& response, const AnswerForm& form, bool packed, std::string_view date, std::string& out) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(response.status));
  out += ' ';
  out.append(reason_of(response.status));
  out.append("\r\nDate: ");
  out.append(date);
  out.append("\r\n");
  bool cache = false;
  for (std::size_t i = 0; i < response.headers.size(); ++i) {
    const auto field = response.headers.at(i);
    if (is_servers_own(field.name) || equal_ignoring_case(field.name, "Vary")) continue;
    cache = cache || equal_ignoring_case(field.name, "Cache-Control");
    append_field(out, field.name, field.value);
  }
  if (response.status == 101) {
    out.append("Connection: Upgrade\r\n\r\n");
    return;
  }
  if (!cache) out.append("Cache-Control: no-store\r\n");
  out.append("X-Content-Type-Options: nosniff\r\n");
  if (form.tls) out.append("Strict-Transport-Security: max-age=31536000\r\n");
  if (packed) out.append("Content-Encoding: gzip\r\n");
  append_vary(out, response, form, packs_well(response.headers.get("Content-Type")));
  if (form.cors) append_cors(out, form);
  if (has_body(response.status)) {
    out.append("Content-Length: ");
    append_number(out, response.content().size());
    out.append("\r\n");
  }
  if (!form.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (form.http10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

std::string imf_date(BlockTime time) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto moment = std::chrono::floor<std::chrono::seconds>(std::chrono::sys_time(std::chrono::milliseconds(time.value)));
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  std::string out = "Sun, 00 Jan 0000 00:00:00 GMT";
  const auto name = [&out](std::size_t at, std::string_view names, unsigned which) { out.replace(at, 3, names.substr(3 * which, 3)); };
  const auto two = [&out](std::size_t at, auto number) {
    out[at] = static_cast<char>('0' + number / 10 % 10);
    out[at + 1] = static_cast<char>('0' + number % 10);
  };
  name(0, kDays, std::chrono::weekday(day).c_encoding());
  two(5, static_cast<unsigned>(date.day()));
  name(8, kMonths, static_cast<unsigned>(date.month()) - 1);
  two(12, static_cast<int>(date.year()) / 100);
  two(14, static_cast<int>(date.year()));
  two(17, clock.hours().count());
  two(20, clock.minutes().count());
  two(23, clock.seconds().count());
  return out;
}

bool is_preflight(const Request& request) {
  return request.method == Method::options && request.headers.find("Origin") && request.headers.find("Access-Control-Request-Method");
}

Response preflight(const Request& request, bool allowed) {
  Response response;
  response.status = 204;
  response.route = "(preflight)";
  if (!allowed) return response;  // without the fields below the browser refuses by itself
  response.headers.add("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
  const auto asked = request.headers.get("Access-Control-Request-Headers");
  if (!asked.empty()) response.headers.add("Access-Control-Allow-Headers", asked);
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace careledger::edge::http
