#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace careledger {

// Plain stdio: the program may be in any state, and the text holds nothing but our own source.
void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "careledger: bug: %s does not hold at %s:%d; stopping before anything wrong is stored\n", condition, file, line);
  std::abort();
}

}  // namespace careledger
