#include "kernel/command.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/hash.h"
#include "kernel/canonical.h"
#include "kernel/sign.h"
#include "kernel/test_keys.h"

namespace careledger::kernel {
namespace {

const CommandOrder kOrder{test_id<LedgerId>(1), test_id<AccountId>(2), 7, {1'800'000'000'000}, {3}};

ledger::SignedCommand sample(std::size_t payload = 40) {
  const auto key = test_key(1);
  return sign_command(kOrder, Bytes(payload, 'p'), Signer{1, &key});
}

Bytes with_unknown_field(Bytes bytes) { return bytes + Bytes("\xf8\x07\x01", 3); }

TEST(Command, KeepsWhatWasSigned) {
  const auto command = sample();
  const auto received = receive_bytes(encode(command));
  ASSERT_EQ(received.verdict, KernelCode::ok);
  EXPECT_EQ(received.ledger, kOrder.ledger);
  EXPECT_EQ(received.actor, kOrder.actor);
  EXPECT_EQ(received.sequence, 7u);
  EXPECT_EQ(received.expires, kOrder.expires);
  EXPECT_EQ(received.contract, kOrder.contract);
  EXPECT_EQ(received.payload, Bytes(40, 'p'));
  ASSERT_EQ(received.signatures.size(), 1u);
  EXPECT_EQ(received.signed_bytes, Bytes("\0\0\0\x14", 4) + "careledger/command/1" + command.command());
  EXPECT_EQ(received.digest, crypto::sha256(received.signed_bytes));
  EXPECT_EQ(received.digest, digest_of(command));
  EXPECT_TRUE(crypto::verify(test_key(1).public_key(), received.signed_bytes, received.signatures[0].signature));
}

TEST(Command, RefusesWhatIsNotCanonical) {
  const auto is_malformed = [](const Bytes& bytes) { return receive_bytes(bytes).verdict == KernelCode::malformed; };
  const Bytes good = encode(sample());
  EXPECT_TRUE(is_malformed(""));
  EXPECT_TRUE(is_malformed(with_unknown_field(good)));
  EXPECT_TRUE(is_malformed(good.substr(0, good.size() - 1)));
  EXPECT_TRUE(is_malformed(good + good));  // the last field of each kind would win

  auto inside = sample();
  inside.set_command(with_unknown_field(inside.command()));
  EXPECT_TRUE(is_malformed(encode(inside)));
  auto signature = encode(sample().signatures(0));
  const auto wrap = [&](const Bytes& wrapped) {  // a SignedCommand around any bytes of a signature
    ledger::SignedCommand bare = sample();
    bare.clear_signatures();
    return encode(bare) + Bytes("\x12") + static_cast<char>(wrapped.size()) + wrapped;
  };
  EXPECT_FALSE(is_malformed(wrap(signature)));
  EXPECT_TRUE(is_malformed(wrap(with_unknown_field(signature))));

  auto longer = sample();  // sequence 7 as two bytes: 0x87 0x00
  const auto at = longer.command().find(Bytes("\x18\x07", 2));
  ASSERT_NE(at, Bytes::npos);
  longer.mutable_command()->replace(at, 2, Bytes("\x18\x87\x00", 3));
  EXPECT_TRUE(is_malformed(encode(longer)));
}

TEST(Command, RefusesFieldsOfTheWrongSize) {
  const auto verdict = [](auto change) {
    ledger::Command command;
    EXPECT_TRUE(command.ParseFromString(sample().command()));
    change(command);
    auto changed = sample();
    changed.set_command(encode(command));
    return receive(changed).verdict;
  };
  EXPECT_EQ(verdict([](auto&) {}), KernelCode::ok);
  EXPECT_EQ(verdict([](auto& c) { c.set_ledger("short"); }), KernelCode::malformed);
  EXPECT_EQ(verdict([](auto& c) { c.set_actor(Bytes(33, 'x')); }), KernelCode::malformed);
  EXPECT_EQ(verdict([](auto& c) { c.set_sequence(0); }), KernelCode::malformed);
  EXPECT_EQ(verdict([](auto& c) { c.set_contract(0); }), KernelCode::malformed);
  EXPECT_EQ(verdict([](auto& c) { c.set_contract(0x10000); }), KernelCode::malformed);
  EXPECT_EQ(verdict([](auto& c) { c.set_contract(0xffff); }), KernelCode::ok);
}

TEST(Command, WantsOneToEightSignatures) {
  const auto verdict = [](int count) {
    auto command = sample();
    const auto signature = command.signatures(0);
    command.clear_signatures();
    for (int i = 0; i < count; ++i) *command.add_signatures() = signature;
    return receive(command).verdict;
  };
  EXPECT_EQ(verdict(0), KernelCode::malformed);
  EXPECT_EQ(verdict(1), KernelCode::ok);
  EXPECT_EQ(verdict(8), KernelCode::ok);
  EXPECT_EQ(verdict(9), KernelCode::malformed);
  auto other = sample();
  other.mutable_signatures(0)->set_algorithm(2);
  EXPECT_EQ(receive(other).verdict, KernelCode::malformed);
  other.mutable_signatures(0)->set_algorithm(1);
  other.mutable_signatures(0)->set_signature(Bytes(63, 's'));
  EXPECT_EQ(receive(other).verdict, KernelCode::malformed);
}

TEST(Command, IsAtMost64KiB) {
  const std::size_t around = encode(sample(60'000)).size() - 60'000;
  const auto at_limit = sample(kCommandSizeMax - around);
  EXPECT_EQ(encode(at_limit).size(), kCommandSizeMax);
  EXPECT_EQ(receive(at_limit).verdict, KernelCode::ok);
  const auto over = sample(kCommandSizeMax - around + 1);
  EXPECT_EQ(receive(over).verdict, KernelCode::too_large);
  EXPECT_EQ(receive_bytes(encode(over)).verdict, KernelCode::too_large);
}

RC_GTEST_PROP(Command, AChangedByteIsRefusedOrChangesTheMessage, ()) {
  const Bytes good = encode(sample(8));
  Bytes bad = good;
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bad.size());
    bad[at] = *rc::gen::arbitrary<char>();
  }
  const auto received = receive_bytes(bad);
  if (received.verdict != KernelCode::ok) return;
  ledger::SignedCommand parsed;
  RC_ASSERT(parsed.ParseFromString(bad));
  RC_ASSERT(encode(parsed) == bad);  // one message, one encoding
  ledger::Command inner;
  RC_ASSERT(inner.ParseFromString(parsed.command()));
  RC_ASSERT(encode(inner) == parsed.command());
  const bool same_command = parsed.command() == sample(8).command();
  RC_ASSERT((received.digest == digest_of(sample(8))) == same_command);
}

Result<ReceivedBatch> batch_of(std::span<const ledger::SignedCommand> commands) {
  const auto key = test_key(9);
  return receive_batch(encode(sign_batch(test_id<AccountId>(5), 3, commands, Signer{2, &key})));
}

TEST(Batch, KeepsItsCommandsInOrder) {
  auto broken = sample();
  broken.set_command(with_unknown_field(broken.command()));
  const std::vector commands{sample(1), broken, sample(2)};
  const auto batch = batch_of(commands);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->organisation, test_id<AccountId>(5));
  EXPECT_EQ(batch->sequence, 3u);
  ASSERT_EQ(batch->commands.size(), 3u);
  EXPECT_EQ(batch->commands[0].payload, "p");
  EXPECT_EQ(batch->commands[1].verdict, KernelCode::malformed);  // one bad command never voids a batch
  EXPECT_EQ(batch->commands[1].digest, digest_of(broken));
  EXPECT_EQ(batch->commands[2].payload, "pp");
  EXPECT_TRUE(crypto::verify(test_key(9).public_key(), batch->signed_bytes, batch->signatures[0].signature));
}

TEST(Batch, HasLimits) {
  EXPECT_EQ(batch_of({}).error().kind, ErrorKind::malformed);
  EXPECT_EQ(receive_batch(Bytes(kBatchSizeMax + 1, 'x')).error().kind, ErrorKind::too_large);
  EXPECT_EQ(receive_batch("x").error().kind, ErrorKind::malformed);
  const std::vector many(9, sample(60'000));
  EXPECT_EQ(batch_of(many).error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace careledger::kernel
