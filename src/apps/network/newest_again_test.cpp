// A member that was killed between a block and the one that proves it: what the block changed is executed again, and edits of it are found.
#include "apps/network/newest_again.h"

#include <filesystem>

#include "apps/network/test_checked_chain.h"
#include "base/test_folder.h"
#include "replica/packed_row.h"
#include "replica/workers.h"

namespace careledger::apps::network {
namespace {

namespace store_columns = replica::columns;

class UnprovenBlock : public CheckedChain {
 protected:
  UnprovenBlock() : CheckedChain(31) {}
  void SetUp() override {
    open();
    begin(6);
    add({});
    std::mt19937_64 random(6);
    while (!has_refused(tip_.height)) add({world_.random_batch(30, random)});
  }
  void open() {
    replica_.reset();
    store_.reset();
    replica::LedgerStoreOptions options;
    options.folder = folder_.path() + "/ledger";
    store_ = std::move(*replica::open_ledger_store(options));
    replica_ = replica::test::open_replica(world_, store_);
  }
  bool has_refused(Height height) const {
    for (const auto& command : replica_->view().block(height).value()->commands)
      if (command.code.contract.value != 0 && !command.code.ok()) return true;
    return false;
  }
  ChainReport look() {
    open();
    const replica::View view = replica_->view();
    ChainCheckOptions options;
    options.execute_again = [&](const proof::Header& header) {
      return execute_newest_again(*store_, world_.founding(), view, header, folder_.path() + "/again");
    };
    const ChainReport report = check_chain(view, maker_.validators(), *this, options);
    EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/again"));
    return report;
  }
  // The one thing that an audit finds, and nothing is left open.
  void finds(const std::string& what) {
    const ChainReport report = look();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings.front().where, "block " + std::to_string(tip_.height.value));
    EXPECT_EQ(report.findings.front().what, what);
    EXPECT_TRUE(report.unheld.empty());
  }
  template <class Message>
  void change(storage::Column column, const Bytes& key, const std::function<void(Message&)>& how) {
    Message message;
    ASSERT_TRUE(replica::parse_row(message, store_->get(column, key).value().value_or("")));
    how(message);
    put(column, key, message.SerializeAsString());
  }
  void put(storage::Column column, const Bytes& key, const Bytes& value) {
    storage::Batch batch;
    batch.put(column, key, value);
    ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  }
  // Of the rows as they are now: who edits them writes it where the ledger looks.
  Digest root_of_rows() const {
    replica::Workers workers(0);
    return replica::StateTree::build({store_.get(), store_columns::kState}, workers).value().root();
  }
  void fit_root() {
    const Digest root = root_of_rows();
    change<replica::Tip>(store_columns::kMeta, Bytes(replica::kTipKey), [&](replica::Tip& tip) { tip.set_state_root(root.bytes()); });
  }
  replica::Undo undo() const {
    replica::Undo undo;
    EXPECT_TRUE(replica::parse_row(undo, store_->get(store_columns::kMeta, replica::kUndoKey).value().value_or("")));
    return undo;
  }
  Bytes changed_key() const {  // of the first row that the newest block changed
    const Bytes rows = undo().rows();
    ByteView rest = rows;
    return Bytes(*take_field(rest));
  }

  Bytes untouched_key(const Bytes& changed) const {
    const auto rows = store_->iterate(store_columns::kState, storage::Range::all());
    for (rows->seek_last(); rows->valid(); rows->prev())
      if (changed.find(rows->key()) == Bytes::npos) return Bytes(rows->key());
    return {};
  }

  TestFolder folder_;
};

const std::string kOther = "executed again, it does not give state and log as they are here";

TEST_F(UnprovenBlock, IsSoundWhenExecutingItAgainGivesWhatIsHere) {
  const ChainReport report = look();
  EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
  EXPECT_TRUE(report.unheld.empty()) << report.unheld.front();
  EXPECT_EQ(report.results.held, report.results.blocks);
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_EQ(report.notes.front(), "what block " + std::to_string(tip_.height.value) +
                                      " changed stands in no signed header yet: state and log are what its commands make of those that its "
                                      "own header names");
}

TEST_F(UnprovenBlock, NothingIsNotedOnceTheNextHeaderIsThere) {
  add({});
  const ChainReport report = look();
  EXPECT_TRUE(report.findings.empty() && report.notes.empty() && report.unheld.empty());
}

TEST_F(UnprovenBlock, ARowThatItChangedAndThatWasEditedIsFound) {
  const Bytes key = changed_key();
  Bytes row = store_->get(store_columns::kState, key).value().value();
  row.push_back('\0');
  put(store_columns::kState, key, row);
  fit_root();
  finds(kOther);
}

TEST_F(UnprovenBlock, ARowThatItDidNotTouchAndThatWasEditedIsFoundEvenWithWhatTakesItBack) {
  const Bytes rows_before = undo().rows();
  const Bytes key = untouched_key(rows_before);
  put(store_columns::kState, key, "edited");
  fit_root();
  ChainReport report = look();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_NE(report.findings.front().what.find("the rows stored do not give the root of height"), std::string::npos);

  // Whoever edits the record that takes the block back, too, cannot have signed the state before.
  const Bytes newest_root = root_of_rows().bytes();
  std::vector<std::pair<Bytes, std::optional<Bytes>>> after;
  for (ByteView rest = rows_before; !rest.empty();) {
    const Bytes changed(*take_field(rest));
    const bool present = take_bytes(rest, 1)->front() != '\0';
    const Bytes before(*take_field(rest));
    after.emplace_back(changed, store_->get(store_columns::kState, changed).value());
    storage::Batch batch;
    if (present) batch.put(store_columns::kState, changed, before);
    else batch.erase(store_columns::kState, changed);
    ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  }
  const Bytes root_before = root_of_rows().bytes();
  for (const auto& [changed, value] : after)
    if (value) put(store_columns::kState, changed, *value);
  ASSERT_EQ(root_of_rows().bytes(), newest_root);
  change<replica::Undo>(store_columns::kMeta, Bytes(replica::kUndoKey),
                        [&](replica::Undo& edited) { edited.mutable_before()->set_state_root(root_before); });
  finds("with what is stored to take it back, state and log before it are not those that its header names");
}

TEST_F(UnprovenBlock, ACodeThatWasEditedIsFound) {
  change<replica::BlockRow>(store_columns::kBlocks, replica::block_key(tip_.height), [](replica::BlockRow& row) {
    for (auto& code : *row.mutable_results(0)->mutable_codes())
      if (code >> 16 != 0) ++code;  // another one of its contract
  });
  finds("executed again, it does not give the results that are stored of it");
}

TEST_F(UnprovenBlock, IsHeldAgainstNothingWhereItCannotBeExecutedAgain) {
  storage::Batch batch;
  batch.erase(store_columns::kMeta, replica::kUndoKey);
  ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  ChainReport report = look();
  EXPECT_TRUE(report.findings.empty());
  EXPECT_TRUE(report.notes.empty());
  EXPECT_EQ(report.results.held + 1, report.results.blocks);
  ASSERT_EQ(report.unheld.size(), 1u);
  EXPECT_NE(report.unheld.front().find("no signature covers state and log, and it could not be executed again"), std::string::npos);
  report = check_chain(replica_->view(), maker_.validators(), *this, {});
  EXPECT_EQ(report.unheld.size(), 1u);
}

// What its header says of evidence is one hash of the engine's.
TEST_F(UnprovenBlock, EvidenceThatWasTakenOutOfItIsNotTakenForItsEffect) {
  const replica::View view = replica_->view();
  proof::Header header = this->header(tip_.height)->header;
  header.evidence_hash[0] = static_cast<char>(header.evidence_hash[0] ^ 1);
  const auto again = execute_newest_again(*store_, world_.founding(), view, header, folder_.path() + "/again");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::precondition);
}

}  // namespace
}  // namespace careledger::apps::network
