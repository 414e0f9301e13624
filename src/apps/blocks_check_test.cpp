// What no root covers of a chain's blocks: codes of refused commands, and the index of commands. Each edit of one is named by its block.
#include "apps/blocks_check.h"

#include <algorithm>

#include "apps/network/test_checked_chain.h"
#include "ordering/headers_kept.h"
#include "replica/packed_row.h"

namespace careledger::apps {
namespace {

namespace columns = replica::columns;
class BlocksOfAChain : public network::CheckedChain {
 protected:
  BlocksOfAChain() : CheckedChain(23) { store_ = replica::memory_ledger_store(); }
  void SetUp() override {
    open();
    begin(8);
    std::mt19937_64 random(4);
    for (int i = 0; i < 8; ++i) {
      add({world_.random_batch(40, random)});
      if (i % 3 == 0) add({});
    }
    add({});
  }
  void open() { replica_ = replica::test::open_replica(world_, store_); }
  network::ChainReport look(Height oldest = {1}) {
    open();
    oldest_ = oldest;
    return network::check_chain(replica_->view(), maker_.validators(), *this, {});
  }
  std::vector<std::string> found(Height oldest = {1}) {
    std::vector<std::string> out;
    for (const auto& one : look(oldest).findings) out.push_back(one.where + ": " + one.what);
    return out;
  }
  // Of one row, for as long as `see` looks at it.
  void with_row(storage::Column column, const Bytes& key, const std::optional<Bytes>& value, const std::function<void()>& see) {
    const auto before = store_->get(column, key).value();
    write_row(column, key, value);
    see();
    write_row(column, key, before);
  }
  void write_row(storage::Column column, const Bytes& key, const std::optional<Bytes>& value) {
    storage::Batch batch;
    if (value) batch.put(column, key, *value);
    else batch.erase(column, key);
    ASSERT_TRUE(store_->write(batch, storage::Durability::synced));
  }
  replica::BlockRow block_row(Height height) const {
    replica::BlockRow row;
    EXPECT_TRUE(replica::parse_row(row, store_->get(columns::kBlocks, replica::block_key(height)).value().value_or("")));
    return row;
  }
  std::vector<Bytes> index_rows() const {
    std::vector<Bytes> out;
    const auto rows = store_->iterate(columns::kIndex, storage::Range::all());
    for (rows->seek_first(); rows->valid(); rows->next()) out.emplace_back(rows->key());
    return out;
  }
  void drop_below(Height first) {
    for (Height height{1}; height < first; height = next(height)) write_row(columns::kBlocks, replica::block_key(height), std::nullopt);
    replica::Tip tip;
    ASSERT_TRUE(tip.ParseFromString(store_->get(columns::kMeta, replica::kTipKey).value().value()));
    tip.set_first_height(first.value);
    write_row(columns::kMeta, Bytes(replica::kTipKey), tip.SerializeAsString());
    remember_headers_from(first);
  }
  void remember_headers_from(Height first) {
    const replica::SideRow row = ordering::headers_from(first);
    write_row(columns::kMeta, replica::side_key(row.key), row.value);
  }
  static std::string at(Height height) { return "block " + std::to_string(height.value) + ": "; }
};

const std::string kOtherResults = "what is stored of its results is not what the header after it commits to";

TEST_F(BlocksOfAChain, AreSoundAndAllResultsAreHeldAgainstAHeader) {
  const network::ChainReport report = look();
  EXPECT_TRUE(report.findings.empty()) << report.findings.front().where << report.findings.front().what;
  EXPECT_TRUE(report.notes.empty());
  EXPECT_EQ(report.results.blocks, 10u);
  EXPECT_EQ(report.results.held, 10u);
}

TEST_F(BlocksOfAChain, EachCodeOfARefusedCommandThatIsEditedIsNamed) {
  std::size_t refused = 0;
  for (Height height{1}; height <= tip_.height; height = next(height)) {
    const replica::BlockRow row = block_row(height);
    for (int i = 0; row.results_size() > 0 && i < row.results(0).codes_size(); ++i) {
      const std::uint32_t code = row.results(0).codes(i);
      if (code == 0) continue;
      ++refused;
      for (const std::uint32_t other : {code ^ 2, code ^ 0x10000, std::uint32_t{0}}) {
        replica::BlockRow edited = row;
        edited.mutable_results(0)->set_codes(i, other);
        with_row(columns::kBlocks, replica::block_key(height), edited.SerializeAsString(), [&] {
          const auto said = found();
          EXPECT_EQ(std::ranges::count(said, at(height) + kOtherResults), 1) << height.value << " " << code << " " << other;
          for (const std::string& one : said)  // and no other block is
            EXPECT_TRUE(one.starts_with(at(height))) << one;
        });
      }
    }
  }
  EXPECT_GE(refused, 10u);
}

TEST_F(BlocksOfAChain, ABatchThatIsSaidToHaveBeenRefusedWholeIsNamed) {
  replica::BlockRow row = block_row({5});
  ASSERT_EQ(row.results_size(), 1);
  row.mutable_results(0)->set_code(1);
  row.mutable_results(0)->clear_codes();
  row.mutable_results(0)->set_commands(0);
  write_row(columns::kBlocks, replica::block_key({5}), row.SerializeAsString());
  EXPECT_EQ(found(), std::vector{at({5}) + kOtherResults});
}

TEST_F(BlocksOfAChain, ResultsThatNoHeaderHereCommitsToAreCounted) {
  std::mt19937_64 random(5);
  add({world_.random_batch(3, random)});  // the newest
  network::ChainReport report = look();
  EXPECT_EQ(report.results.blocks, 11u);
  EXPECT_EQ(report.results.held, 10u);
  remember_headers_from({5});
  report = look({5});
  EXPECT_TRUE(report.findings.empty()) << report.findings.front().where << report.findings.front().what;
  EXPECT_EQ(report.results.blocks, 11u);
  EXPECT_EQ(report.results.held, 7u);  // of 5, and those up to the newest but one: 4 is empty
}

TEST_F(BlocksOfAChain, EachRowOfTheIndexThatIsGoneIsNamed) {
  const std::vector<Bytes> rows = index_rows();
  ASSERT_GT(rows.size(), 300u);
  for (std::size_t i = 0; i < rows.size(); i += 7) {
    const Height height = replica::location_of(rows[i])->height;
    with_row(columns::kIndex, rows[i], std::nullopt, [&] {
      const auto said = found();
      ASSERT_EQ(said.size(), 1u);
      EXPECT_TRUE(said.front().starts_with(at(height) + "the index of commands does not lead to 1 of its ")) << said.front();
    });
  }
  EXPECT_TRUE(found().empty());
}

TEST_F(BlocksOfAChain, HoweverManyRowsAreGoneTheBlocksAreLookedAt) {
  for (const Bytes& row : index_rows()) write_row(columns::kIndex, row, std::nullopt);
  replica::BlockRow edited = block_row({13});
  edited.mutable_results(0)->set_code(1);
  edited.mutable_results(0)->clear_codes();
  edited.mutable_results(0)->set_commands(0);
  write_row(columns::kBlocks, replica::block_key({13}), edited.SerializeAsString());
  for (const Height oldest : {Height{1}, Height{6}}) {
    if (oldest > Height{1}) drop_below(oldest);
    const auto said = found(oldest);
    EXPECT_EQ(std::ranges::count(said, at({13}) + kOtherResults), 1);
    EXPECT_GT(std::ranges::count_if(said, [](const std::string& one) { return one.find("the index of commands") != std::string::npos; }),
              3);
    EXPECT_LE(said.size(), 11u);
  }
}

TEST_F(BlocksOfAChain, AHeaderThatNamesAnotherStateAfterABlockThatChangedNothingIsNamed) {
  tip_.app_hash[0] = static_cast<char>(tip_.app_hash[0] ^ 1);  // as a key signs that is made to sign over an edited state
  add({});
  const auto said = found();
  const std::string other = at(tip_.height) + "its header names another state than the one before it, whose block changed nothing";
  EXPECT_EQ(std::ranges::count(said, other), 1) << said.size();
}

TEST_F(BlocksOfAChain, ALedgerThatSaysItIsEndlessIsLookedAtNonetheless) {
  replica::Tip tip;
  ASSERT_TRUE(tip.ParseFromString(store_->get(columns::kMeta, replica::kTipKey).value().value()));
  tip.set_height(std::uint64_t{1} << 39);
  write_row(columns::kMeta, Bytes(replica::kTipKey), tip.SerializeAsString());
  open();
  const replica::View view = replica_->view();
  replica::IndexAudit audit(view, {1}, view.height());
  ASSERT_TRUE(audit.add(**view.block({3})));
  EXPECT_TRUE(audit.end(10)->empty());
}

TEST_F(BlocksOfAChain, ARowOfTheIndexThatLeadsElsewhereIsNamed) {
  const Bytes row = index_rows().front();
  const replica::Location place = *replica::location_of(row);
  Bytes other = row;
  other[0] = static_cast<char>(other[0] ^ 1);  // another command at its place
  const std::string surplus = at(place.height) + "the index of commands leads to 1 places in it where no such command stands";
  with_row(columns::kIndex, other, "", [&] { EXPECT_EQ(found(), std::vector{surplus}); });
  with_row(columns::kIndex, replica::index_key(*Digest::from(Bytes(32, 'x')), {next(tip_.height), 0}), "", [&] {
    EXPECT_EQ(found(), std::vector{at(next(tip_.height)) + "the index of commands leads to it, and it is above the newest block"});
  });
  with_row(columns::kIndex, "short", "", [&] {
    EXPECT_EQ(found(), std::vector<std::string>{"the index of commands: the index of commands has a row that does not read: 73686f7274"});
  });
}

TEST_F(BlocksOfAChain, TheEntriesOfDroppedBlocksMustBeFoundByTheIndexToo) {
  drop_below({6});
  EXPECT_TRUE(found({6}).empty());
  std::size_t below = 0, entries = 0;
  for (const Bytes& row : index_rows()) {
    const replica::Location place = *replica::location_of(row);
    if (place.height >= Height{6}) continue;
    ++below;
    with_row(columns::kIndex, row, std::nullopt, [&] {
      const auto said = found({6});
      if (said.empty()) return;  // of a refused command
      ++entries;
      EXPECT_TRUE(said.front().starts_with(at(place.height) + "the index of commands does not lead to 1 of its ")) << said.front();
      EXPECT_TRUE(said.front().ends_with(" entries of the log")) << said.front();
    });
  }
  EXPECT_EQ(entries, replica_->view().block({6}).value()->log_first);
  EXPECT_GT(below, entries);
}

}  // namespace
}  // namespace careledger::apps
