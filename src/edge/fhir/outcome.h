// OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html), and the one table from errors to issue codes.
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/fhir/check.h"
#include "edge/http/message.h"

namespace careledger::edge::fhir {

struct Issue {
  std::string severity = "error";  // fatal, error, warning, information
  std::string code;                // of http://hl7.org/fhir/issue-type
  std::string text;                // diagnostics, for people: never patient data
  std::string expression{};        // FHIRPath of where it is; empty: nowhere in particular
  std::string reason{};            // details.coding.code of `reason_system`, for programs; empty: none
  std::string reason_system{};
};

// What went wrong with a request: its status and every finding.
struct Failure {
  int status = 400;
  std::vector<Issue> issues;
};
template <class T>
using Outcome = tl::expected<T, Failure>;

const char* issue_code_of(ErrorKind kind);  // "not-found"; the status is http::status_of's
Failure failure_of(const Error& error, std::string expression = {});
Failure failure(int status, std::string code, std::string text, std::string expression = {});
Failure failure_of(const std::vector<codec::fhir::Finding>& findings);  // 400: basic validation failed
bool has_error(const std::vector<codec::fhir::Finding>& findings);

http::Response refusal_without_handler(int status, std::string_view title);  // what the HTTP server refuses by itself, as an outcome
Bytes outcome(const std::vector<Issue>& issues);                             // the resource as JSON; at least one issue
Bytes outcome(const Error& error);

}  // namespace careledger::edge::fhir
