// Who acts in a simulated network, and what they do: four organisations that founded it together, their patients, and commands of every
// contract: most of them possible, some too late, some never. A supervisor is named now and then, and a member suspended.
//
// Everything follows from the seed and from the order of the calls. Not thread-safe.
#pragma once

#include <deque>
#include <random>

#include "base/clock.h"
#include "contracts/build.h"
#include "crypto/sign.h"
#include "kernel/sign.h"
#include "replica/test_world.h"

namespace careledger::simulator {

class Region {
 public:
  static constexpr std::int64_t kStart = 1'800'000'000'000;
  static constexpr std::size_t kMembers = 4;

  explicit Region(std::uint64_t seed);

  const Bytes& founding() const { return founding_; }
  const LedgerId& ledger() const { return ledger_; }

  Bytes opening(BlockTime now);  // an envelope that brings the first patients
  // An envelope of one of the members with so many commands, chosen by `random`.
  Bytes random_batch(std::size_t commands, BlockTime now, std::mt19937_64& random);
  // The envelope, signed anew by whoever signed it, with its first command once more at its end.
  Bytes with_one_twice(ByteView envelope) const;

 private:
  using Actor = replica::test::Actor;
  using Patient = replica::test::Patient;
  struct Member {
    Actor actor;
    crypto::SigningKey batch_key;
    ledger::Authority authority;
    std::uint64_t batches = 0;
    std::uint64_t accesses = 0;
  };
  struct Moment {
    BlockTime now;
    std::mt19937_64& random;
    std::uint64_t one_of(std::uint64_t count) { return random() % count; }
  };
  using Choice = ledger::SignedCommand (Region::*)(Moment&);

  void found(std::vector<kernel::FoundingMember>& rows);
  Bytes envelope(Member& member, const std::vector<ledger::SignedCommand>& commands);
  ledger::SignedCommand command(Actor& actor, const contracts::build::Order& order, BlockTime now);
  Digest fresh() { return entropy_.take_id<Digest>(); }
  static void keep(std::deque<Digest>& pool, const Digest& one);
  // One that was used before, as a rule; now and then one that nobody knows.
  Digest known(const std::deque<Digest>& pool, Moment& at);
  Member& any_member(Moment& at) { return members_[at.one_of(members_.size())]; }
  Patient& any_patient(Moment& at) { return patients_[at.one_of(patients_.size())]; }

  ledger::SignedCommand propose_patient(Moment& at);
  ledger::SignedCommand answer_patient(Moment& at);
  ledger::SignedCommand merge(Moment& at);
  ledger::SignedCommand grant(Moment& at);
  ledger::SignedCommand revoke(Moment& at);
  ledger::SignedCommand anchor(Moment& at);
  ledger::SignedCommand erase(Moment& at);
  ledger::SignedCommand head(Moment& at);
  ledger::SignedCommand accredit(Moment& at);
  ledger::SignedCommand change_licence(Moment& at);
  ledger::SignedCommand change_keys(Moment& at);
  ledger::SignedCommand propose_action(Moment& at);
  ledger::SignedCommand vote(Moment& at);
  ledger::SignedCommand supervise(Moment& at);
  ledger::SignedCommand rotate_validator(Moment& at);
  ledger::SignedCommand spoilt(Moment& at);

  SeededEntropy entropy_;
  std::vector<Member> members_;
  std::vector<Patient> patients_;
  std::deque<Digest> commitments_, holders_, proposals_;
  Bytes founding_;
  LedgerId ledger_;
};

}  // namespace careledger::simulator
