// Small things that several benchmark programs need.
#pragma once

#include <fmt/core.h>
#include <sys/types.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace careledger::bench {

inline double seconds_now() { return static_cast<double>(system_clock().monotonic_ns()) * 1e-9; }

// A benchmark that cannot go on says why and ends: half a figure is none.
[[noreturn]] inline void give_up(const std::string& why) {
  fmt::print(stderr, "benchmark: {}\n", why);
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result) give_up(result.error().message);
  return std::move(*result);
}
inline void need(const Result<void>& result) {
  if (!result) give_up(result.error().message);
}

// What the system keeps of a process, in /proc: the number behind `name` in `file`.
inline double kept_by_system(pid_t process, const std::string& file, const std::string& name) {
  std::ifstream lines("/proc/" + std::to_string(process) + "/" + file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name)) return std::atof(line.c_str() + name.size());
  give_up("the system does not tell " + name + " of the node");
}

inline double environment(const char* name, double otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atof(value);
}

// A new folder under TMPDIR (else the working folder), absolute; the caller removes it.
inline std::string make_folder(const std::string& what) {
  const char* root = std::getenv("TMPDIR");
  std::string name = std::string(root == nullptr ? "." : root) + "/careledger-" + what + "-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) give_up("no folder for the data");
  return std::filesystem::absolute(name).string();
}

}  // namespace careledger::bench
