#include "edge/fhir/outcome.h"

#include "base/assert.h"
#include "codec/json/json.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {

const char* issue_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::malformed: return "structure";
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::too_large: return "too-long";
    case ErrorKind::unauthenticated: return "login";
    case ErrorKind::forbidden: return "forbidden";
    case ErrorKind::not_found: return "not-found";
    case ErrorKind::gone: return "deleted";
    case ErrorKind::conflict: return "conflict";
    case ErrorKind::precondition: return "conflict";
    case ErrorKind::unsupported: return "not-supported";
    case ErrorKind::busy: return "throttled";
    case ErrorKind::unavailable: return "transient";
    case ErrorKind::storage: return "no-store";
    case ErrorKind::corrupt: return "exception";
    case ErrorKind::wrong_key: return "exception";
    case ErrorKind::newer_format: return "exception";
    case ErrorKind::cancelled: return "incomplete";
  }
  return "exception";
}

Failure failure(int status, std::string code, std::string text, std::string expression) {
  return {status, {Issue{"error", std::move(code), std::move(text), std::move(expression)}}};
}

Failure failure_of(const Error& error, std::string expression) {
  return failure(http::status_of(error.kind), issue_code_of(error.kind), error.message, std::move(expression));
}

Failure failure_of(const std::vector<codec::fhir::Finding>& findings) {
  Failure out;
  for (const codec::fhir::Finding& finding : findings) {
    const char* severity = finding.severity == codec::fhir::Severity::error ? "error" : "warning";
    out.issues.push_back({severity, std::string(codec::fhir::name_of(finding.type)), finding.text, finding.location});
  }
  return out;
}

bool has_error(const std::vector<codec::fhir::Finding>& findings) {
  for (const codec::fhir::Finding& finding : findings)
    if (finding.severity == codec::fhir::Severity::error) return true;
  return false;
}

Bytes outcome(const std::vector<Issue>& issues) {
  CARELEDGER_ASSERT(!issues.empty());
  Bytes out = R"({"resourceType":"OperationOutcome","issue":[)";
  for (const Issue& issue : issues) {
    if (out.back() == '}') out += ',';
    out += '{';
    append_member(out, "severity", issue.severity);
    append_member(out, "code", issue.code);
    if (!issue.reason.empty()) {
      out += R"(,"details":{"coding":[{)";
      append_member(out, "system", issue.reason_system);
      append_member(out, "code", issue.reason);
      out += "}]}";
    }
    if (!issue.text.empty()) append_member(out, "diagnostics", issue.text);
    if (!issue.expression.empty()) {
      out += R"(,"expression":[)";
      codec::json::append_string(out, issue.expression);
      out += ']';
    }
    out += '}';
  }
  return out += "]}";
}

http::Response refusal_without_handler(int status, std::string_view title) {
  const auto code = [status] {
    switch (status) {
      case 408: return "timeout";
      case 413:
      case 414:
      case 431: return "too-long";
      case 415:
      case 417:
      case 501:
      case 505: return "not-supported";
      case 503: return "throttled";
      default: return status < 500 ? "structure" : "exception";
    }
  };
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/fhir+json; charset=utf-8");
  response.body = outcome({{"error", code(), std::string(title), {}}});
  return response;
}

Bytes outcome(const Error& error) { return outcome(failure_of(error).issues); }

}  // namespace careledger::edge::fhir
