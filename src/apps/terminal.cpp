#include "apps/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/printable.h"
#include "codec/json/json.h"

namespace careledger::apps {
namespace {

std::string coloured(std::string_view code, std::string_view text) {
  if (!stdout_is_terminal() || std::getenv("NO_COLOR") != nullptr) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

}  // namespace

Exit exit_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::malformed:
    case ErrorKind::invalid:
    case ErrorKind::too_large:
    case ErrorKind::unsupported: return Exit::bad_input;
    case ErrorKind::unauthenticated:
    case ErrorKind::forbidden:
    case ErrorKind::conflict:
    case ErrorKind::precondition: return Exit::refused;
    case ErrorKind::not_found:
    case ErrorKind::gone: return Exit::not_found;
    case ErrorKind::busy:
    case ErrorKind::unavailable:
    case ErrorKind::cancelled: return Exit::unavailable;
    case ErrorKind::storage:
    case ErrorKind::corrupt:
    case ErrorKind::newer_format: return Exit::storage;
    case ErrorKind::wrong_key: return Exit::wrong_key;
  }
  return Exit::failed;
}

int exit_of_check(const Error& error) {
  const bool about_files = error.kind == ErrorKind::not_found || error.kind == ErrorKind::storage;
  return static_cast<int>(about_files ? exit_of(error.kind) : Exit::failed);
}

bool stdout_is_terminal() {
  static const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  return terminal;
}

bool stderr_is_terminal() {
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return terminal;
}

std::string bold(std::string_view text) { return coloured("1", text); }
std::string green(std::string_view text) { return coloured("32", text); }
std::string red(std::string_view text) { return coloured("31", text); }
std::string dim(std::string_view text) { return coloured("2", text); }

int report(const Error& error, bool json) {
  if (json) {
    codec::json::Document document;
    codec::json::Value inner = document.object();
    document.set(inner, "kind", document.string(name_of(error.kind)));
    document.set(inner, "message", document.string(error.message));
    codec::json::Value root = document.object();
    document.set(root, "error", inner);
    fmt::print("{}\n", codec::json::compact(root));
  } else {
    fmt::print(stderr, "careledger: {}\n", printable(error.message));  // it may repeat what a stranger wrote
  }
  return static_cast<int>(exit_of(error.kind));
}

Progress::Progress(std::string label, std::uint64_t total) : label_(std::move(label)), total_(total), terminal_(stderr_is_terminal()) {}

Progress::~Progress() {
  if (terminal_ && shown_ != ~std::uint64_t{0}) fmt::print(stderr, "\n");
}

void Progress::to(std::uint64_t done) {
  const std::uint64_t steps = terminal_ ? 40 : 10;
  const std::uint64_t step = total_ == 0 ? steps : std::min(done, total_) * steps / total_;
  if (step == shown_) return;
  shown_ = step;
  draw(done);
}

void Progress::draw(std::uint64_t done) {
  if (!terminal_) {
    fmt::print(stderr, "{}: {} of {}\n", label_, done, total_);
    return;
  }
  const std::string bar(shown_, '#');
  fmt::print(stderr, "\r{} [{:<40}] {} of {}", label_, bar, done, total_);
  std::fflush(stderr);
}

}  // namespace careledger::apps
