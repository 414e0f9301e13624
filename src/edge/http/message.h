// HTTP requests and responses as handlers see them: plain values, no socket and no library type.
//
// A handler is a plain function from Request to Response that may answer later and from any thread. HTTP versions, TLS, compression,
// limits and connections are the server's business (server.h); a request that reaches a handler has passed all its limits.
//
// Thread-safety: values; one owner at a time. A Responder is called exactly once, from any thread; dropping it unused is a bug of the
// handler, which the server answers with 500.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/result.h"

namespace careledger::edge::http {

enum class Method : std::uint8_t { get, head, post, put, patch, remove, options, other };  // remove is DELETE

const char* name_of(Method method);       // "GET"; "OTHER" for other
Method method_of(std::string_view name);  // case-sensitive (RFC 9110 section 9.1)

// Header fields in the order of arrival; names compare without case (RFC 9110 section 5.1). Made for a dozen fields.
class Headers {
 public:
  struct Field {
    std::string_view name;  // valid until the next change of the Headers
    std::string_view value;
  };
  void add(std::string_view name, std::string_view value);  // keeps an earlier field of that name
  void set(std::string_view name, std::string_view value);  // replaces every field of that name
  void remove(std::string_view name);
  std::optional<std::string_view> find(std::string_view name) const;  // the first of that name
  std::string_view get(std::string_view name) const;                  // the first of that name, or empty
  std::string joined(std::string_view name) const;                    // all of that name with ", " between (RFC 9110 section 5.3)
  std::size_t count(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }
  Field at(std::size_t index) const;
  void reserve(std::size_t fields, std::size_t bytes);

 private:
  struct Span {
    std::uint32_t name_at, name_size, value_at, value_size;
  };
  std::string text_;  // all names and values, one after the other
  std::vector<Span> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII

struct Parameter {
  std::string name;  // percent-decoded, '+' read as a space
  std::string value;
};

struct Request {
  Method method = Method::get;
  std::string target;            // as sent: "/fhir/Patient/1?_format=json". May name a patient: never log it
  std::string path;              // percent-decoded; begins with '/'; no "%2F", no "." or ".." segment, no control byte, valid UTF-8
  std::vector<Parameter> query;  // decoded, in the order sent, repeats kept
  std::string raw_query;         // as sent, without '?'
  std::string authority;         // the Host field
  Headers headers;
  std::string body;  // already unpacked when Content-Encoding was gzip
  std::string peer;  // IP address, "127.0.0.1"
  bool tls = false;
  std::uint64_t arrival_ns = 0;  // Clock::monotonic_ns when the head was complete
  std::uint64_t id = 0;          // unique in the process; in every log line of this request

  std::optional<std::string_view> parameter(std::string_view name) const;  // the first of that name in the query
};

// What a connection becomes after an answer with status 101 (a WebSocket): bytes in, bytes out, until one side closes.
class Session {
 public:
  virtual ~Session() = default;
  struct Reaction {
    std::string bytes;   // to send
    bool close = false;  // after them
  };
  virtual Reaction receive(std::string_view bytes) = 0;  // on the connection's I/O thread: must not block
};

struct Response {
  int status = 200;
  Headers headers;  // without Content-Length, Date, Connection, Content-Encoding: the server's
  std::string body;
  std::shared_ptr<const std::string> shared_body;  // sent instead of `body` when set: for cached bytes
  std::shared_ptr<Session> session;                // with status 101 only
  std::string route;                               // what logs and metrics show in place of the path: "/Patient/{id}". Never an id

  std::string_view content() const { return shared_body ? std::string_view(*shared_body) : std::string_view(body); }
};

using Responder = UniqueFunction<void(Response)>;

class Handler {
 public:
  virtual ~Handler() = default;
  // Called on an I/O thread, from several at once: must not block. Long work goes to a WorkerPool (worker_pool.h).
  // HEAD arrives as HEAD; answer as for GET, the server leaves the body out.
  virtual void handle(Request request, Responder respond) = 0;
};

// The one table from errors to HTTP status. fhir/ has its own for the OperationOutcome code.
int status_of(ErrorKind kind);

Response text(int status, std::string body);           // text/plain; charset=utf-8
Response json(int status, std::string body);           // application/json
Response problem(int status, std::string_view title);  // application/problem+json (RFC 9457): {"title", "status"}
Response problem(const Error& error);                  // the same from an error of ours; Retry-After with busy

// Splits and decodes a request target into path, raw_query and query. malformed: anything that is not origin form ("/…"), a bad or
// overlong escape, a control byte, an encoded slash, a dot segment, text that is not UTF-8; too_large: over `parameters_max`.
Result<void> read_target(std::string_view target, std::size_t parameters_max, Request& out);
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);  // nullopt: bad escape
std::string percent_encode(std::string_view text);                                     // all but the unreserved characters of RFC 3986
// A form body (application/x-www-form-urlencoded), under the same rules as a query.
Result<std::vector<Parameter>> read_form(std::string_view text, std::size_t parameters_max);

}  // namespace careledger::edge::http
