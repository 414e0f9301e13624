#include "kernel/tables.h"

#include <set>

#include "base/printable.h"
#include "crypto/hash.h"
#include "kernel/authority.h"
#include "kernel/shares.h"

namespace careledger::kernel {

AccountId account_id(const ledger::Authority& first, ByteView nonce32) {
  return id_cast<AccountId>(crypto::tagged_hash("careledger/account/1", {encode(first), nonce32}));
}

LedgerId ledger_id(ByteView founding) { return id_cast<LedgerId>(crypto::tagged_hash("careledger/ledger/1", {founding})); }

std::string chain_id(const LedgerId& id) { return "cl-" + id.hex().substr(0, 40); }

ledger::Account new_account(AccountKind kind, const ledger::Authority& authority) {
  ledger::Account account;
  account.set_kind(static_cast<std::uint32_t>(kind));
  account.set_status(static_cast<std::uint32_t>(AccountStatus::active));
  *account.mutable_authority() = authority;
  account.set_authority_version(1);
  return account;
}

void replace_authority(Writer& state, const Call& call, const AccountId& id, ledger::Account account, const ledger::Authority& authority) {
  PastAuthority past;
  past.mutable_authority()->Swap(account.mutable_authority());
  past.set_until_height(call.height.value);
  state.put(kPastAuthorities, past, id, account.authority_version());
  *account.mutable_authority() = authority;
  account.set_authority_version(account.authority_version() + 1);
  state.put(kAccounts, account, id);
}

std::optional<ledger::Authority> authority_at(const Reader& state, const AccountId& id, Height height) {
  auto account = state.get(kAccounts, id);
  if (!account) return std::nullopt;
  // Newest first: an authority replaced at a height at or below the one asked for is older than wanted.
  ledger::Authority found = std::move(*account->mutable_authority());
  for (Counter version = account->authority_version(); version > 1; --version) {
    auto past = state.get(kPastAuthorities, id, version - 1);
    if (!past || past->until_height() <= height.value) break;
    found = std::move(*past->mutable_authority());
  }
  return found;
}

ProtocolVersion protocol_at(const Reader& state, Height height) {
  ProtocolVersion protocol{0};
  for (const auto& [key, activation] : state.scan(kActivations, Limit{256})) {
    if (activation.height() <= height.value) protocol.value = key.counter();
  }
  return protocol;
}

AccountId account_id(const FoundingMember& member) { return account_id(member.authority(), member.nonce()); }

bool is_plain_name(ByteView name) { return !name.empty() && name.size() <= 200 && printable(name) == name; }

bool is_capped(const Founding& founding) {
  Shares shares;
  for (const auto& member : founding.members()) shares.add(member.name(), member.group(), member.weight());
  return shares.capped();
}

namespace {

constexpr std::int64_t kCreatedMax = 253'402'300'800'000;  // the year 10000

bool is_sound_member(const FoundingMember& member) {
  const bool votes = member.weight() > 0;
  return is_sound(member.authority()) && member.nonce().size() == 32 && is_plain_name(member.name()) &&
         (member.group().empty() || is_plain_name(member.group())) && member.kind() > 0 && member.sealing_key().size() == 32 &&
         member.validator_key().size() == (votes ? 32 : 0) && member.weight() <= kWeightMax;
}

// Each sound, in order, none twice, no key and no name of two.
bool members_sound(const Founding& founding) {
  std::set<ByteView> names;
  std::set<ByteView> keys;
  std::optional<AccountId> last;
  for (const auto& member : founding.members()) {
    if (!is_sound_member(member) || !names.insert(member.name()).second) return false;
    if (member.weight() > 0 && !keys.insert(member.validator_key()).second) return false;
    const AccountId id = account_id(member);
    if (last && !(*last < id)) return false;
    last = id;
  }
  return founding.members_size() <= kFoundingMembersMax && keys.size() >= kValidatorsMin && is_capped(founding);
}

void write_account(Overlay& state, const AccountId& id, AccountKind kind, const ledger::Authority& authority) {
  state.put(kAccounts.key(id), encode(new_account(kind, authority)));
}

}  // namespace

bool is_sound(const Founding& founding) {
  const bool known = founding.protocol() == 1 && !founding.name().empty() && founding.name().size() <= 200 && founding.created_ms() > 0;
  if (!known) return false;
  if (founding.format() == kFoundedByOne)
    return founding.founder_nonce().size() == 32 && is_sound(founding.founder()) && founding.members_size() == 0;
  return founding.format() == kFoundedTogether && is_plain_name(founding.name()) && founding.created_ms() < kCreatedMax &&
         !founding.has_founder() && founding.founder_nonce().empty() && members_sound(founding);
}

void write_genesis(const Founding& founding, std::span<const Contract> contracts, Overlay& state) {
  CARELEDGER_ASSERT(is_sound(founding));
  state.put(kFounding.key(0), encode(founding));
  Activation activation;
  state.put(kActivations.key(founding.protocol()), encode(activation));
  if (founding.format() == kFoundedByOne)
    write_account(state, account_id(founding.founder(), founding.founder_nonce()), AccountKind::founder, founding.founder());
  for (const auto& member : founding.members()) write_account(state, account_id(member), AccountKind::organisation, member.authority());
  for (const auto& contract : contracts) {
    Meter meter;
    std::vector<Event> events;  // of what was there before the first block nobody is told
    Writer writer(state, meter, contract.id, events);
    if (contract.found != nullptr) contract.found(founding, writer);
  }
}

namespace {

bool account_holds(const Call&, const Key&, RowBytes before, RowBytes after, const Reader&) {
  ledger::Account now;
  if (!after || !now.ParseFromArray(after->data(), static_cast<int>(after->size())) || !is_sound(now.authority())) return false;
  if (!before) return now.authority_version() == 1;
  ledger::Account old;
  if (!old.ParseFromArray(before->data(), static_cast<int>(before->size()))) return false;
  return old.kind() == now.kind() && old.authority_version() <= now.authority_version();
}

bool sequence_holds(const Call&, const Key&, RowBytes before, RowBytes after, const Reader&) {
  SequenceWindow old;
  SequenceWindow now;
  if (!after || !now.ParseFromArray(after->data(), static_cast<int>(after->size()))) return false;
  return !before || (old.ParseFromArray(before->data(), static_cast<int>(before->size())) && old.highest() <= now.highest());
}

bool never_changes(const Call&, const Key&, RowBytes before, RowBytes after, const Reader&) { return !before && after; }

constexpr Invariant kInvariants[] = {
    {kAccounts.space, "an account stays, keeps its kind, and its authority is sound and never goes back", &account_holds},
    {kSequences.space, "a sequence window never goes back", &sequence_holds},
    {kPastAuthorities.space, "history is only added to", &never_changes},
    {kActivations.space, "an activation never changes", &never_changes},
    {kFounding.space, "the founding document never changes", &never_changes},
};

}  // namespace

const std::span<const Invariant> kKernelInvariants{kInvariants};

}  // namespace careledger::kernel
