// The members of a network as they would be with some of them changed: what the rules about weights, names and keys look at. And what every
// rule shares that gives somebody a vote. Internal to contracts/governance.
//
// Thread-safety: values; pure functions.
#pragma once

#include <map>
#include <string>

#include "contracts/governance/governance.h"
#include "kernel/shares.h"

namespace careledger::contracts::governance {

class Electorate {
 public:
  explicit Electorate(const kernel::Reader& state);
  void seat(const AccountId& id, const Member& row, const std::string& name) { members_.insert_or_assign(id, Seated{row, name, 0}); }
  void set_group(const AccountId& id, const std::string& group) { members_[id].row.set_group(group); }
  void set_weight(const AccountId& id, std::uint64_t weight) { members_[id].row.set_weight(weight); }

  std::uint64_t weight(const AccountId& id) const;
  std::uint64_t weight_of(const google::protobuf::RepeatedPtrField<std::string>& ids) const;
  kernel::Shares shares() const;
  // Kinds of organisation among those who have a vote, or among these of them.
  std::size_t kinds() const;
  std::size_t kinds_of(const google::protobuf::RepeatedPtrField<std::string>& ids) const;
  // Nobody has a third; or somebody has it already, and no greater share than before.
  bool is_capped_after(const Electorate& before) const;
  bool has(const AccountId& id) const { return members_.contains(id); }
  bool has_name(ByteView name) const;
  bool has_key(ByteView key, const AccountId& of_another_than) const;
  std::size_t size() const { return members_.size(); }

 private:
  struct Seated {
    Member row;
    std::string name;
    std::uint32_t kind = 0;
  };
  std::map<AccountId, Seated> members_;
};

AccountId account_of(const registry::Admit& c);
Member member_of(const AdmitMember& c);

bool is_key_with_proof(ByteView key, ByteView proof);  // both of the right size, or neither there
bool is_formed(const AdmitMember& c);
// Whether the key signed that this organisation may have it; no key needs none.
bool signed_by_it(const LedgerId& ledger, const AccountId& organisation, ByteView key, ByteView proof);
bool asked_for(const AdmitMember& c, const kernel::Call& call);  // whether the entrant consented to all of it, for now

void write_validator(kernel::Writer& state, const AccountId& id, const Member& row, bool active);  // what ordering counts with
void emit_weight(kernel::Writer& state, const AccountId& id, std::uint64_t weight);
void seat_entrant(const AdmitMember& c, const kernel::Call& call, kernel::Writer& state);  // account, registry row, vote

}  // namespace careledger::contracts::governance
