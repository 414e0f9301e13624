#include "kernel/execute.h"

#include <gtest/gtest.h>

#include "kernel/canonical.h"
#include "kernel/sign.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"

namespace careledger::kernel {
namespace {

// A contract of two words: "note" puts a row and tells of it, anything else is refused with code 7; "" does not decode.
constexpr ContractId kNotes{0x7000};
constexpr Table<Activation, Counter> kNoteRows{{0x70}, "notes"};

struct Note final : Prepared {
  Bytes word;
  Code decide(const Call& call, const Reader& state) const override {
    seen_height = call.height;
    if (state.has(kNoteRows, 1) && word == "once") return {kNotes, 8};
    return {kNotes, static_cast<std::uint16_t>(word == "note" || word == "once" ? 0 : 7)};
  }
  void apply(const Call& call, Writer& state) const override {
    Activation row;
    row.set_height(call.height.value);
    state.put(kNoteRows, row, 1);
    state.emit(row);
  }
  static inline Height seen_height;
};

Result<std::unique_ptr<const Prepared>, DecodeError> decode(ByteView payload) {
  if (payload.empty()) return tl::make_unexpected(DecodeError{});
  auto note = std::make_unique<Note>();
  note->word = Bytes(payload);
  return std::unique_ptr<const Prepared>(std::move(note));
}
constexpr CodeName kNoteCodes[] = {{0, "ok"}, {7, "no_note"}, {8, "noted"}};
void write_down(const Misbehaviour& what, Height block, Writer& state) {
  Activation row;
  row.set_height(block.value);
  state.put(kNoteRows, row, what.kind);
}
const Contract kContracts[] = {{kNotes, "notes", {1}, &decode, {}, kNoteCodes, nullptr, &write_down}};

class TestHost final : public Host {
 public:
  bool holds(const crypto::PublicKey& key, ByteView bytes, const crypto::Signature& signature) override {
    return crypto::verify(key, bytes, signature);
  }
  bool too_deep(const Key& added) override { return added.space() == refused; }
  Space refused{0};
};

Founding sample_founding() {
  Founding founding;
  founding.set_format(1);
  founding.set_name("test");
  founding.set_created_ms(1'800'000'000'000);
  *founding.mutable_founder() = single_key(test_key(1).public_key());
  add_key(*founding.mutable_founder(), KeyRole::batch, test_key(2).public_key());
  founding.set_founder_nonce(Bytes(32, 'n'));
  founding.set_protocol(1);
  return founding;
}

class Execute : public testing::Test {
 protected:
  Execute() {
    Overlay genesis(rows_);
    write_genesis(founding_, kContracts, genesis);
    rows_.apply(genesis.take());
  }

  ReceivedCommand note(std::uint64_t sequence, ByteView word, std::uint8_t key = 1) {
    const auto signing = test_key(key);
    return receive(sign_command({block_.ledger, founder_, sequence, {block_.time.value + 1000}, kNotes}, word, Signer{1, &signing}));
  }
  Effect run(const ReceivedCommand& command) {
    auto effect = execute_command(command, block_, rows_, kContracts, host_);
    rows_.apply(effect.changes);
    return effect;
  }

  Founding founding_ = sample_founding();
  AccountId founder_ = account_id(founding_.founder(), founding_.founder_nonce());
  BlockContext block_{ledger_id(encode(founding_)), {5}, {1'800'000'000'500}, {1}};
  MemoryRows rows_;
  TestHost host_;
};

TEST_F(Execute, WritesRowsSequenceAndEventsTogether) {
  const auto effect = run(note(1, "note"));
  EXPECT_TRUE(effect.code.ok());
  EXPECT_EQ(effect.code.contract, kNotes);
  EXPECT_EQ(effect.changes.size(), 2u);
  EXPECT_TRUE(effect.changes.contains(kSequences.key(founder_)));
  EXPECT_TRUE(effect.changes.contains(kNoteRows.key(1)));
  ASSERT_EQ(effect.events.size(), 1u);
  EXPECT_EQ(effect.events[0].contract, kNotes);
  EXPECT_EQ(Note::seen_height, Height{5});
}

TEST_F(Execute, ARefusedCommandConsumesItsNumberAndNothingElse) {
  for (const ByteView word : {"other", ""}) {
    const auto effect = run(note(word.empty() ? 1 : 2, word));
    EXPECT_FALSE(effect.code.ok());
    ASSERT_EQ(effect.changes.size(), 1u);
    EXPECT_EQ(effect.changes.begin()->first, kSequences.key(founder_));
    EXPECT_TRUE(effect.events.empty());
  }
  EXPECT_EQ(run(note(1, "note")).code, code_of(KernelCode::replayed));
}

TEST_F(Execute, AForgedCommandChangesNothing) {
  const auto effect = run(note(1, "note", 3));
  EXPECT_EQ(effect.code, code_of(KernelCode::bad_signature));
  EXPECT_TRUE(effect.changes.empty());
  EXPECT_TRUE(run(note(1, "note")).code.ok());
}

TEST_F(Execute, TooDeepDropsTheRows) {
  host_.refused = kNoteRows.space;
  const auto effect = run(note(1, "note"));
  EXPECT_EQ(effect.code, code_of(KernelCode::too_deep));
  EXPECT_EQ(effect.changes.size(), 1u);
  EXPECT_TRUE(effect.events.empty());
  host_.refused = kSequences.space;  // the number itself would be: this row exists already, so it is not asked about
  EXPECT_TRUE(run(note(2, "note")).code.ok());
}

TEST_F(Execute, TooDeepASequenceRowConsumesNothing) {
  host_.refused = kSequences.space;
  const auto effect = run(note(1, "note"));
  EXPECT_EQ(effect.code, code_of(KernelCode::too_deep));
  EXPECT_TRUE(effect.changes.empty());
}

TEST_F(Execute, CheckForetellsTheCodeWithoutWriting) {
  const auto check = [&](const ReceivedCommand& command) { return check_command(command, block_, rows_, kContracts, direct_verdicts()); };
  const auto before = rows_.rows();
  EXPECT_TRUE(check(note(1, "once")).ok());
  EXPECT_EQ(check(note(1, "other")), (Code{kNotes, 7}));
  EXPECT_EQ(check(note(1, "")), code_of(KernelCode::payload_malformed));
  EXPECT_EQ(check(note(1, "note", 3)), code_of(KernelCode::bad_signature));
  EXPECT_EQ(rows_.rows(), before);
  run(note(1, "once"));
  EXPECT_EQ(check(note(1, "once")), code_of(KernelCode::replayed));
  EXPECT_EQ(check(note(2, "once")), (Code{kNotes, 8}));
}

TEST_F(Execute, CodesHaveNames) {
  EXPECT_EQ(code_name(kContracts, {kNotes, 7}), "no_note");
  EXPECT_EQ(code_name(kContracts, code_of(KernelCode::replayed)), "replayed");
  EXPECT_EQ(code_name(kContracts, {kNotes, 99}), "");
  EXPECT_EQ(code_name(kContracts, {{9}, 0}), "");
  for (std::size_t i = 0; i < kKernelCodes.size(); ++i) EXPECT_EQ(kKernelCodes[i].number, i);
}

TEST_F(Execute, EnvelopesComeFromMembersUnderTheirBatchKey) {
  const auto verdict = [&](const AccountId& organisation, std::uint32_t number, std::uint8_t key) {
    const auto command_key = test_key(1);
    const auto batch_key = test_key(key);
    const auto command = sign_command({block_.ledger, founder_, 1, block_.time, kNotes}, "note", Signer{1, &command_key});
    const auto batch = receive_batch(encode(sign_batch(organisation, 1, std::span(&command, 1), Signer{number, &batch_key})));
    return check_envelope(*batch, block_.time, rows_, direct_verdicts());
  };
  EXPECT_EQ(verdict(founder_, 2, 2), KernelCode::ok);
  EXPECT_EQ(verdict(founder_, 1, 1), KernelCode::bad_signature);  // never one key for two jobs
  EXPECT_EQ(verdict(founder_, 2, 3), KernelCode::bad_signature);
  EXPECT_EQ(verdict(test_id<AccountId>(9), 2, 2), KernelCode::unknown_actor);
  auto account = *Reader(rows_).get(kAccounts, founder_);
  account.set_status(static_cast<std::uint32_t>(AccountStatus::suspended));
  rows_.apply({{kAccounts.key(founder_), RowValue(encode(account))}});
  EXPECT_EQ(verdict(founder_, 2, 2), KernelCode::actor_not_active);
  account.set_kind(static_cast<std::uint32_t>(AccountKind::patient));
  rows_.apply({{kAccounts.key(founder_), RowValue(encode(account))}});
  EXPECT_EQ(verdict(founder_, 2, 2), KernelCode::unknown_actor);
}

TEST_F(Execute, TheLedgerIdCoversTheWholeFoundingDocument) {
  const auto id = ledger_id(encode(founding_));
  founding_.set_epoch_ms(1);
  EXPECT_NE(ledger_id(encode(founding_)), id);
  EXPECT_EQ(chain_id(id).size(), 43u);
  EXPECT_TRUE(chain_id(id).starts_with("cl-"));
  EXPECT_EQ(chain_id(id).substr(3), id.hex().substr(0, 40));
}

TEST_F(Execute, GenesisSaysTheProtocolAndTheFounder) {
  const Reader state(rows_);
  EXPECT_EQ(protocol_at(state, {1}), ProtocolVersion{1});
  EXPECT_EQ(encode(*state.get(kFounding, 0)), encode(founding_));
  EXPECT_EQ(state.get(kAccounts, founder_)->kind(), 1u);
  Activation second;
  second.set_height(100);
  rows_.apply({{kActivations.key(2), RowValue(encode(second))}});
  EXPECT_EQ(protocol_at(state, {99}), ProtocolVersion{1});
  EXPECT_EQ(protocol_at(state, {100}), ProtocolVersion{2});
}

TEST_F(Execute, OldAuthoritiesStayReadableAsOfTheirBlock) {
  const auto replace_at = [&](Height height, std::uint8_t key) {
    Overlay overlay(rows_);
    Meter meter;
    std::vector<Event> events;
    Writer writer(overlay, meter, kNotes, events);
    const Call call{height, block_.time, {1}, block_.ledger, founder_, {}};
    replace_authority(writer, call, founder_, *writer.get(kAccounts, founder_), single_key(test_key(key).public_key()));
    rows_.apply(overlay.take());
  };
  replace_at({10}, 10);
  replace_at({20}, 20);
  const auto key_at = [&](std::uint64_t height) {
    return crypto::PublicKey::from(authority_at(Reader(rows_), founder_, {height})->keys(0).public_key());
  };
  EXPECT_EQ(key_at(9), test_key(1).public_key());
  EXPECT_EQ(key_at(10), test_key(10).public_key());
  EXPECT_EQ(key_at(19), test_key(10).public_key());
  EXPECT_EQ(key_at(20), test_key(20).public_key());
  EXPECT_FALSE(authority_at(Reader(rows_), test_id<AccountId>(8), {1}));
}

TEST_F(Execute, ASoundWordAboutAValidatorIsWrittenDownAndNoOther) {
  const Misbehaviour sound{Bytes(20, 'v'), 1, 4, {1}, 10, 40};
  const auto rows_of = [&](const Misbehaviour& what) { return execute_misbehaviour(what, block_, rows_, kContracts, host_); };
  const Changes changes = rows_of(sound);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes.begin()->first, kNoteRows.key(1));
  Misbehaviour other = sound;
  other.kind = 2;
  EXPECT_EQ(rows_of(other).size(), 1u);
  for (const std::uint32_t kind : {0u, 3u, 0xffffffffu}) {
    other.kind = kind;
    EXPECT_TRUE(rows_of(other).empty()) << kind;
  }
  for (const std::int64_t height : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{5}, std::int64_t{6}, INT64_MIN, INT64_MAX}) {
    other = sound;
    other.height = height;  // the block's own is 5
    EXPECT_TRUE(rows_of(other).empty()) << height;
  }
  for (const std::size_t size : {0u, 19u, 21u, 32u}) {
    other = sound;
    other.validator.resize(size);
    EXPECT_TRUE(rows_of(other).empty()) << size;
  }
}

TEST_F(Execute, AWordAboutAValidatorIsLeftOutWhereItWouldLieTooDeepOrTheRulesAreOlder) {
  const Misbehaviour sound{Bytes(20, 'v'), 1, 4, {1}, 10, 40};
  host_.refused = kNoteRows.space;
  EXPECT_TRUE(execute_misbehaviour(sound, block_, rows_, kContracts, host_).empty());
  host_.refused = {0};
  block_.protocol = {0};
  EXPECT_TRUE(execute_misbehaviour(sound, block_, rows_, kContracts, host_).empty());
}

TEST(Metering, CountsRowsAndBytes) {
  MemoryRows rows;
  Overlay overlay(rows);
  Meter meter;
  std::vector<Event> events;
  Writer writer(overlay, meter, kNotes, events);
  Activation row;
  row.set_height(5);
  for (Counter i = 0; i < 3; ++i) writer.put(kNoteRows, row, i);
  EXPECT_EQ(writer.scan(kNoteRows, Limit{2}).size(), 2u);
  EXPECT_EQ(writer.scan(kNoteRows, Limit{9}).size(), 3u);
  writer.erase(kNoteRows, 1);
  EXPECT_FALSE(writer.has(kNoteRows, 1));
  EXPECT_EQ(meter.writes, 4u);
  EXPECT_EQ(meter.written_bytes, 6u);
  EXPECT_EQ(meter.reads, 3u + 4u + 1u);
  EXPECT_TRUE(meter.within_limits());
}

}  // namespace
}  // namespace careledger::kernel
