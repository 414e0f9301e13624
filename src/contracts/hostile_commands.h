// Commands that are well-formed enough to reach the rules and as odd as can be, made from any bytes: for fuzzing and for a property
// test. Ids come mostly from a small pool, so that they meet rows that exist.
#pragma once

#include <google/protobuf/message.h>

#include "contracts/access/access.pb.h"
#include "contracts/consent/consent.pb.h"
#include "contracts/governance/governance.pb.h"
#include "contracts/records/records.pb.h"
#include "contracts/test_ledger.h"

namespace careledger::contracts {

class HostileCommands {
 public:
  explicit HostileCommands(ByteView bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  void know(ByteView id) { pool_.emplace_back(id); }  // an id to put into commands

  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }

  build::Order order() {
    const ContractId contract{static_cast<std::uint16_t>(byte() % 6 + 1)};
    const auto payload = new_payload(contract);
    const auto* choices = payload->GetDescriptor()->oneof_decl(0);
    const auto* command = choices->field(byte() % choices->field_count());
    fill(*payload->GetReflection()->MutableMessage(payload.get(), command));
    return {contract, kernel::encode(*payload)};
  }

 private:
  using Field = google::protobuf::FieldDescriptor;

  static std::unique_ptr<google::protobuf::Message> new_payload(ContractId contract) {
    if (contract == build::kRegistry) return std::make_unique<registry::Payload>();
    if (contract == build::kRelationship) return std::make_unique<relationship::Payload>();
    if (contract == build::kConsent) return std::make_unique<consent::Payload>();
    if (contract == build::kRecords) return std::make_unique<records::Payload>();
    if (contract == build::kAccess) return std::make_unique<access::Payload>();
    return std::make_unique<governance::Payload>();
  }

  void fill(google::protobuf::Message& message) {
    const auto* descriptor = message.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const auto choice = byte();
      if (choice % 16 == 0) continue;  // left out
      fill_field(message, *descriptor->field(i), choice);
    }
  }

  void fill_field(google::protobuf::Message& message, const Field& field, std::uint8_t choice) {
    const auto* reflection = message.GetReflection();
    if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
      if (field.message_type() == ledger::Authority::descriptor() && choice % 4 != 0) {  // a sound one
        reflection->MutableMessage(&message, &field)->CopyFrom(TestLedger::authority(byte()));
      } else if (field.is_repeated()) {
        for (int i = 0; i < choice % 4; ++i) fill(*reflection->AddMessage(&message, &field));
      } else {
        fill(*reflection->MutableMessage(&message, &field));
      }
    } else if (field.is_repeated()) {
      for (int i = 0; i < choice % 4; ++i) reflection->AddString(&message, &field, bytes_for(field, choice));
    } else {
      fill_scalar(message, field, choice);
    }
  }

  void fill_scalar(google::protobuf::Message& message, const Field& field, std::uint8_t choice) {
    const auto* reflection = message.GetReflection();
    switch (field.cpp_type()) {
      case Field::CPPTYPE_UINT32: return reflection->SetUInt32(&message, &field, static_cast<std::uint32_t>(number(choice)));
      case Field::CPPTYPE_UINT64: return reflection->SetUInt64(&message, &field, number(choice));
      case Field::CPPTYPE_INT64: return reflection->SetInt64(&message, &field, static_cast<std::int64_t>(number(choice)));
      case Field::CPPTYPE_BOOL: return reflection->SetBool(&message, &field, choice % 2 == 1);
      case Field::CPPTYPE_STRING: return reflection->SetString(&message, &field, bytes_for(field, choice));
      default: CARELEDGER_ASSERT(false);  // contracts use no other type
    }
  }

  std::uint64_t number(std::uint8_t choice) {
    if (choice % 4 != 3) return byte() % 5u;
    if (choice % 8 == 3) return 20'833u + byte();  // days around the test ledger's
    return ~0ull >> (byte() % 64);
  }

  Bytes bytes_for(const Field& field, std::uint8_t choice) {
    if (field.type() == Field::TYPE_STRING) return Bytes(choice % 3, 'n');
    if (field.name() == "signature") return Bytes(choice % 8 == 1 ? 63 : 64, static_cast<char>(byte()));
    if (choice % 8 == 1) return Bytes(choice % 40, 'x');
    if (choice % 8 == 2 || pool_.empty()) return Bytes(32, static_cast<char>(byte()));
    return pool_[byte() % pool_.size()];
  }

  ByteView bytes_;
  std::vector<Bytes> pool_;
};

// A ledger with two organisations, three patients (one active, one proposed, one held in trust) and a practitioner, on which the
// commands are run until the bytes are used up. Asserts that no rule of the rows was ever about to break.
inline std::uint64_t run_hostile(ByteView bytes) {
  HostileCommands source(bytes);
  TestLedger ledger;
  std::vector<AccountId> actors{ledger.founder(), ledger.admit(1), ledger.admit(2)};
  for (std::uint8_t key = 3; key < 6; ++key) {
    actors.push_back(ledger.propose(actors[1], key, key == 5));
    source.know(relationship::relationship_id(actors[1], actors.back()).view());
  }
  CARELEDGER_ASSERT(ledger.run(actors[3], build::accept(relationship::relationship_id(actors[1], actors[3]))).ok());
  const auto nonce = kernel::test_id<Digest>(8);
  const auto licensed = build::accredit(nonce, registry::HolderKind::practitioner, registry::Role::nurse, day_of(ledger.time()) + 9);
  CARELEDGER_ASSERT(ledger.run(actors[1], licensed).ok());
  source.know(registry::holder_id(actors[1], nonce.view()).view());
  for (const auto& actor : actors) source.know(actor.view());

  std::uint64_t accepted = 0;
  while (!source.done()) {
    const auto& actor = actors[source.byte() % actors.size()];
    const auto code = ledger.run(actor, source.order());
    CARELEDGER_ASSERT(code != kernel::code_of(kernel::KernelCode::invariant_broken));
    accepted += code.ok() ? 1 : 0;
    if (source.byte() % 16 == 0) ledger.pass_days(1);
  }
  return accepted;
}

}  // namespace careledger::contracts
