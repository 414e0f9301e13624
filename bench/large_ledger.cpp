#include "bench/large_ledger.h"

#include "bench/common.h"
#include "contracts/consent/consent.h"
#include "contracts/records/records.h"
#include "contracts/relationship/relationship.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "replica/ledger_store.h"
#include "replica/log_store.h"
#include "replica/replica.pb.h"
#include "replica/state_tree.h"

namespace careledger::bench {
namespace {

namespace columns = replica::columns;

constexpr std::size_t kBatchRows = 20'000;

// The rows that ten commands of one patient leave: account, sequence, relationship and grants, and what became of a record.
void put_patient(SeededEntropy& entropy, storage::Batch& batch) {
  const auto put = [&](const kernel::Key& key, const google::protobuf::Message& row) {
    batch.put(columns::kState, key.view(), kernel::encode(row));
  };
  const auto account = entropy.take_id<AccountId>();
  const auto relationship = entropy.take_id<RelationshipId>();
  put(kernel::kAccounts.key(account),
      kernel::new_account(kernel::AccountKind::patient, kernel::single_key(entropy.take_id<crypto::PublicKey>())));
  kernel::SequenceWindow window;
  window.set_highest(6);
  put(kernel::kSequences.key(account), window);
  contracts::relationship::Relationship row;
  row.set_patient(account.bytes());
  put(contracts::relationship::kRelationships.key(relationship), row);
  for (kernel::Counter number = 1; number <= 5; ++number) {
    contracts::consent::GrantRow grant;
    grant.set_terms(entropy.take(32));
    put(contracts::consent::kGrants.key(relationship, number), grant);
  }
  for (int i = 0; i < 2; ++i) {
    ledger::RecordException exception;
    exception.set_status(1);
    exception.set_height(1);
    put(contracts::records::kExceptions.key(entropy.take_id<Digest>()), exception);
  }
}

// In the place of the ledger's own.
proof::CompactRange other_log(SeededEntropy& entropy, std::size_t entries, Height height, storage::Store& store) {
  proof::CompactRange log;
  storage::Batch batch;
  std::vector<Bytes> keys;
  while (log.size() < entries) {
    std::vector<replica::LogEntry> block;
    while (block.size() < std::min<std::uint64_t>(replica::kTileLeaves, entries - log.size()))
      block.push_back({entropy.take_id<Digest>(), static_cast<std::uint32_t>(block.size())});
    replica::append_to_log(log, height, block, batch, keys);
    if (batch.count() < kBatchRows) continue;
    need(store.write(batch, storage::Durability::buffered));
    batch.clear();
  }
  need(store.write(batch, storage::Durability::buffered));
  return log;
}

}  // namespace

void enlarge_ledger(const apps::Layout& layout, std::size_t rows, std::size_t log_entries) {
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  const auto store = need(replica::open_ledger_store(options));
  SeededEntropy entropy(5);
  storage::Batch batch;
  for (std::size_t written = 0; written < rows; written += 10) {
    put_patient(entropy, batch);
    if (batch.count() < kBatchRows) continue;
    need(store->write(batch, storage::Durability::buffered));
    batch.clear();
  }
  need(store->write(batch, storage::Durability::buffered));
  batch.clear();
  replica::Tip tip;
  if (!tip.ParseFromString(need(store->get(columns::kMeta, replica::kTipKey)).value())) give_up("the ledger has no tip");
  const proof::CompactRange log = other_log(entropy, log_entries, {tip.height()}, *store);
  replica::Workers workers(1);
  const auto snapshot = store->snapshot();
  const auto tree = need(replica::StateTree::build({snapshot.get(), columns::kState}, workers));
  tip.set_state_root(tree.root().bytes());
  tip.set_log_root(log.root().bytes());
  tip.set_log_size(log.size());
  batch.put(columns::kMeta, replica::kTipKey, tip.SerializeAsString());
  need(store->write(batch, storage::Durability::synced));
}

}  // namespace careledger::bench
