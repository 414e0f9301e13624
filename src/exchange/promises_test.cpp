#include "exchange/promises.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/faulty_files.h"
#include "base/test_folder.h"

namespace careledger::exchange {
namespace {

class Promises : public ::testing::Test {
 protected:
  static ledger::SignedPromise promise(char custodian, std::uint64_t time, char request = 'q') {
    ledger::Promise inner;
    inner.set_custodian(Bytes(32, custodian));
    inner.set_time_ms(time);
    inner.set_request(Bytes(32, request));
    ledger::SignedPromise out;
    out.set_promise(inner.SerializeAsString());
    return out;
  }
  std::unique_ptr<PromiseBook> open() {
    auto book = PromiseBook::open(path, *keys, system_files(), system_entropy());
    EXPECT_TRUE(book) << book.error().message;
    return book ? std::move(*book) : nullptr;
  }
  static Bytes contents(const std::string& file) { return *system_files().read_all(file, 1 << 20); }
  void put(const Bytes& bytes) const { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }  // not synced: quick
  TestFolder folder;
  std::string path = folder.path() + "/promises";
  std::unique_ptr<vault::Keystore> keys = vault::Keystore::in_memory(system_clock(), system_entropy());
};

TEST_F(Promises, AreThereAfterARestartAndUnreadableOnDisk) {
  {
    const auto book = open();
    ASSERT_TRUE(book->keep(promise('n', 1)));
    ASSERT_TRUE(book->keep(promise('m', 2)));
    EXPECT_EQ(book->keep(promise('n', 1)).error().kind, ErrorKind::conflict);
  }
  EXPECT_EQ(contents(path).find(Bytes(32, 'n')), Bytes::npos);
  const auto again = open();
  EXPECT_EQ(again->size(), 2u);
  EXPECT_EQ(again->of(*OrganisationId::from(Bytes(32, 'n'))).size(), 1u);
  EXPECT_EQ(again->keep(promise('m', 2)).error().kind, ErrorKind::conflict);
  EXPECT_EQ(again->keep(promise('m', 2, 'r')).error().kind, ErrorKind::conflict);  // the same access, for another request
  EXPECT_TRUE(again->keep(promise('m', 3, 'r')));
}

TEST_F(Promises, ATornEndIsPutAsideAndCut) {
  ASSERT_TRUE(open()->keep(promise('n', 1)));
  const Bytes whole = contents(path);
  ASSERT_TRUE(open()->keep(promise('n', 2)));
  const Bytes two = contents(path);
  for (std::size_t size = whole.size() + 1; size < two.size(); ++size) {
    put(two.substr(0, size));
    const auto book = open();
    EXPECT_EQ(book->size(), 1u);
    EXPECT_EQ(book->torn_bytes(), size - whole.size());
    EXPECT_EQ(contents(path), whole);
    const Bytes end = two.substr(whole.size(), size - whole.size());
    EXPECT_EQ(contents(path + ".torn"), u64_bytes(whole.size()) + u64_bytes(end.size()) + end);
    ASSERT_TRUE(system_files().remove(path + ".torn"));
  }
  EXPECT_EQ(open()->torn_bytes(), 0u);
}

// Lengths, nonces, sealed bytes: none of them makes an edit look like a crash while there is a promise behind it.
TEST_F(Promises, AFlippedBitAnywhereIsFoundAndNothingIsCut) {
  std::size_t last = 0;
  for (std::uint64_t time = 1; time <= 4; ++time) {
    last = time == 1 ? 0 : contents(path).size();
    ASSERT_TRUE(open()->keep(promise('n', time)));
  }
  const Bytes sound = contents(path);
  EXPECT_EQ(*PromiseBook::verify(path, *keys, system_files()), 4u);
  for (std::size_t bit = 0; bit < sound.size() * 8; bit += bit % 8 == 7 ? 1 : 9) {  // another one of each byte
    Bytes edited = sound;
    edited[bit / 8] = static_cast<char>(edited[bit / 8] ^ (1 << bit % 8));
    put(edited);
    ASSERT_EQ(PromiseBook::verify(path, *keys, system_files()).error().kind, ErrorKind::corrupt) << "bit " << bit;
    if (bit / 8 >= last) continue;  // the very last one may be a broken append
    const auto book = PromiseBook::open(path, *keys, system_files(), system_entropy());
    ASSERT_FALSE(book) << "bit " << bit;
    ASSERT_EQ(book.error().kind, ErrorKind::corrupt);
    ASSERT_EQ(contents(path), edited);
  }
  EXPECT_FALSE(system_files().exists(path + ".torn"));
}

TEST_F(Promises, MoreThanOneAppendBehindTheLastPromiseIsDamage) {
  ASSERT_TRUE(open()->keep(promise('n', 1)));
  put(contents(path) + Bytes(5000, '\0'));
  EXPECT_EQ(PromiseBook::open(path, *keys, system_files(), system_entropy()).error().kind, ErrorKind::corrupt);
}

TEST_F(Promises, ACopyHasThePromisesThatAreWholeAndIsNotMadeOfDamage) {
  ASSERT_TRUE(open()->keep(promise('n', 1)));
  const Bytes whole = contents(path);
  put(whole + whole.substr(0, 20));  // an append under way
  ASSERT_TRUE(PromiseBook::copy(path, path + ".copy", *keys, system_files()));
  EXPECT_EQ(contents(path + ".copy"), whole);
  put(Bytes(1, static_cast<char>(whole[0] ^ 1)) + whole.substr(1) + whole);
  EXPECT_EQ(PromiseBook::copy(path, path + ".other", *keys, system_files()).error().kind, ErrorKind::corrupt);
}

class PromisesCrash : public Promises, public ::testing::WithParamInterface<FaultyFiles::Loss> {};
INSTANTIATE_TEST_SUITE_P(Faults, PromisesCrash,
                         ::testing::Values(FaultyFiles::Loss::none, FaultyFiles::Loss::unsynced, FaultyFiles::Loss::torn));

TEST_P(PromisesCrash, AtAnyStepNothingKeptIsLost) {
  constexpr std::uint64_t kSteps = 9;  // the file, and two of each of four promises
  for (std::uint64_t step = 1; step <= kSteps + 1; ++step) {
    const TestFolder fresh;
    const std::string file = fresh.path() + "/promises";
    FaultyFiles files(system_files());
    files.stop_at_step(step);
    std::uint64_t kept = 0;
    if (auto book = PromiseBook::open(file, *keys, files, system_entropy()))
      while (kept < 4 && (*book)->keep(promise('n', kept + 1))) ++kept;
    EXPECT_EQ(kept == 4, step > kSteps);
    ASSERT_TRUE(files.restart(GetParam(), step));
    const auto book = PromiseBook::open(file, *keys, files, system_entropy());
    ASSERT_TRUE(book) << "step " << step << ": " << book.error().message;
    EXPECT_GE((*book)->size(), kept);
    EXPECT_TRUE((*book)->keep(promise('n', 9)));
  }
}

}  // namespace
}  // namespace careledger::exchange
