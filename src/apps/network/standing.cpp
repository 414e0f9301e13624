#include "apps/network/standing.h"

#include <algorithm>
#include <map>

#include "contracts/governance/governance.h"
#include "contracts/registry/registry.h"
#include "kernel/tables.h"
#include "proof/chain.h"

namespace careledger::apps::network {
namespace {

namespace governance = contracts::governance;

constexpr std::uint32_t kEvidenceMax = 10'000;

std::string name_of(const kernel::Reader& state, const OrganisationId& id) {
  const auto row = state.get(contracts::registry::kOrganisations, id);
  return row ? row->name() : id.hex();
}

Bytes address_of(const governance::Member& row) {
  const auto key = crypto::PublicKey::from(row.validator_key());
  return key ? proof::address_of(*key) : Bytes();
}

std::map<Bytes, std::size_t> evidence_by_organisation(const kernel::Reader& state) {
  std::map<Bytes, std::size_t> found;
  for (const auto& [key, row] : state.scan(governance::kEvidence, Limit{kEvidenceMax})) ++found[row.organisation()];
  return found;
}

bool is_connected(const OrganisationId& id, const Seen& seen, const std::vector<PeerConfig>& peers) {
  const auto peer = std::ranges::find(peers, id, &PeerConfig::id);
  return peer != peers.end() && std::ranges::find(seen.connected, peer->node) != seen.connected.end();
}

}  // namespace

std::vector<MemberStanding> standing_of_members(const replica::View& view, const Seen& seen, const std::vector<PeerConfig>& peers,
                                                const OrganisationId& own) {
  std::vector<MemberStanding> members;
  const kernel::Reader state = view.state();
  const std::map<Bytes, std::size_t> evidence = evidence_by_organisation(state);
  for (const auto& [key, row] : state.scan(governance::kMembers, Limit{governance::kMembersMax})) {
    MemberStanding one;
    one.id = key.digest<OrganisationId>();
    one.name = name_of(state, one.id);
    one.votes = state.has(kernel::kValidators, one.id) ? row.weight() : 0;
    if (const auto against = evidence.find(one.id.bytes()); against != evidence.end()) one.evidence = against->second;
    one.validator = address_of(row);
    const auto found = seen.attendance.signed_by.find(one.validator);
    if (found != seen.attendance.signed_by.end()) one.signed_blocks = found->second;
    if (one.id != own) one.connected = is_connected(one.id, seen, peers);
    members.push_back(std::move(one));
  }
  return members;
}

std::size_t count_signing(const replica::View& view, const ordering::Attendance& attendance) {
  const auto validators = view.state().scan(kernel::kValidators, Limit{governance::kMembersMax});
  return static_cast<std::size_t>(std::ranges::count_if(validators, [&](const auto& one) {
    const auto key = crypto::PublicKey::from(one.second.key());
    return key && attendance.signed_by.contains(proof::address_of(*key));
  }));
}

std::string member_of_validator(const replica::View& view, const Bytes& address) {
  const kernel::Reader state = view.state();
  for (const auto& [key, row] : state.scan(governance::kMembers, Limit{governance::kMembersMax}))
    if (address_of(row) == address) return name_of(state, key.digest<OrganisationId>());
  return to_hex(address);
}

std::string in_words(const ordering::abci::PassedOver& what, const replica::View& view) {
  std::map<std::string, std::size_t> blocks;
  for (const Bytes& proposer : what.proposers) ++blocks[member_of_validator(view, proposer)];
  std::string names;
  for (const auto& [name, count] : blocks) names += (names.empty() ? "" : ", ") + name + " (" + std::to_string(count) + ")";
  return "commands that " + name_of(view.state(), what.sender) + " sent (envelope " + to_hex(what.envelope.bytes()).substr(0, 16) +
         ") wait in this node's pool and stand in none of the newest " + std::to_string(what.proposers.size()) + " blocks, proposed by " +
         names + ": where other members' nodes say the same, these leave them out";
}

}  // namespace careledger::apps::network
