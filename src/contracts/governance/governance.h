// The governance contract (6): how the members of a network that was founded together decide. Who is admitted, suspended, reinstated, how
// heavy a vote is, in which group it counts, which protocol comes next, a few parameters of the network: two thirds of all weight, one vote
// a member, nobody's alone.
//
//   propose ──> open ──more than two thirds say yes──> carried out, or void when it cannot be carried out any more
//                 │ a third says no                    the deadline passes: stays open and takes no vote
//                 v
//              rejected
//
// A proposal is carried out by the vote that decides it, in the same block. Votes count with the weights of that moment. The members may
// want them of more than one kind of organisation (Parameter::deciding_kinds).
//
// No group of members may have a third of all weight, nor come nearer to it when one has it already: whatever would lead there is refused.
// But for a suspension, since a member that harms the network must not be kept for that: it may go on until one group could decide alone.
// Groups are what each member said of itself when it came, and what the members voted since (SetGroup).
// What the engine proves of a validator that contradicts itself becomes a row: once, whatever else is decided about it, and not removed by
// anybody. Consequences are the members' to draw.
//
// Members may name a supervisor, who may hold up for a time who decides (supervision.h).
//
// Whoever brings a validator key shows that he holds it, and who is admitted signed everything that is said of him there. On a ledger with
// a founder nobody is a member, and the founder decides (registry), until he gives the ledger to a network (grow): then he decides nothing
// any more.
#pragma once

#include <optional>
#include <string_view>

#include "contracts/governance/governance.pb.h"
#include "contracts/registry/registry.h"

namespace careledger::contracts::governance {

enum class Codes : std::uint16_t {  // in the order in which they win; numbers are never reused
  ok = 0,
  not_a_member = 1,            // or of a ledger with a founder; of `grow`: not that founder
  action_not_possible = 2,     // the registry refuses it: known already, unknown, suspended already, not the next protocol… or it is so now
  key_in_use = 3,              // another member's validator key
  group_too_heavy = 4,         // it would have a third of all weight; after a suspension, two thirds
  deadline_out_of_bounds = 5,  // less than an hour after this block, or more than proposal_days
  too_many_open = 6,           // of this member's proposals
  proposal_unknown = 7,
  proposal_closed = 8,  // carried out, void or rejected
  deadline_passed = 9,
  no_vote = 10,  // a follower
  already_voted = 11,
  proof_does_not_hold = 12,  // the new key did not sign, or who is to be admitted did not, or for no longer than till now
  not_the_supervisor = 13,
  freeze_out_of_bounds = 14,  // until less than an hour after this block, or more than freeze_days after it began
  freeze_too_soon = 15,       // the one before is not over for as long as it lasted
  not_frozen = 16,
  frozen = 17,        // by the supervisor: nobody votes or leaves
  other_height = 18,  // `grow` names the block before another one than this
  parameter_unknown = 19,
  parameter_out_of_bounds = 20,
};

enum class ProposalStatus : std::uint32_t { open = 1, carried_out = 2, rejected = 3, void_ = 4 };

inline constexpr std::int64_t kDeadlineMin = kDayMs / 24;
inline constexpr int kOpenMax = 16;  // proposals of one member
inline constexpr std::uint32_t kMembersMax = 256;
inline constexpr std::int64_t kFreezeMin = kDayMs / 24;

// What members may change by a vote. Where they did not, it is as every network was founded. Numbers are never reused.
enum class Parameter : std::uint32_t {
  proposal_days = 1,   // how long a proposal may be open
  freeze_days = 2,     // how long a supervisor's freeze may last
  deciding_kinds = 3,  // of how many kinds (hospital, insurer…) those must be who say yes; of all that vote, when these are of fewer
  block_bytes = 4,     // the largest block, which the engine is told
};
struct ParameterRule {
  Parameter parameter{};
  std::string_view name;
  std::uint64_t founded = 0, least = 0, most = 0;
};
inline constexpr ParameterRule kParameters[] = {
    {Parameter::proposal_days, "proposal_days", 30, 1, 365},
    {Parameter::freeze_days, "freeze_days", 30, 1, 90},
    {Parameter::deciding_kinds, "deciding_kinds", 1, 1, 4},
    {Parameter::block_bytes, "block_bytes", 2 << 20, 1 << 20, 2 << 20},  // larger blocks stall a loaded network; smaller ones, envelopes
};
inline constexpr int kSettingsMax = 64;              // of one parameter that are remembered
inline constexpr std::uint64_t kParameterDelay = 2;  // blocks from the one that decides to the first under it, as with votes

inline constexpr kernel::Table<Member, AccountId> kMembers{{0x60}, "members"};
inline constexpr kernel::Table<Proposal, Digest> kProposals{{0x61}, "proposals"};

inline constexpr kernel::Table<Evidence, Digest, Height, kernel::Counter> kEvidence{{0x62}, "evidence"};  // address, height, kind

inline constexpr kernel::Table<Supervision, kernel::Counter> kSupervision{{0x63}, "supervision"};  // 0
inline constexpr kernel::Table<Growth, kernel::Counter> kGrowth{{0x64}, "growth"};                 // 0
inline constexpr kernel::Table<ParameterHistory, kernel::Counter> kParameterHistory{{0x65}, "parameters"};

Digest proposal_id(const Digest& command);
Digest evidence_id(ByteView address);  // of all evidence against a validator's key
// What a validator key signs to show who may have it: kernel::signed_bytes of "careledger/validator/1" and ledger ‖ organisation ‖ key.
Bytes rotation_bytes(const LedgerId& ledger, const OrganisationId& organisation, ByteView key);

// What the entrant's command key signs: kernel::signed_bytes of "careledger/admission/1" and ledger ‖ the message without its consent.
Bytes admission_bytes(const LedgerId& ledger, const AdmitMember& admit);

// At a block. Of blocks before the oldest change that is remembered: as founded.
std::uint64_t value_of(const kernel::Reader& state, Parameter parameter, Height block);
// What begins to hold at a block, if anything does.
std::optional<std::uint64_t> value_beginning(const kernel::Reader& state, Parameter parameter, Height block);

struct Tally {  // of an open proposal, with the weights of now
  std::uint64_t yes = 0, no = 0, total = 0;
  std::uint64_t kinds = 0, kinds_needed = 0;  // of the organisations that said yes
  bool passes() const { return yes * 3 > total * 2 && kinds >= kinds_needed; }
  bool fails() const { return no * 3 >= total; }
};
Tally tally(const kernel::Reader& state, const Proposal& proposal, Height block);

// Until when the supervisor's freeze lasts, at a time; nullopt: there is none.
std::optional<BlockTime> frozen_until(const kernel::Reader& state, BlockTime now);

extern const kernel::Contract kContract;

}  // namespace careledger::contracts::governance
