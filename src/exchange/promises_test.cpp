#include "exchange/promises.h"

#include <gtest/gtest.h>

#include "vault/test_folder.h"

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
  vault::TestFolder folder;
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
  EXPECT_EQ(system_files().read_all(path, 1 << 20)->find(Bytes(32, 'n')), Bytes::npos);
  const auto again = open();
  EXPECT_EQ(again->size(), 2u);
  EXPECT_EQ(again->of(*OrganisationId::from(Bytes(32, 'n'))).size(), 1u);
  EXPECT_EQ(again->keep(promise('m', 2)).error().kind, ErrorKind::conflict);
  EXPECT_EQ(again->keep(promise('m', 2, 'r')).error().kind, ErrorKind::conflict);  // the same access, for another request
  EXPECT_TRUE(again->keep(promise('m', 3, 'r')));
}

TEST_F(Promises, ATornEndIsCutAndAnEditedPromiseIsFound) {
  ASSERT_TRUE(open()->keep(promise('n', 1)));
  const Bytes whole = *system_files().read_all(path, 1 << 20);
  ASSERT_TRUE(open()->keep(promise('n', 2)));
  const Bytes two = *system_files().read_all(path, 1 << 20);
  ASSERT_TRUE(system_files().replace(path, two.substr(0, two.size() - 3)));
  EXPECT_EQ(open()->size(), 1u);
  EXPECT_EQ(system_files().read_all(path, 1 << 20)->size(), whole.size());
  Bytes edited = two;
  edited[whole.size() - 1] = static_cast<char>(edited[whole.size() - 1] ^ 1);
  ASSERT_TRUE(system_files().replace(path, edited));
  const auto book = PromiseBook::open(path, *keys, system_files(), system_entropy());
  ASSERT_FALSE(book);
  EXPECT_EQ(book.error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace careledger::exchange
