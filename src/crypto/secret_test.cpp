#include "crypto/secret.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <set>
#include <thread>
#include <vector>

#include "crypto/test_memory.h"

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

std::string flags_of(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  for (const Mapping& mapping : mappings())
    if (mapping.start <= wanted && wanted < mapping.end) return mapping.flags;
  return "";
}

TEST(Secret, LiesInMemoryThatIsLockedAndLeftOutOfDumps) {
  const Secret small = Secret::copy_of("small");
  const Secret large(10'000);
  for (const Secret* secret : {&small, &large}) {
    const std::string flags = flags_of(secret->view().data());
    ASSERT_NE(flags, "");
    EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;  // do not dump
    const bool locked = flags.find(" lo") != std::string::npos;
    EXPECT_TRUE(!kMemoryIsOurs || locked == memory_is_locked()) << flags;
  }
}

TEST(Secret, IsWipedWhenItGoes) {
  for (const std::size_t size : {16u, 32u, 256u, 4096u}) {
    const char* held = nullptr;
    {
      Secret secret(size);
      std::fill_n(secret.data(), size, 'k');
      held = secret.data();
    }
    const ByteView left(held, size);  // the arena keeps its pages: it is allowed to look
    const ByteView link = left.substr(0, sizeof(void*));
    EXPECT_NE(link, Bytes(link.size(), 'k')) << size;  // an address, which may hold any single byte: it leads to the next free slot
    EXPECT_EQ(left.find('k', link.size()), ByteView::npos) << size;
  }
}

// What the kernel says to be locked grows with more secrets than one chunk of the arena holds, and each of them lies in locked pages.
TEST(Secret, MoreThanOneChunkIsLockedAsWell) {
  const std::size_t before = locked_bytes();
  std::vector<Secret> secrets;
  for (int i = 0; i < 40'000; ++i) secrets.push_back(Secret::copy_of("a key of exactly thirty-two byte"));
  const bool measured = kMemoryIsOurs && memory_is_locked();
  EXPECT_TRUE(!measured || locked_bytes() >= before + secrets.size() * 32 / 2);  // tests before this one may have left free slots
  for (std::size_t i = 0; i < secrets.size(); i += 5'000)
    EXPECT_TRUE(!measured || flags_of(secrets[i].view().data()).find(" lo") != std::string::npos) << i;
}

TEST(Secret, ASearchOfMemoryFindsWhatIsOutsideAndNotWhatIsInside) {
  SeededEntropy entropy(11);
  std::vector<Secret> needles;
  for (int i = 0; i < 2; ++i) needles.push_back(Secret::random(entropy, 32));
  const Secret another = needles[0].clone();
  const auto half = std::make_unique<Bytes>(needles[1].view().substr(16));
  const std::vector<std::size_t> found = copies_outside(needles);
  EXPECT_EQ(found[0], 0u);
  EXPECT_EQ(found[1] >= 1, kMemoryIsOurs);
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
