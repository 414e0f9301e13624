// Builds a Contract from a payload message (`oneof command`) and free functions found by argument-dependent lookup, for every command C:
//   bool well_formed(const C&);                              sizes and ranges of its fields; false is the kernel's payload_malformed
//   Codes decide(const C&, const Call&, const Reader&);      the first code, in declared order, that holds
//   void apply(const C&, const Call&, Writer&);              only after ok; cannot fail
//   void foresee(const C&, const AccountId& actor, std::vector<Key>&);  optional: rows that deciding will ask for (contract.h)
// Use:
//   define<{3}, Codes, Payload, Case<Payload::kGrant, &Payload::grant>, Case<Payload::kRevoke, &Payload::revoke>>("consent", …)
// An accessor may also be a function that wraps a message of another namespace in a type of the contract's own.
#pragma once

#include <functional>

#include "kernel/canonical.h"
#include "kernel/contract.h"

namespace careledger::kernel {

template <auto number, auto accessor>
struct Case {
  static constexpr auto kNumber = number;
  template <class Payload>
  static decltype(auto) of(const Payload& payload) {
    return std::invoke(accessor, payload);
  }
};

namespace rules {  // at namespace scope, where no member function hides the contract's own
template <class C>
bool check_form(const C& command) {
  return well_formed(command);
}
template <class Codes, class C>
Codes run_decide(const C& command, const Call& call, const Reader& state) {
  return decide(command, call, state);
}
template <class C>
void run_apply(const C& command, const Call& call, Writer& state) {
  apply(command, call, state);
}
template <class C>
void run_foresee(const C& command, const AccountId& actor, std::vector<Key>& keys) {
  if constexpr (requires { foresee(command, actor, keys); }) foresee(command, actor, keys);
}
}  // namespace rules

template <ContractId id, class Codes, class Payload, class Which>
class PreparedCase final : public Prepared {
 public:
  explicit PreparedCase(Payload&& payload) : payload_(std::move(payload)) {}
  Code decide(const Call& call, const Reader& state) const override {
    return {id, static_cast<std::uint16_t>(rules::run_decide<Codes>(Which::of(payload_), call, state))};
  }
  void apply(const Call& call, Writer& state) const override { rules::run_apply(Which::of(payload_), call, state); }
  void foresee(const AccountId& actor, std::vector<Key>& keys) const override { rules::run_foresee(Which::of(payload_), actor, keys); }

 private:
  Payload payload_;
};

using Decoded = Result<std::unique_ptr<const Prepared>, DecodeError>;

template <ContractId id, class Codes, class Payload, class... Cases>
Decoded decode_payload(ByteView bytes) {
  Payload payload;
  if (!parse_canonical(bytes, payload)) return tl::make_unexpected(DecodeError{});
  std::unique_ptr<const Prepared> prepared;
  const auto number = payload.command_case();
  const auto bind = [&]<class Which>(Which) {
    if (number != Which::kNumber) return false;
    if (rules::check_form(Which::of(payload))) prepared = std::make_unique<PreparedCase<id, Codes, Payload, Which>>(std::move(payload));
    return true;
  };
  static_cast<void>((bind(Cases{}) || ...));
  if (!prepared) return tl::make_unexpected(DecodeError{});
  return Decoded(std::move(prepared));
}

template <ContractId id, class Codes, class Payload, class... Cases>
  requires std::is_enum_v<Codes>
constexpr Contract define(std::string_view name, ProtocolVersion since, std::span<const Invariant> invariants,
                          std::span<const CodeName> codes, void (*found)(const Founding&, Writer&) = nullptr,
                          void (*misbehaved)(const Misbehaviour&, Height, Writer&) = nullptr) {
  return {id, name, since, &decode_payload<id, Codes, Payload, Cases...>, invariants, codes, found, misbehaved};
}

}  // namespace careledger::kernel
