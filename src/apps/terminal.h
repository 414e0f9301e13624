// What the command line prints: colour only on a terminal, progress on long steps, and one exit code for each kind of error.
//
// Thread-safety: one thread prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace careledger::apps {

// Documented in docs/operations.md; numbers never change.
enum class Exit : int {
  ok = 0,
  failed = 1,  // verification failed, an audit found something, a demo step failed
  usage = 2,   // the command line
  not_found = 3,
  refused = 4,  // no right, wrong state, conflict
  bad_input = 5,
  wrong_key = 6,
  storage = 7,      // disk, permissions, corruption, newer format
  unavailable = 8,  // another process, no answer
};
Exit exit_of(ErrorKind kind);  // the one table

// For commands that judge files: whatever is wrong with what they judge is one answer, 1; a file that cannot be read is its own error.
int exit_of_check(const Error& error);

bool stdout_is_terminal();
bool stderr_is_terminal();
std::string bold(std::string_view text);  // plain when standard output is no terminal, or NO_COLOR is set
std::string green(std::string_view text);
std::string red(std::string_view text);
std::string dim(std::string_view text);

// "careledger: …" on standard error, or {"error":{"kind","message"}} on standard output with `json`; gives the code to exit with.
int report(const Error& error, bool json);

// A bar on a terminal, a line every tenth of the way elsewhere. Nothing before the first call of `to`.
class Progress {
 public:
  Progress(std::string label, std::uint64_t total);
  ~Progress();
  void to(std::uint64_t done);

 private:
  void draw(std::uint64_t done);
  std::string label_;
  std::uint64_t total_;
  std::uint64_t shown_ = ~std::uint64_t{0};
  bool terminal_;
};

}  // namespace careledger::apps
