// A fuzz target that must fail within seconds: it shows that coverage guides the fuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 3 && data[0] == 'b' && data[1] == 'i' && data[2] == 'r' && data[3] == 'd') std::abort();
  return 0;
}
