// For tests that try a fault at every step or byte: how far apart they go. The release build tries each; one under a sanitizer, which takes
// ten times as long and looks for what any of them would show, every fifth.
#pragma once

#include <cstdint>

namespace careledger {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kTestSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kTestSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kTestSanitized = false;
#endif
inline constexpr std::uint64_t kTestStride = kTestSanitized ? 5 : 1;

}  // namespace careledger
