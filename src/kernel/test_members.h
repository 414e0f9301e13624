// Members that found a network together, for tests.
#pragma once

#include <algorithm>

#include "kernel/authority.h"
#include "kernel/tables.h"
#include "kernel/test_keys.h"

namespace careledger::kernel {

// The key of the n-th member's validator. Its commands are signed with test_key(n), key 1, its envelopes with test_key(10 + n), key 2.
inline crypto::SigningKey test_validator(std::uint8_t number) { return test_key(static_cast<std::uint8_t>(20 + number)); }

// A member without a weight follows: it has no validator.
inline FoundingMember test_member(std::uint8_t number, std::uint64_t weight = 10) {
  FoundingMember out;
  *out.mutable_authority() = single_key(test_key(number).public_key());
  add_key(*out.mutable_authority(), KeyRole::batch, test_key(static_cast<std::uint8_t>(10 + number)).public_key());
  out.set_nonce(Bytes(32, static_cast<char>(number)));
  out.set_name("member " + std::to_string(number));
  out.set_kind(1);
  out.set_sealing_key(Bytes(32, 's'));
  out.set_weight(weight);
  if (weight > 0) out.set_validator_key(test_validator(number).public_key().bytes());
  return out;
}
inline AccountId test_member_id(std::uint8_t number) { return account_id(test_member(number)); }

inline Founding test_founding(std::vector<FoundingMember> members, std::int64_t created_ms = 1'800'000'000'000) {
  std::ranges::sort(members, {}, [](const FoundingMember& one) { return account_id(one); });
  Founding out;
  out.set_format(kFoundedTogether);
  out.set_name("network");
  out.set_created_ms(created_ms);
  out.set_epoch_ms(1000);
  out.set_protocol(1);
  for (auto& one : members) *out.add_members() = std::move(one);
  return out;
}

}  // namespace careledger::kernel
