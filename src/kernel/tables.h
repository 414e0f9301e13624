// The kernel's tables. Spaces 0x01 to 0x0f are the kernel's; contracts have 0x10 and above, contracts added at run time share 0xff.
#pragma once

#include "kernel/contract.h"
#include "kernel/kernel.pb.h"
#include "proof/ledger.pb.h"

namespace careledger::kernel {

inline constexpr Table<ledger::Account, AccountId> kAccounts{{0x01}, "accounts"};
inline constexpr Table<SequenceWindow, AccountId> kSequences{{0x02}, "sequences"};
inline constexpr Table<PastAuthority, AccountId, Counter> kPastAuthorities{{0x03}, "past authorities"};
inline constexpr Table<Activation, Counter> kActivations{{0x04}, "activations"};
inline constexpr Table<Founding, Counter> kFounding{{0x05}, "founding"};
inline constexpr Table<Validator, AccountId> kValidators{{0x06}, "validators"};

// Numbers of ledger::Account.kind and .status.
enum class AccountKind : std::uint32_t { founder = 1, organisation = 2, patient = 3, device = 4 };
enum class AccountStatus : std::uint32_t { active = 1, suspended = 2, ended = 3 };

AccountId account_id(const ledger::Authority& first, ByteView nonce32);  // H('careledger/account/1', authority, nonce)
LedgerId ledger_id(ByteView founding);                                   // H('careledger/ledger/1', founding bytes)
std::string chain_id(const LedgerId& id);                                // "cl-" and the first 40 hex digits

ledger::Account new_account(AccountKind kind, const ledger::Authority& authority);  // active, version 1
// Replaces an account's authority and keeps the old one as a PastAuthority row.
void replace_authority(Writer& state, const Call& call, const AccountId& id, ledger::Account account, const ledger::Authority& authority);

// The authority of an account as of a block, now or past; nullopt when there is no such account. At the height of a replacement the
// newer one is given (signatures of that very block may be under either).
std::optional<ledger::Authority> authority_at(const Reader& state, const AccountId& id, Height height);

// The newest rules that this program knows: a block under newer ones is beyond it.
inline constexpr ProtocolVersion kProtocolNewest{1};
ProtocolVersion protocol_at(const Reader& state, Height height);  // the highest version active at that height; 0 on an empty state

// Formats of a founding document.
inline constexpr std::uint32_t kFoundedByOne = 1, kFoundedTogether = 2;
inline constexpr int kFoundingMembersMax = 64;
inline constexpr int kValidatorsMin = 4;  // with three, one alone is a third
// 1 to 200 bytes. Names are read by people, for ever: nothing in them may pretend to be something else on a screen.
bool is_plain_name(ByteView name);
inline constexpr std::uint64_t kWeightMax = 1'000'000;

AccountId account_id(const FoundingMember& member);
// Whether no group of members has a third of all weight: that much could stop the ledger, and with what it would lead astray, fork it.
bool is_capped(const Founding& founding);

// The rows that a ledger starts with: accounts of founder or members, founding document, protocol, and what each contract adds. Asserts on
// a founding document that is not sound.
bool is_sound(const Founding& founding);
void write_genesis(const Founding& founding, std::span<const Contract> contracts, Overlay& state);

extern const std::span<const Invariant> kKernelInvariants;  // checked for every command, whatever its contract

}  // namespace careledger::kernel
