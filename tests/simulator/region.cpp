#include "simulator/region.h"

#include <algorithm>

#include "contracts/governance/governance.h"
#include "contracts/relationship/relationship.h"
#include "contracts/rules.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"

namespace careledger::simulator {
namespace {

namespace build = contracts::build;
namespace governance = contracts::governance;
namespace registry = contracts::registry;

constexpr std::size_t kPatients = 12;
constexpr std::size_t kKept = 3;  // few, so that they meet again
constexpr std::int64_t kHour = 60 * 60 * 1000;

}  // namespace

Region::Region(std::uint64_t seed) : entropy_(seed) {
  kernel::Founding founding;
  founding.set_format(kernel::kFoundedTogether);
  founding.set_name("Region");
  founding.set_created_ms(kStart);
  founding.set_epoch_ms(1000);
  founding.set_protocol(1);
  std::vector<kernel::FoundingMember> rows;
  found(rows);
  std::ranges::sort(rows, {}, [](const kernel::FoundingMember& row) { return kernel::account_id(row); });
  for (auto& row : rows) *founding.add_members() = std::move(row);
  founding_ = kernel::encode(founding);
  ledger_ = kernel::ledger_id(founding_);
}

void Region::found(std::vector<kernel::FoundingMember>& rows) {
  for (std::size_t i = 0; i < kMembers; ++i) {
    Member member{{crypto::SigningKey::generate(entropy_), {}}, crypto::SigningKey::generate(entropy_), {}};
    member.authority = kernel::single_key(member.actor.key.public_key());
    kernel::add_key(member.authority, kernel::KeyRole::batch, member.batch_key.public_key());
    auto& row = rows.emplace_back();
    *row.mutable_authority() = member.authority;
    row.set_nonce(fresh().bytes());
    row.set_name("Member " + std::to_string(i + 1));
    row.set_kind(contracts::number_of(i == 0 ? registry::OrganisationKind::regulator : registry::OrganisationKind::hospital));
    row.set_sealing_key(fresh().bytes());
    row.set_validator_key(crypto::SigningKey::generate(entropy_).public_key().bytes());
    row.set_weight(10);
    member.actor.id = kernel::account_id(row);
    members_.push_back(std::move(member));
  }
}

Bytes Region::envelope(Member& member, const std::vector<ledger::SignedCommand>& commands) {
  return kernel::encode(kernel::sign_batch(member.actor.id, ++member.batches, commands, {2, &member.batch_key}));
}

ledger::SignedCommand Region::command(Actor& actor, const build::Order& order, BlockTime now) {
  const kernel::CommandOrder what{ledger_, actor.id, ++actor.sequence, {now.value + kHour / 2}, order.contract};
  return kernel::sign_command(what, order.payload, kernel::Signer{1, &actor.key});
}

void Region::keep(std::deque<Digest>& pool, const Digest& one) {
  pool.push_back(one);
  if (pool.size() > kKept) pool.pop_front();
}

Digest Region::known(const std::deque<Digest>& pool, Moment& at) {
  return pool.empty() || at.one_of(8) == 0 ? fresh() : pool[at.one_of(pool.size())];
}

Bytes Region::opening(BlockTime now) {
  std::mt19937_64 same(0);
  Moment at{now, same};
  std::vector<ledger::SignedCommand> commands;
  for (std::size_t i = 0; i < kPatients; ++i) commands.push_back(propose_patient(at));
  return envelope(members_.front(), commands);
}

Bytes Region::random_batch(std::size_t commands, BlockTime now, std::mt19937_64& random) {
  struct Weighed {
    std::uint64_t weight;
    Choice choice;
  };
  static constexpr Weighed kChoices[] = {
      {26, &Region::grant},         {16, &Region::revoke},     {10, &Region::anchor},
      {4, &Region::erase},          {8, &Region::head},        {3, &Region::accredit},
      {4, &Region::change_licence}, {2, &Region::change_keys}, {3, &Region::propose_patient},
      {4, &Region::answer_patient}, {4, &Region::merge},       {4, &Region::propose_action},
      {14, &Region::vote},          {2, &Region::supervise},   {1, &Region::rotate_validator},
      {4, &Region::spoilt},
  };
  std::uint64_t total = 0;
  for (const Weighed& one : kChoices) total += one.weight;
  Moment at{now, random};
  std::vector<ledger::SignedCommand> out;
  for (std::size_t i = 0; i < commands; ++i) {
    std::uint64_t left = at.one_of(total);
    const Weighed* chosen = kChoices;
    while (left >= chosen->weight) left -= (chosen++)->weight;
    out.push_back((this->*chosen->choice)(at));
  }
  return envelope(any_member(at), out);
}

Bytes Region::with_one_twice(ByteView envelope) const {
  const auto sealed = kernel::decode_canonical<ledger::SignedBatch>(envelope);
  const auto batch = kernel::decode_canonical<ledger::Batch>(sealed->batch());
  std::vector<ledger::SignedCommand> commands(batch->commands().begin(), batch->commands().end());
  commands.push_back(commands.front());
  const auto sender = std::ranges::find(members_, batch->organisation(), [](const Member& one) { return one.actor.id.bytes(); });
  return kernel::encode(kernel::sign_batch(sender->actor.id, batch->sequence(), commands, {2, &sender->batch_key}));
}

// --- patients ---

// Two of three are held in trust at first, which is in force at once.
ledger::SignedCommand Region::propose_patient(Moment& at) {
  Member& member = any_member(at);
  Actor actor{crypto::SigningKey::generate(entropy_), {}};
  const build::NewPatient what{kernel::single_key(actor.key.public_key()), fresh(), at.one_of(3) != 0};
  actor.id = what.id();
  patients_.push_back({std::move(actor), contracts::relationship::relationship_id(member.actor.id, what.id())});
  return command(member.actor, build::propose(what), at.now);
}

// By the patient, or by a member that may have nothing to do with it.
ledger::SignedCommand Region::answer_patient(Moment& at) {
  Patient& patient = any_patient(at);
  Actor& actor = at.one_of(4) == 0 ? any_member(at).actor : patient.actor;
  switch (at.one_of(6)) {
    case 0: return command(actor, build::reject(patient.relationship), at.now);
    case 1: return command(actor, build::end(patient.relationship), at.now);
    default: return command(actor, build::accept(patient.relationship), at.now);
  }
}

ledger::SignedCommand Region::merge(Moment& at) {
  Patient& patient = any_patient(at);
  Actor& member = any_member(at).actor;
  if (at.one_of(2) == 0) return command(member, build::unmerge(patient.relationship), at.now);
  return command(member, build::merge(patient.relationship, Digest(*Digest::from(any_patient(at).relationship.view()))), at.now);
}

ledger::SignedCommand Region::grant(Moment& at) {
  Patient& patient = any_patient(at);
  const std::uint32_t expires = at.one_of(2) == 0 ? 0 : contracts::day_of(at.now) + 1 + static_cast<std::uint32_t>(at.one_of(30));
  return command(patient.actor, build::grant(patient.relationship, ++patient.grants, fresh(), expires), at.now);
}

ledger::SignedCommand Region::revoke(Moment& at) {
  Patient& patient = any_patient(at);
  const auto number = 1 + static_cast<kernel::Counter>(at.one_of(patient.grants + 1));
  return command(patient.actor, build::revoke(patient.relationship, number), at.now);
}

// --- organisations ---

ledger::SignedCommand Region::anchor(Moment& at) {
  ledger::Anchor anchor;
  const Digest superseded = known(commitments_, at), wrong = known(commitments_, at);
  anchor.set_root(fresh().bytes());
  anchor.set_count(16);
  if (at.one_of(2) == 0) anchor.add_supersedes(superseded.bytes());
  if (at.one_of(4) == 0) anchor.add_entered_in_error(wrong.bytes());
  keep(commitments_, superseded);
  return command(any_member(at).actor, build::anchor(anchor), at.now);
}

ledger::SignedCommand Region::erase(Moment& at) { return command(any_member(at).actor, build::erase(known(commitments_, at)), at.now); }

// Longer than the one before; or, which no ledger takes, shorter.
ledger::SignedCommand Region::head(Moment& at) {
  Member& member = any_member(at);
  const std::uint64_t size = at.one_of(8) == 0 ? member.accesses / 2 : member.accesses += 1 + at.one_of(9);
  return command(member.actor, build::head(fresh(), fresh(), size), at.now);
}

ledger::SignedCommand Region::accredit(Moment& at) {
  Member& member = any_member(at);
  const Digest nonce = fresh();
  keep(holders_, registry::holder_id(member.actor.id, nonce.view()));
  const auto order = build::accredit(nonce, registry::HolderKind::practitioner, registry::Role::nurse, contracts::day_of(at.now) + 9);
  return command(member.actor, order, at.now);
}

ledger::SignedCommand Region::change_licence(Moment& at) {
  Actor& member = any_member(at).actor;
  const Digest holder = known(holders_, at);
  if (at.one_of(2) == 0) return command(member, build::revoke_accreditation(holder), at.now);
  return command(member, build::renew(holder, contracts::day_of(at.now) + 10 + static_cast<std::uint32_t>(at.one_of(30))), at.now);
}

// One key more, or that one no more: those which sign here stay, whichever of these commands come to stand on the ledger.
ledger::SignedCommand Region::change_keys(Moment& at) {
  Member& member = any_member(at);
  if (at.one_of(2) == 0) return command(member.actor, build::revoke_key(3), at.now);
  ledger::Authority authority = member.authority;
  kernel::add_key(authority, kernel::KeyRole::request, crypto::SigningKey::generate(entropy_).public_key());
  return command(member.actor, build::rotate(authority), at.now);
}

// --- who decides ---

// Suspending one of four, taking it back, and who supervises. Nobody admits or weighs: the replicas here are four.
ledger::SignedCommand Region::propose_action(Moment& at) {
  governance::Action action;
  const Bytes whom = any_member(at).actor.id.bytes();
  switch (at.one_of(4)) {
    case 0: action.mutable_suspend()->set_organisation(whom); break;
    case 1: action.mutable_set_supervisor()->set_organisation(at.one_of(3) == 0 ? whom : members_.front().actor.id.bytes()); break;
    default: action.mutable_reinstate()->set_organisation(whom); break;
  }
  const std::int64_t deadline = at.now.value + (at.one_of(8) == 0 ? 0 : 2 * kHour);
  auto proposal = command(any_member(at).actor, build::propose(action, {deadline}), at.now);
  keep(proposals_, governance::proposal_id(kernel::digest_of(proposal)));
  return proposal;
}

ledger::SignedCommand Region::vote(Moment& at) {
  return command(any_member(at).actor, build::vote(known(proposals_, at), at.one_of(5) != 0), at.now);
}

ledger::SignedCommand Region::supervise(Moment& at) {
  Actor& member = at.one_of(4) == 0 ? any_member(at).actor : members_.front().actor;
  if (at.one_of(2) == 0) return command(member, build::thaw(), at.now);
  return command(member, build::freeze({at.now.value + kHour + 60'000}), at.now);
}

ledger::SignedCommand Region::rotate_validator(Moment& at) {
  Actor& member = any_member(at).actor;
  return command(member, build::rotate_validator(ledger_, member.id, crypto::SigningKey::generate(entropy_)), at.now);
}

// --- what the kernel refuses ---

ledger::SignedCommand Region::spoilt(Moment& at) {
  Patient& patient = any_patient(at);
  const auto order = build::revoke(patient.relationship, 1'000'000);
  const std::uint64_t kind = at.one_of(3);
  if (kind == 0 && patient.actor.sequence > 0) --patient.actor.sequence;  // replayed
  ledger::SignedCommand bad = command(patient.actor, order, at.now);
  if (kind == 1) bad.mutable_signatures(0)->mutable_signature()->back() ^= 1;
  if (kind == 2) bad.set_command("not a command");
  return bad;
}

}  // namespace careledger::simulator
