// One ordering in the place of another: who borrowed it goes on, nothing is answered twice or never, and the next one hosts whom the first
// one hosted.
#include "ordering/succession.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <thread>

namespace careledger::ordering {
namespace {

constexpr Height kFirst{7}, kNext{8};

using Signer = std::shared_ptr<const BatchSigner>;

// Answers everything in its own way, and remembers whom it hosts, by which signer. Its table has no lock: one thread may host at a time.
class Shown final : public Ordering {
 public:
  Shown(Outcome outcome, Height height) : outcome_(outcome), height_(height) {}
  ~Shown() override {
    if (gone != nullptr) *gone = true;
  }
  void submit(OrganisationId, Bytes, Lane, UniqueFunction<void(const Answer&)> done) override {
    ++submitted;
    if (keeps) kept = std::move(done);
    else done(Answer{outcome_, std::nullopt, 1});
  }
  void host(OrganisationId organisation, Signer signer) override {
    EXPECT_FALSE(hosting_.exchange(true)) << "two threads at once";
    if (on_host) on_host();
    hosted[organisation] = std::move(signer);
    hosting_ = false;
  }
  Result<proof::SignedHeader> header(Height) const override { return fail(ErrorKind::not_found, std::to_string(height_.value)); }
  Result<proof::ValidatorSet> validators(Height) const override { return fail(ErrorKind::not_found, std::to_string(height_.value)); }
  Height height() const override { return height_; }
  void when_provable(Height, UniqueFunction<void()> done) override {
    ++waited;
    done();
  }
  Attendance attendance() const override { return {height_.value, {}}; }
  bool has_quorum() const override { return outcome_ != Outcome::sealed; }
  void stop() override { ++stops; }

  std::atomic<int> submitted{0};
  int waited = 0, stops = 0;
  std::map<OrganisationId, Signer> hosted;
  std::function<void()> on_host;
  bool keeps = false;  // what it is given, instead of answering it
  UniqueFunction<void(const Answer&)> kept;
  bool* gone = nullptr;

 private:
  const Outcome outcome_;
  const Height height_;
  std::atomic<bool> hosting_{false};
};

class NoSigner final : public BatchSigner {
 public:
  std::uint32_t key_number() const override { return 0; }
  crypto::Signature sign(ByteView) const override { return {}; }
};

OrganisationId organisation_of(char fill, int number = 0) {
  const std::string digits = std::to_string(number);
  return *OrganisationId::from(Bytes(32 - digits.size(), fill) + digits);
}

TEST(Succession, WhoeverBorrowedItGoesOnWithTheNext) {
  auto owned = std::make_unique<Shown>(Outcome::sealed, kFirst);
  Shown& first = *owned;
  Shown next(Outcome::unknown, kNext);
  Succession both(std::move(owned));
  Ordering& borrowed = both;
  const auto north = std::make_shared<NoSigner>(), south = std::make_shared<NoSigner>(), again = std::make_shared<NoSigner>();
  borrowed.host(organisation_of('n'), north);
  borrowed.host(organisation_of('s'), north);
  borrowed.host(organisation_of('s'), south);  // its newest signer is the one that counts
  EXPECT_EQ(borrowed.height(), kFirst);
  EXPECT_EQ(borrowed.attendance().blocks, kFirst.value);
  EXPECT_EQ(borrowed.header({1}).error().message, "7");
  EXPECT_FALSE(borrowed.has_quorum());
  borrowed.when_provable({1}, [] {});
  EXPECT_EQ(first.waited, 1);
  EXPECT_TRUE(next.hosted.empty());

  int asked_meanwhile = 0;
  next.on_host = [&] { asked_meanwhile += borrowed.height() == kFirst ? 1 : 0; };
  both.follow(next);
  EXPECT_EQ(asked_meanwhile, 2) << "it was asked before it hosted whom the first one hosted";
  next.on_host = nullptr;
  EXPECT_EQ(borrowed.height(), kNext);
  EXPECT_TRUE(borrowed.has_quorum());
  EXPECT_EQ(borrowed.header({1}).error().message, "8");
  EXPECT_EQ(borrowed.validators({1}).error().message, "8");
  EXPECT_EQ(borrowed.attendance().blocks, kNext.value);
  EXPECT_EQ(next.hosted, (std::map<OrganisationId, Signer>{{organisation_of('n'), north}, {organisation_of('s'), south}}));
  borrowed.host(organisation_of('n'), again);
  EXPECT_EQ(next.hosted[organisation_of('n')], again);
  EXPECT_EQ(first.hosted[organisation_of('n')], north);
  borrowed.when_provable({9}, [] {});
  EXPECT_EQ(first.waited, 1);
  EXPECT_EQ(next.waited, 1);
  borrowed.stop();
  EXPECT_GE(first.stops, 1);
  EXPECT_GE(next.stops, 1);
}

TEST(Succession, WhoIsStillInsideTheFirstIsAnsweredByIt) {
  auto owned = std::make_unique<Shown>(Outcome::sealed, kFirst);
  Shown& first = *owned;
  bool gone = false;
  first.gone = &gone;
  first.keeps = true;
  Shown next(Outcome::busy, kNext);
  std::vector<Outcome> told;
  {
    Succession both(std::move(owned));
    both.submit({}, "any bytes", Lane::urgent, [&told](const Answer& answer) { told.push_back(answer.outcome); });
    both.follow(next);
    ASSERT_FALSE(gone) << "the first one went while somebody was inside it";
    EXPECT_TRUE(told.empty());
    first.kept(Answer{Outcome::sealed, std::nullopt, 1});
    EXPECT_EQ(told, std::vector{Outcome::sealed});
    EXPECT_EQ(next.submitted, 0) << "it was given to both";
  }
  EXPECT_TRUE(gone);
}

TEST(Succession, WhatIsGivenMeanwhileIsAnsweredOnceByOneOfThem) {
  auto owned = std::make_unique<Shown>(Outcome::sealed, kFirst);
  Shown& first = *owned;
  Shown next(Outcome::busy, kNext);
  Succession both(std::move(owned));
  constexpr int kThreads = 4, kEach = 2000;
  for (int i = 0; i < kEach; ++i) both.host(organisation_of('o', i), nullptr);  // so that to follow takes a while
  std::atomic<int> sealed{0}, busy{0}, wrong{0}, hosted{kEach};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      bool followed = false;
      for (int i = 0; i < kEach || !followed; ++i) {
        both.host(organisation_of(static_cast<char>('a' + t), i), nullptr);  // each once: who is missed then stays missed
        both.submit({}, "any bytes", Lane::urgent, [&](const Answer& answer) {
          const bool is_next = answer.outcome == Outcome::busy;
          if (followed && !is_next) ++wrong;  // it does not go back
          followed = is_next;
          ++(is_next ? busy : sealed);
        });
        ++hosted;
      }
    });
  while (first.submitted < kEach) std::this_thread::yield();
  both.follow(next);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(kEach + sealed + busy, hosted);
  EXPECT_EQ(first.submitted, sealed);
  EXPECT_EQ(next.submitted, busy);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(next.hosted.size(), static_cast<std::size_t>(hosted)) << "one that was hosted while the other followed is missing";
}

}  // namespace
}  // namespace careledger::ordering
