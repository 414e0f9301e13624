#include "crypto/secret.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <fstream>
#include <set>
#include <thread>
#include <vector>

namespace careledger::crypto {
namespace {

TEST(Secret, StartsZeroedAlsoInMemoryThatHeldAnother) {
  for (const std::size_t size : {1u, 31u, 32u, 33u, 64u, 4096u, 4097u, 20000u}) {
    for (int round = 0; round < 3; ++round) {
      Secret secret(size);
      EXPECT_EQ(secret.view(), Bytes(size, '\0'));
      std::fill_n(secret.data(), size, 'k');
    }
  }
}

TEST(Secret, MovesItsBytesAndLeavesTheSourceEmpty) {
  Secret first = Secret::copy_of("the key");
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): a promise of the type
  EXPECT_EQ(second.view(), "the key");
  Secret third = Secret::copy_of("another");
  third = std::move(second);
  EXPECT_EQ(third.view(), "the key");
  EXPECT_EQ(third.clone().view(), "the key");
  EXPECT_NE(third.clone().view().data(), third.view().data());
}

RC_GTEST_PROP(Secret, KeepsWhatItWasGivenBesideOthers, (const std::vector<Bytes>& values)) {
  std::vector<Secret> secrets;
  for (const Bytes& value : values) secrets.push_back(Secret::copy_of(value));
  for (std::size_t i = 0; i < values.size(); i += 2) secrets[i] = Secret::copy_of(values[i]);  // frees and takes again
  for (std::size_t i = 0; i < values.size(); ++i) RC_ASSERT(secrets[i].view() == values[i]);
}

TEST(Secret, TakesRandomBytesFromTheGivenEntropy) {
  SeededEntropy entropy(7);
  SeededEntropy twin(7);
  EXPECT_EQ(Secret::random(entropy, 40).view(), twin.take(40));
}

// The sanitizers answer mlock themselves and lock nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLocksAreReal = false;
#elif defined(__has_feature)
constexpr bool kLocksAreReal = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool kLocksAreReal = true;
#endif

// The line `key:` of the mapping that holds `address`, from the kernel's own account of our memory.
std::string mapping_field(const void* address, const std::string& key) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) inside = start <= wanted && wanted < end;
    if (inside && line.starts_with(key + ":")) return line;
  }
  return "";
}

TEST(Secret, LiesInMemoryThatIsLockedAndLeftOutOfDumps) {
  const Secret small = Secret::copy_of("small");
  const Secret large(10'000);
  for (const Secret* secret : {&small, &large}) {
    const std::string flags = mapping_field(secret->view().data(), "VmFlags");
    ASSERT_NE(flags, "");
    EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;  // do not dump
    const bool locked = flags.find(" lo") != std::string::npos;
    EXPECT_TRUE(!kLocksAreReal || locked == memory_is_locked()) << flags;
  }
}

TEST(Secret, ManyShareFewPagesSoThatTheLockLimitHolds) {
  std::vector<Secret> secrets;
  for (int i = 0; i < 20'000; ++i) secrets.emplace_back(32);
  std::set<std::uintptr_t> pages;
  for (const Secret& secret : secrets) pages.insert(reinterpret_cast<std::uintptr_t>(secret.view().data()) / 4096);
  EXPECT_LE(pages.size(), 20'000u * 32 / 4096 + 20);
}

TEST(Secret, IsSafeFromManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      const Bytes mine(48, static_cast<char>('a' + t));
      for (int i = 0; i < 2000; ++i) {
        const Secret first = Secret::copy_of(mine);
        const Secret second = first.clone();
        ASSERT_EQ(second.view(), mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SecretDeathTest, ReadingPastItsPagesStopsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        const Secret secret(8192);
        const volatile char* past = secret.view().data() + 8192;
        static_cast<void>(*past);
      },
      "");
}

// In a process of its own: takes the right to lock memory away before the first Secret.
[[noreturn]] void exit_zero_if_secrets_work_without_locking() {
  const rlimit none{0, 0};
  const bool lowered = setrlimit(RLIMIT_MEMLOCK, &none) == 0;
  const char probe = 0;
  const bool refused = lowered && mlock(&probe, 1) != 0;  // not for a superuser with all rights, whom no limit binds
  const Secret secret = Secret::copy_of("kept");
  std::exit(secret.view() == "kept" && memory_is_locked() == !refused ? 0 : 1);
}

TEST(SecretDeathTest, GoesOnUnlockedAndSaysSoWhenTheSystemRefusesToLock) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(exit_zero_if_secrets_work_without_locking(), testing::ExitedWithCode(0), "");
}

TEST(Wipe, OverwritesWhatTheStringHeld) {
  Bytes bytes(100, 'k');
  const char* held = bytes.data();
  bytes.resize(50);
  wipe(bytes);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.data(), held);  // the same memory, so that looking at it is allowed:
  bytes.resize(100);
  EXPECT_EQ(bytes.find('k'), Bytes::npos);
}

}  // namespace
}  // namespace careledger::crypto
