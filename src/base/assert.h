// Assertions for our own bugs: always on, in every build. Never for input from outside.
#pragma once

namespace careledger {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}

#define CARELEDGER_ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::careledger::assertion_failed(#condition, __FILE__, __LINE__))
