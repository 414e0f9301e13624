#include "proof/chain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/hash.h"
#include "proof/test_vectors.h"

namespace careledger::proof {
namespace {

using testing::read_json;
using testing::truth_at;

Bytes hex_at(const codec::json::Value& value, const char* key) { return from_hex(value.string_at(key)).value(); }

const codec::json::Document& vectors() {
  static const codec::json::Document document = read_json("comet/chain.json");
  return document;
}

LightBlock light_block(const codec::json::Value& vector) {
  return {decode_signed_header(hex_at(vector, "signed_header")).value(), decode_validators(hex_at(vector, "validators")).value()};
}

std::vector<LightBlock> light_blocks() {
  std::vector<LightBlock> out;
  for (const auto& vector : vectors().root().items_at("light_blocks")) out.push_back(light_block(vector));
  return out;
}

TEST(Chain, HasTheHashesAndBytesOfCometBft) {
  for (const auto& vector : vectors().root().items_at("light_blocks")) {
    const Header header = decode_header(hex_at(vector, "header")).value();
    EXPECT_EQ(to_hex(hash_of(header)), to_hex(hex_at(vector, "header_hash")));
    EXPECT_EQ(encode(header), hex_at(vector, "header"));
    EXPECT_EQ(to_rfc3339(header.time), vector.string_at("time"));
    const Commit commit = decode_commit(hex_at(vector, "commit")).value();
    EXPECT_EQ(to_hex(hash_of(commit)), to_hex(hex_at(vector, "commit_hash")));
    const LightBlock block = light_block(vector);
    EXPECT_EQ(encode(block.signed_header), hex_at(vector, "signed_header"));
    EXPECT_EQ(to_hex(hash_of(block.validators)), vector.string_at("validators_hash"));
    EXPECT_TRUE(check(block.validators));
    ValidatorSet shuffled = block.validators;
    std::reverse(shuffled.validators.begin(), shuffled.validators.end());
    sort(shuffled);
    EXPECT_EQ(hash_of(shuffled), hash_of(block.validators));
    std::size_t index = 0;
    for (const auto& bytes : vector.items_at("sign_bytes")) {
      EXPECT_EQ(to_hex(vote_sign_bytes(header.chain_id, commit, index++)), bytes.text());
    }
  }
}

TEST(Chain, JudgesCommitsAsCometBftDoes) {
  std::size_t refused = 0;
  for (const auto& vector : vectors().root().items_at("light_blocks")) {
    const LightBlock block = light_block(vector);
    const bool holds = verify_commit(block.signed_header, block.validators).has_value();
    EXPECT_EQ(holds, truth_at(vector, "verifies")) << block.signed_header.header.height;
    refused += holds ? 0 : 1;
  }
  EXPECT_EQ(refused, 1u);
}

Block block_of(const codec::json::Value& vector) {
  Block block;
  block.header = decode_header(hex_at(vector, "header")).value();
  block.last_commit = decode_commit(hex_at(vector, "last_commit")).value();
  for (const auto& tx : vector.items_at("txs")) {
    if (tx.text() != "pattern") {
      block.txs.push_back(from_hex(tx.text()).value());
      continue;
    }
    Bytes pattern(150000, '\0');
    for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<char>(i * 7);
    block.txs.push_back(pattern);
  }
  return block;
}

TEST(Chain, CutsBlocksIntoThePartsOfCometBft) {
  std::size_t count = 0;
  for (const auto& vector : vectors().root().items_at("blocks")) {
    const Block block = block_of(vector);
    const Bytes bytes = encode(block);
    EXPECT_EQ(crypto::sha256(bytes).hex(), vector.string_at("sha256"));
    const BlockId id = block_id_of(block);
    EXPECT_EQ(id.parts.total, testing::number_at(vector, "parts_total"));
    EXPECT_EQ(id.parts.hash, hex_at(vector, "parts_hash"));
    EXPECT_EQ(id.hash, hex_at(vector, "hash"));
    EXPECT_EQ(data_hash(block.txs), hex_at(vector, "data_hash"));
    EXPECT_EQ(hash_of(*block.last_commit), hex_at(vector, "last_commit_hash"));
    EXPECT_EQ(encode(decode_block(bytes).value()), bytes);
    ++count;
  }
  EXPECT_EQ(count, 4u);
}

TEST(Chain, HashesTheSmallThingsAsCometBftDoes) {
  const auto& small = *vectors().root().find("small");
  const std::vector<TxResult> results{{0, "receipts", 0, 0}, {7, "", 5, 4}, {}};
  EXPECT_EQ(to_hex(results_hash(results)), small.string_at("results_hash"));
  EXPECT_EQ(to_hex(results_hash({})), small.string_at("no_results_hash"));
  EXPECT_EQ(to_hex(params_hash({1048576, -1})), small.string_at("params_hash"));
  EXPECT_EQ(to_hex(empty_evidence_hash()), small.string_at("evidence_hash"));
  EXPECT_EQ(to_hex(hash_of(Commit{})), to_hex(hex_at(small, "empty_commit_hash")));
  EXPECT_EQ(to_hex(vote_sign_bytes("cl-x", 5, 0, {}, {0, 0})), small.string_at("nil_vote_sign_bytes"));
  EXPECT_EQ(to_rfc3339(Time{}), small.string_at("zero_time"));
  EXPECT_EQ(to_hex(address_of(*crypto::PublicKey::from(hex_at(small, "public_key")))), to_hex(hex_at(small, "address")));
}

TEST(Chain, TimesKeepTheirMilliseconds) {
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1764000000123}, std::int64_t{-1}, std::int64_t{-1001}}) {
    EXPECT_EQ(block_time(time_from({ms})).value, ms);
  }
  EXPECT_EQ(to_rfc3339({1764000000, 500000000}), "2025-11-24T16:00:00.5Z");
  EXPECT_EQ(to_rfc3339({0, 0}), "1970-01-01T00:00:00Z");
}

TEST(Chain, OneFlippedBitAnywhereIsRefused) {
  const LightBlock block = light_blocks()[3];
  const Bytes good = encode(block.signed_header);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    const auto decoded = decode_signed_header(bad);
    EXPECT_FALSE(decoded && verify_commit(*decoded, block.validators)) << i;
  }
}

Result<void> follow(const LightBlock& trusted, const std::vector<LightBlock>& chain, Time now) {
  const LightBlock* last = &trusted;
  for (const LightBlock& next : chain) {
    CARELEDGER_CHECK(verify_follows(*last, next, now));
    last = &next;
  }
  return {};
}

TEST(Light, FollowsAdjacentAndSkippingHeaders) {
  const auto blocks = light_blocks();
  const Time now{1764000060, 0};
  EXPECT_TRUE(verify_adjacent(blocks[0].signed_header, blocks[1], now));
  EXPECT_TRUE(verify_adjacent(blocks[1].signed_header, blocks[2], now));
  EXPECT_TRUE(verify_non_adjacent(blocks[2], blocks[7], now));
  EXPECT_TRUE(follow(blocks[0], {blocks[1], blocks[2], blocks[3], blocks[5], blocks[7]}, now));
  // Well signed, and by nobody that the trusted set knows.
  EXPECT_TRUE(verify_commit(blocks[8].signed_header, blocks[8].validators));
  EXPECT_FALSE(verify_non_adjacent(blocks[2], blocks[8], now));
  EXPECT_FALSE(follow(blocks[2], {blocks[3], blocks[8]}, now));
  EXPECT_FALSE(verify_adjacent(blocks[2].signed_header, blocks[5], now));
  EXPECT_FALSE(verify_adjacent(blocks[3].signed_header, blocks[2], now));
}

TEST(Light, KeepsTheTrustingPeriodAndTheClock) {
  const auto blocks = light_blocks();
  EXPECT_FALSE(verify_adjacent(blocks[0].signed_header, blocks[1], {1764000000 + 14 * 86400 + 1, 0}));
  EXPECT_FALSE(verify_adjacent(blocks[0].signed_header, blocks[1], {1763999000, 0}));
  TrustRules rules;
  rules.denominator = 4;
  EXPECT_FALSE(verify_adjacent(blocks[0].signed_header, blocks[1], {1764000060, 0}, rules));
}

TEST(Chain, RefusesImpossibleValidatorSets) {
  EXPECT_FALSE(check(ValidatorSet{}));
  const crypto::PublicKey key;
  EXPECT_FALSE(check(ValidatorSet{{{key, 0, 0}}}));
  EXPECT_FALSE(check(ValidatorSet{{{key, 5, 0}, {key, 5, 0}}}));
  EXPECT_FALSE(check(ValidatorSet{{{key, 5, 0}, {key, 4, 0}}}));
  EXPECT_FALSE(check(ValidatorSet{{{key, INT64_MAX, 0}}}));
}

}  // namespace
}  // namespace careledger::proof
