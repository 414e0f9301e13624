#include "ordering/abci/signed_steps.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/faulty_files.h"
#include "base/test_folder.h"
#include "base/test_stride.h"

namespace careledger::ordering::abci {
namespace {

class SignedStepsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(SignedSteps::create(files, file, at_height(0))); }
  static signer::Signed at_height(std::int64_t height) {
    signer::Signed out;
    out.set_chain_id("cl-test");
    out.set_height(height);
    out.set_sign_bytes(Bytes(150, 's'));
    out.set_signature(Bytes(64, 'g'));
    return out;
  }
  void append_up_to(std::int64_t height) {
    auto steps = SignedSteps::open(files, file);
    ASSERT_TRUE(steps);
    for (std::int64_t at = steps->newest().height() + 1; at <= height; ++at) ASSERT_TRUE(steps->append(at_height(at)));
  }
  std::int64_t stored() {
    const auto newest = SignedSteps::read(files, file);
    EXPECT_TRUE(newest);
    return newest ? newest->height() : -1;
  }
  void put(const Bytes& bytes) { std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes; }  // no crash here: no sync
  Bytes contents() { return *files.read_all(file, 1u << 20); }

  Files& files = system_files();
  TestFolder folder;
  std::string file = folder.path() + "/signed";
};

TEST_F(SignedStepsTest, TheNewestCountsAndTheFileStaysShort) {
  append_up_to(1500);
  EXPECT_EQ(stored(), 1500);
  EXPECT_LT(contents().size(), 300'000);
  append_up_to(1500);  // opened once more: one record is left
  EXPECT_LT(contents().size(), 400);
  EXPECT_EQ(stored(), 1500);
}

TEST_F(SignedStepsTest, OnlyTheBeginningOfARecordIsTakenForOneThatWasBrokenOff) {
  append_up_to(1);
  append_up_to(1);  // opened once more: one record is left
  const Bytes before = contents();
  append_up_to(2);
  const Bytes record = contents().substr(before.size());
  for (std::size_t kept = 0; kept < record.size(); ++kept) {
    put(before + record.substr(0, kept));
    EXPECT_EQ(stored(), 1) << kept;
  }
  for (std::size_t at = 0; at < record.size(); ++at) {
    Bytes changed = record;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put(before + changed);
    EXPECT_EQ(SignedSteps::read(files, file).error().kind, ErrorKind::corrupt) << at;
  }
  put(record.substr(0, record.size() - 1));  // the first record is never a part of one
  EXPECT_EQ(SignedSteps::open(files, file).error().kind, ErrorKind::corrupt);
}

TEST_F(SignedStepsTest, WhatWasAppendedSurvivesACrashAtEveryStep) {
  for (const FaultyFiles::Loss loss : {FaultyFiles::Loss::none, FaultyFiles::Loss::unsynced, FaultyFiles::Loss::torn}) {
    for (std::uint64_t seed = 0, stop = 1;; ++seed, stop += kTestStride) {
      ASSERT_TRUE(files.remove(file));
      ASSERT_TRUE(SignedSteps::create(files, file, at_height(0)));
      FaultyFiles faulty(files);
      std::int64_t done = 0;
      {
        auto steps = SignedSteps::open(faulty, file);
        ASSERT_TRUE(steps);
        faulty.stop_at_step(faulty.steps() + stop);
        while (done < 3 && steps->append(at_height(done + 1))) ++done;
        if (done < 3) EXPECT_EQ(steps->append(at_height(9)).error().kind, ErrorKind::precondition);
      }
      ASSERT_TRUE(faulty.restart(loss, seed));
      const auto newest = SignedSteps::read(files, file);
      if (newest) EXPECT_TRUE(newest->height() == done || newest->height() == done + 1) << stop << " " << newest->height();
      else EXPECT_TRUE(loss == FaultyFiles::Loss::torn && newest.error().kind == ErrorKind::corrupt) << newest.error().message;
      if (done == 3) break;
    }
  }
}

TEST_F(SignedStepsTest, OneThatIsThereIsNotMadeAnewAndOneThatIsGoneIsNotOpened) {
  EXPECT_EQ(SignedSteps::create(files, file, at_height(0)).error().kind, ErrorKind::conflict);
  ASSERT_TRUE(files.remove(file));
  EXPECT_EQ(SignedSteps::open(files, file).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(files.replace(file, ""));
  EXPECT_EQ(SignedSteps::open(files, file).error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace careledger::ordering::abci
