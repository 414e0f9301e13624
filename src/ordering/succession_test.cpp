// One ordering in the place of another: who borrowed it goes on, nothing is answered twice or never, and the next one hosts whom the first
// one hosted.
#include "ordering/succession.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace careledger::ordering {
namespace {

constexpr Height kFirst{7}, kNext{8};

// Answers everything in its own way, and remembers whom it hosts.
class Shown final : public Ordering {
 public:
  Shown(Outcome outcome, Height height) : outcome_(outcome), height_(height) {}
  void submit(OrganisationId, Bytes, Lane, UniqueFunction<void(const Answer&)> done) override {
    ++submitted;
    done(Answer{outcome_, std::nullopt, 1});
  }
  void host(OrganisationId organisation, std::shared_ptr<const BatchSigner>) override { hosted.insert(organisation); }
  Result<proof::SignedHeader> header(Height) const override { return fail(ErrorKind::not_found, std::to_string(height_.value)); }
  Result<proof::ValidatorSet> validators(Height) const override { return fail(ErrorKind::not_found, std::to_string(height_.value)); }
  Height height() const override { return height_; }
  void when_provable(Height, UniqueFunction<void()> done) override { done(); }
  Attendance attendance() const override { return {height_.value, {}}; }
  bool has_quorum() const override { return outcome_ != Outcome::sealed; }
  void stop() override { stopped = true; }

  std::atomic<int> submitted{0};
  std::set<OrganisationId> hosted;
  bool stopped = false;

 private:
  const Outcome outcome_;
  const Height height_;
};

OrganisationId organisation_of(char fill) { return *OrganisationId::from(Bytes(32, fill)); }

TEST(Succession, WhoeverBorrowedItGoesOnWithTheNext) {
  auto owned = std::make_unique<Shown>(Outcome::sealed, kFirst);
  Shown& first = *owned;
  Shown next(Outcome::unknown, kNext);
  Succession both(std::move(owned));
  Ordering& borrowed = both;
  borrowed.host(organisation_of('n'), nullptr);
  EXPECT_EQ(borrowed.height(), kFirst);
  EXPECT_FALSE(borrowed.has_quorum());
  EXPECT_TRUE(next.hosted.empty());

  both.follow(next);
  EXPECT_EQ(borrowed.height(), kNext);
  EXPECT_TRUE(borrowed.has_quorum());
  EXPECT_EQ(borrowed.header({1}).error().message, "8");
  EXPECT_EQ(borrowed.validators({1}).error().message, "8");
  EXPECT_EQ(borrowed.attendance().blocks, kNext.value);
  EXPECT_EQ(next.hosted, std::set{organisation_of('n')});
  borrowed.host(organisation_of('s'), nullptr);
  EXPECT_EQ(next.hosted.size(), 2u);
  EXPECT_EQ(first.hosted.size(), 1u);
  bool told = false;
  borrowed.when_provable({9}, [&told] { told = true; });
  EXPECT_TRUE(told);
  borrowed.stop();
  EXPECT_TRUE(first.stopped && next.stopped);
}

TEST(Succession, WhatIsGivenMeanwhileIsAnsweredOnceByOneOfThem) {
  auto owned = std::make_unique<Shown>(Outcome::sealed, kFirst);
  Shown& first = *owned;
  Shown next(Outcome::busy, kNext);
  Succession both(std::move(owned));
  constexpr int kThreads = 4, kEach = 2000;
  std::atomic<int> sealed{0}, busy{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      bool followed = false;
      for (int i = 0; i < kEach; ++i) {
        both.host(organisation_of(static_cast<char>('a' + t)), nullptr);
        both.submit({}, "any bytes", Lane::urgent, [&](const Answer& answer) {
          const bool is_next = answer.outcome == Outcome::busy;
          if (followed && !is_next) ++wrong;  // it does not go back
          followed = is_next;
          ++(is_next ? busy : sealed);
        });
      }
    });
  while (first.submitted < kEach) std::this_thread::yield();
  both.follow(next);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sealed + busy, kThreads * kEach);
  EXPECT_EQ(first.submitted, sealed);
  EXPECT_EQ(next.submitted, busy);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(next.hosted.size(), static_cast<std::size_t>(kThreads)) << "one that was hosted while the other followed is missing";
}

}  // namespace
}  // namespace careledger::ordering
