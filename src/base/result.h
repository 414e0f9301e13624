// The project's one Result, and the error that most of it carries.
//
// Three channels (docs/decisions.md): Result for what is expected to go wrong, CARELEDGER_ASSERT for our own bugs, exceptions only
// from other people's code and caught at its wrapper.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace careledger {

// Closed list of what can go wrong above the deterministic core. One table (edge) maps each to an HTTP status and a FHIR issue code,
// one (apps) to an exit code; both are switches without default.
enum class ErrorKind : std::uint8_t {
  malformed,        // bytes that do not parse, or parse to something the format forbids
  invalid,          // parses, and breaks a rule of its type
  too_large,        // over a limit on size, depth, count or time
  unauthenticated,  // nobody, or a credential that does not hold
  forbidden,        // somebody, without the right
  not_found,        // no such thing, and never was
  gone,             // was deleted or erased
  conflict,         // edit conflict, duplicate, sequence
  precondition,     // If-Match and the like; zero or several matches
  unsupported,      // understood and not offered
  busy,             // try again later
  unavailable,      // a part we need does not answer
  storage,          // a disk refused, is full, or lost something
  corrupt,          // stored bytes that fail their own check
  wrong_key,        // sealed under another key
  newer_format,     // written by a newer program
  cancelled,        // stopped before it was done
};

// `message` is for people: what is wrong, where, and what to do next; never a secret, never patient data.
struct Error {
  ErrorKind kind;
  std::string message;
};

template <class T, class E = Error>
using Result = tl::expected<T, E>;

// return fail(ErrorKind::malformed, "key file: expected 32 bytes");
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) { return tl::make_unexpected(Error{kind, std::move(message)}); }

const char* name_of(ErrorKind kind);  // "malformed", for logs and JSON

}  // namespace careledger

// Gives a name the value of a Result, or returns its error. NOLINTBEGIN(bugprone-macro-parentheses): what is declared takes none
#define CARELEDGER_CONCAT_(a, b) a##b
#define CARELEDGER_CONCAT(a, b) CARELEDGER_CONCAT_(a, b)
#define CARELEDGER_TRY_(temporary, declaration, expression)                 \
  auto temporary = (expression);                                            \
  if (!temporary) return tl::make_unexpected(std::move(temporary.error())); \
  declaration = std::move(*temporary)
#define CARELEDGER_TRY(declaration, expression) CARELEDGER_TRY_(CARELEDGER_CONCAT(try_, __LINE__), declaration, expression)
// The same for Result<void>. NOLINTEND(bugprone-macro-parentheses)
#define CARELEDGER_CHECK(expression)                                                                \
  do {                                                                                              \
    if (auto check_ = (expression); !check_) return tl::make_unexpected(std::move(check_.error())); \
  } while (false)
