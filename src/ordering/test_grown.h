// For tests: an embedded ledger that has really grown, and what its owner hands over.
#pragma once

#include <future>

#include "ordering/grown.h"
#include "ordering/growth.h"
#include "ordering/test_growth.h"
#include "replica/snapshot.h"

namespace careledger::ordering::testing {

struct GrownLedger {
  // `members` come, unless there are none: then some that nobody has the keys of.
  explicit GrownLedger(std::uint64_t seed = 1, const std::vector<contracts::governance::AdmitMember>& members = {})
      : entropy(seed), founder(clock.now(), seed), growing(founder.ledger(), 76 + seed) {
    auto ordering = std::move(*local::start(*replica, validator.clone(), clock, local::Config{.epoch_ms = 1}));
    ordering->host(founder.id(), founder.signer());
    std::promise<void> admitted;
    ordering->submit(founder.id(), founder.admit(1, "North", clock.now()), Lane::urgent,
                     [&admitted](const Answer&) { admitted.set_value(); });
    admitted.get_future().wait();
    std::promise<void> proven;  // by the empty block after it: the chain is as long each time
    ordering->when_provable({1}, [&proven] { proven.set_value(); });
    proven.get_future().wait();
    std::promise<void> grew;
    ordering->put_alone(
        founder.id(),
        [&, this](const local::Newest& newest) {
          auto grow = growing.command(Founder::admitted(1), newest, clock.now());
          if (!members.empty()) grow.mutable_members()->Assign(members.begin(), members.end());
          return Result<Bytes>(founder.sign(2, contracts::build::grow(grow), clock.now()));
        },
        [&grew](const Result<kernel::Receipt>&) { grew.set_value(); });
    grew.get_future().wait();
    hand_over(*ordering);
    ordering->stop();
  }

  ManualClock clock;
  SeededEntropy entropy;
  crypto::SigningKey validator = crypto::SigningKey::generate(entropy);
  Founder founder;
  Growing growing;
  std::unique_ptr<replica::Replica> replica = founder.open(replica::memory_ledger_store());
  Grown grown;
  void sign(Grown& what) const { what.signature = growing.keys()[0].sign(grown_sign_bytes(what)); }

 private:
  void hand_over(const Ordering& ordering) {
    const std::uint64_t seal = ordering.height().value;
    grown.founding = founder.founding();
    for (std::uint64_t height = seal - 2; height <= seal; ++height) grown.headers.push_back(*ordering.header({height}));
    grown.validators = *ordering.validators({seal});
    grown.successors = voters(replica->view());
    grown.snapshot = replica::SnapshotReader::make(replica->view())->header();
    grown.descriptions = {"one", "two"};
    grown.batch = (*replica->view().block({seal - 1}))->batches.at(0);
    grown.owner = {
        id_cast<OrganisationId>(Founder::admitted(1)), "North", growing.keys()[0].public_key(), "north:1", "https://north:2", clock.now()};
    sign(grown);
  }
};

}  // namespace careledger::ordering::testing
