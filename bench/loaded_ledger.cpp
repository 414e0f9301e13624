#include "bench/loaded_ledger.h"

#include <random>

#include "bench/common.h"
#include "replica/ledger_store.h"
#include "replica/replica.pb.h"
#include "replica/state_tree.h"
#include "replica/workers.h"

namespace careledger::bench {

using replica::test::Actor;
using replica::test::Patient;

std::shared_ptr<storage::Store> open_ledger(const std::string& folder) {
  replica::LedgerStoreOptions options;
  options.folder = folder;
  return std::shared_ptr<storage::Store>(need(replica::open_ledger_store(options)));
}

LoadedLedger::LoadedLedger(const std::string& folder, BlockTime created, const Size& size) : world(1, created), store(open_ledger(folder)) {
  static_cast<void>(replica::test::open_replica(world, store));  // founds it
  admit(world, size.organisations);
  for (const Actor& organisation : world.organisations()) add_account(organisation, kernel::AccountKind::organisation);
  for (std::size_t i = 0; i < size.patients; ++i) add_patient(world.organisations()[i % size.organisations], size.grants);
  write();
  finish();
  fmt::print("state of {} rows, {} signers\n", rows_, size.patients + size.organisations);
}

void LoadedLedger::put(const kernel::Key& key, const google::protobuf::Message& row) {
  batch_.put(replica::columns::kState, key.view(), kernel::encode(row));
  ++rows_;
  if (batch_.count() >= 20000) write();
}

void LoadedLedger::write() {
  need(store->write(batch_, storage::Durability::buffered));
  batch_.clear();
}

void LoadedLedger::add_account(const Actor& actor, kernel::AccountKind kind) {
  put(kernel::kAccounts.key(actor.id), kernel::new_account(kind, replica::test::World::authority(actor)));
}

void LoadedLedger::add_patient(Actor& organisation, kernel::Counter grants) {
  static_cast<void>(world.propose(organisation));
  Patient& patient = world.patients().back();
  put(kernel::kAccounts.key(patient.actor.id),
      kernel::new_account(kernel::AccountKind::patient, kernel::single_key(patient.actor.key.public_key())));
  contracts::relationship::Relationship row;
  row.set_organisation(organisation.id.bytes());
  row.set_patient(patient.actor.id.bytes());
  row.set_status(static_cast<std::uint32_t>(contracts::relationship::Status::active));
  put(contracts::relationship::kRelationships.key(patient.relationship), row);
  if (grants == 0) return;
  kernel::SequenceWindow window;
  window.set_highest(patient.actor.sequence = grants);
  put(kernel::kSequences.key(patient.actor.id), window);
  for (kernel::Counter number = 1; number <= grants; ++number) {
    contracts::consent::GrantRow grant;
    grant.set_terms(world.entropy().take(32));
    put(contracts::consent::kGrants.key(patient.relationship, number), grant);
  }
  patient.grants = grants;
}

// The tip gets the root of all these rows.
void LoadedLedger::finish() {
  replica::Workers workers(1);
  const auto snapshot = store->snapshot();
  const double start = seconds_now();
  const auto tree = need(replica::StateTree::build({snapshot.get(), replica::columns::kState}, workers));
  fmt::print("Merkle map built from its rows in {:.2f} s\n", seconds_now() - start);
  replica::Tip tip;
  CARELEDGER_ASSERT(tip.ParseFromString(*need(store->get(replica::columns::kMeta, replica::kTipKey))));
  tip.set_state_root(tree.root().bytes());
  batch_.put(replica::columns::kMeta, replica::kTipKey, tip.SerializeAsString());
  write();
  need(store->flush());
  for (Actor& organisation : world.organisations()) organisation.sequence = 0;
}

void admit(replica::test::World& world, std::size_t organisations) {
  for (std::size_t i = 0; i < organisations; ++i) static_cast<void>(world.admit());
}

std::vector<Signed> presigned(replica::test::World& world, std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<Signed> commands;
  commands.reserve(count);
  std::vector<kernel::Counter> revoked(world.patients().size());
  const std::size_t organisations = world.organisations().size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t kind = random() % 10;
    const std::size_t who = i % world.patients().size();
    Patient& patient = world.patients()[who];
    const std::size_t organisation = kind < 2 ? random() % organisations : who % organisations;
    const std::size_t actor = kind < 2 ? world.patients().size() + organisation : who;
    const auto add = [&](const ledger::SignedCommand& command) { commands.push_back({organisation, actor, kernel::encode(command)}); };
    if (kind < 2) add(world.anchor(world.organisations()[organisation]));
    else if (kind < 5 && revoked[who] < patient.grants) add(world.revoke(patient, ++revoked[who]));
    else add(world.grant(patient));
  }
  return commands;
}

}  // namespace careledger::bench
