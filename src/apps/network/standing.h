// How a network runs as seen from this node: whose votes stand in the newest blocks, and whose engines this one is connected to.
//
// Thread-safety: values; functions of values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/config.h"
#include "ordering/abci/pool_book.h"
#include "ordering/ordering.h"
#include "replica/view.h"

namespace careledger::apps::network {

struct MemberStanding {
  OrganisationId id;
  std::string name;                 // as on the ledger
  std::uint64_t votes = 0;          // 0: it follows, or is suspended
  Bytes validator{};                // address of its key, by the newest block; empty: it never had one
  std::size_t signed_blocks = 0;    // of Standing::blocks
  std::size_t evidence = 0;         // times that its validator was proven to have contradicted itself
  std::optional<bool> connected{};  // with this node's engine; nothing for this node itself
};

struct Standing {
  std::size_t blocks = 0;    // looked at: the newest since this node was started, 100 at most
  bool catching_up = false;  // it fetches whole blocks
  std::uint64_t behind = 0;  // blocks that more than a third of the members that this node knows say they have above its own
  std::vector<MemberStanding> members{};
};

struct Seen {
  ordering::Attendance attendance;
  std::vector<std::string> connected;  // node ids
};
// Of all members on the ledger. `own`: whose node this is.
std::vector<MemberStanding> standing_of_members(const replica::View& view, const Seen& seen, const std::vector<PeerConfig>& peers,
                                                const OrganisationId& own);

// How many of those who have a vote signed one of the newest blocks.
std::size_t count_signing(const replica::View& view, const ordering::Attendance& attendance);

// The member whose validator has this address, by the newest block; its address in hex when there is none.
std::string member_of_validator(const replica::View& view, const Bytes& address);

// For the log: whose commands wait, and who proposed how many of the blocks that they do not stand in.
std::string in_words(const ordering::abci::PassedOver& what, const replica::View& view);

}  // namespace careledger::apps::network
