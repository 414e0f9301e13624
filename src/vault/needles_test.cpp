#include "vault/needles.h"

#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "base/test_folder.h"
#include "vault/page_token.h"

namespace careledger::vault {
namespace {

TEST(Needles, APlantedNeedleIsFoundInEveryEncoding) {
  const auto needles = Needles::of({"Featherstonehaugh", "1970-01-02"});
  ASSERT_TRUE(needles);
  TestFolder folder;
  ASSERT_TRUE(system_files().make_folder(folder.path() + "/deep/er"));
  ASSERT_TRUE(system_files().replace(folder.path() + "/deep/er/file", Bytes((1u << 20) - 20, 'z') + Needles::planted("Featherstonehaugh")));
  auto hits = needles->search_folder(folder.path());
  ASSERT_TRUE(hits) << hits.error().message;
  std::set<std::string> encodings;
  for (const NeedleHit& hit : *hits) encodings.insert(hit.encoding);
  EXPECT_EQ(encodings.size(), Needles::encodings());
  EXPECT_EQ(hits->size(), Needles::encodings());
}

TEST(Needles, InsideBase64OfALongerTextAtAnyOffset) {
  const auto needles = Needles::of({"Featherstonehaugh"});
  for (std::size_t offset = 0; offset < 7; ++offset) {
    const Bytes text = to_base64(Bytes(offset, 'a') + "Featherstonehaugh" + "tail");
    EXPECT_EQ(needles->search(text, "text").size(), 1u) << offset;
  }
}

TEST(Needles, NothingIsFoundWhereNothingIs) {
  const auto needles = Needles::of({"Featherstonehaugh"});
  EXPECT_TRUE(needles->search(system_entropy().take(1u << 20), "noise").empty());
  EXPECT_TRUE(needles->search("featherstonehaug", "text").empty());
  EXPECT_FALSE(Needles::of({"short"}));
}

class PageTokenTest : public ::testing::Test {
 protected:
  crypto::Secret key = crypto::Secret::random(system_entropy(), 32);
  Digest query = system_entropy().take_id<Digest>();
  PageToken token{query, 7, "last-id", "org/Practitioner/1/clinician", 5000};
  std::string text = seal_page_token(token, key, system_entropy());
};

TEST_F(PageTokenTest, OpensForWhomItWasMade) {
  auto opened = open_page_token(text, query, token.principal, {4999}, key);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->sequence, 7u);
  EXPECT_EQ(opened->last, "last-id");
}

TEST_F(PageTokenTest, IsRefusedForAnythingElse) {
  EXPECT_FALSE(open_page_token(text, query, "somebody else", {0}, key));
  EXPECT_FALSE(open_page_token(text, system_entropy().take_id<Digest>(), token.principal, {0}, key));
  EXPECT_FALSE(open_page_token(text, query, token.principal, {5000}, key));
  EXPECT_FALSE(open_page_token(text, query, token.principal, {0}, crypto::Secret::random(system_entropy(), 32)));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string bent = text;
    bent[i] = bent[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(open_page_token(bent, query, token.principal, {0}, key)) << i;
  }
  EXPECT_FALSE(open_page_token("", query, token.principal, {0}, key));
}

}  // namespace
}  // namespace careledger::vault
