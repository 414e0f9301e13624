// A ledger of a million rows for benchmarks of ordering: the state of organisations and their patients, written straight into the store
// of a founded ledger as if the patients had been proposed and had granted before, and the commands that they send next.
//
// Thread-safety: one thread. Whatever fails ends the benchmark.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "replica/test_world.h"
#include "storage/store.h"

namespace careledger::bench {

inline constexpr kernel::Counter kGrantsBefore = 7;  // of each patient: with 100,000 of them a million rows

std::shared_ptr<storage::Store> open_ledger(const std::string& folder);

// The world's keys and numbers follow from `created` alone.
class LoadedLedger {
 public:
  // Each patient is known to one organisation, in turn, and has made `grants` of them. The folder is new or empty.
  struct Size {
    std::size_t organisations = 1;
    std::size_t patients = 1;
    kernel::Counter grants = kGrantsBefore;
  };
  LoadedLedger(const std::string& folder, BlockTime created, const Size& size);

  replica::test::World world;
  std::shared_ptr<storage::Store> store;

 private:
  void put(const kernel::Key& key, const google::protobuf::Message& row);
  void write();
  void add_account(const replica::test::Actor& actor, kernel::AccountKind kind);
  void add_patient(replica::test::Actor& organisation, kernel::Counter grants);
  void finish();

  storage::Batch batch_;
  std::size_t rows_ = 0;
};

// The first organisations of a world, as a LoadedLedger has them: without a store.
void admit(replica::test::World& world, std::size_t organisations);

struct Signed {
  std::size_t organisation;  // index of the one that answers for it
  std::size_t actor;         // who signed it: a patient's index, or the number of patients and the organisation's
  Bytes bytes;
};
// 50 % grants, 30 % revocations, 20 % anchors, signed beforehand; the patients in turn, each at the organisation that knows her.
std::vector<Signed> presigned(replica::test::World& world, std::size_t count);

}  // namespace careledger::bench
