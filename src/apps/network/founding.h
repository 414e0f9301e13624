// Founding of a consortium: each party describes itself, the descriptions are exchanged, and each founds the same ledger from the same
// descriptions, byte for byte, without ever seeing a key of another.
//
// Thread-safety: one thread a folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/network/member_folder.h"
#include "apps/seal_choice.h"
#include "base/clock.h"

namespace careledger::apps::network {

struct DescribeOrder {
  std::string network;                 // the ledger's name, the same at every party
  std::uint32_t epoch_ms = 3'600'000;  // likewise: shorter tells more
  std::string organisation;
  std::string kind = "hospital";
  std::string group;  // of organisations under one owner; empty: on its own
  std::uint64_t weight = 10;
  std::string listen;
  std::string api;
  std::uint32_t days = 30;                  // for which others may found with it
  std::optional<kernel::Founding> joins{};  // the network that it wants to join: name and epoch are that one's
  SealChoice seal;
};

// Makes keystores and DIR/description.json, and gives the description's text. Again: the same keys and account, a newer description; once
// the folder has its ledger, its addresses are taken over into careledger.json. conflict when the folder holds something else.
Result<Bytes> describe(const Layout& layout, const DescribeOrder& order, Clock& clock, Entropy& entropy);

// What all parties must have alike: made of nothing but the descriptions. Errors name the file, or the two that disagree.
Result<kernel::Founding> founding_of(const std::vector<Description>& descriptions);
// That at least four of the members have a vote, with a name and a key of their own each, and that no group has a third of all votes; says
// whom to ask otherwise.
Result<void> check_votes(const kernel::Founding& founding);
// conflict, with the first line that differs.
Result<void> compare_texts(const std::string& ours, const std::string& theirs);

// Founds DIR's ledger; careledger.json is written last. `files` must hold this folder's own, newest description. conflict when the folder
// was founded from others.
Result<Config> found(const Layout& layout, const std::vector<DescriptionFile>& files, const std::vector<std::uint16_t>& rpc_ports,
                     const Clock& clock);

}  // namespace careledger::apps::network
