// The folder of a network's member, once it knows its ledger: who the others are and where, and what was founded. Shared by those who found
// and those who join.
//
// Thread-safety: one thread a folder.
#pragma once

#include <string>
#include <vector>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/network/description.h"

namespace careledger::apps::network {

struct DescriptionFile {
  std::string path;  // for error messages
  Bytes text;
};

Result<std::vector<DescriptionFile>> read_files(const std::vector<std::string>& paths);
// As read_description(), with the path before what is wrong.
Result<Description> read_description(const DescriptionFile& file, std::optional<BlockTime> now);
// Two in a row for the read-only RPC; 0: both are chosen at each start.
std::vector<std::uint16_t> rpc_ports_from(std::uint16_t first);

// conflict, naming the two, when a key or an address of an engine or endpoint is of both.
Result<void> check_apart(const std::vector<Description>& descriptions);
// This folder's own; not_found says to describe it.
Result<Bytes> own_description(const Layout& layout);

std::uint16_t port_of(const std::string& api);  // of an origin that a description may name
PeerConfig peer_of(const Description& description);
// `descriptions` may hold the own one.
Config member_config(const kernel::Founding& founding, const Description& own, const std::vector<Description>& descriptions,
                     const std::vector<std::uint16_t>& rpc_ports);

// What the validator signed on this chain stays, whoever started over; a record of another chain is of an attempt that did not end.
Result<void> make_signed_steps(const Layout& layout, const std::string& chain);

// Writes the founding document, for programs and for people, an empty record of what the validator signed, and careledger.json last. Again:
// the configuration that is there. conflict when it is of another ledger, or when the folder served and its configuration is gone.
Result<Config> settle(const Layout& layout, const kernel::Founding& founding, const Config& config);

// The founding document in lines, for people and for comparing.
std::string founding_text(const kernel::Founding& founding);

// The nonce of the clinician whom a member accredits at its first start.
Digest first_clinician_nonce(const OrganisationId& organisation);

}  // namespace careledger::apps::network
