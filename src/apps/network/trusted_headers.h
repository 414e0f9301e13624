// Headers that lead, by the rules of light clients, from one that people vouch for to a height of which a snapshot is offered: above it by
// the validators' signatures, below it by the hash of the header before that each names.
//
// Headers come from members' read-only RPC and are believed for their signatures alone: the first server shows the way, and what the
// others show at its end must be the same block.
//
// Thread-safety: one thread. A question blocks for as long as the servers take.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ordering/abci/engine_rpc.h"
#include "replica/snapshot.h"

namespace careledger::apps::network {

struct HeaderServer {
  std::string name;  // for messages
  std::unique_ptr<ordering::abci::Transport> rpc;
};

// An RPC by its origin, as edge/http/client.h takes it. invalid: the origin; not_found, malformed: the certificates.
Result<HeaderServer> header_server(const std::string& origin, const std::string& certificates);

class TrustedHeaders {
 public:
  // `height` and `hash` of the header that is vouched for. Borrows the clock: a header is believed for two weeks. Two servers at least.
  TrustedHeaders(const LedgerId& ledger, Height height, const Digest& hash, std::vector<HeaderServer> servers, const Clock& clock);

  // That the first server has the header which is vouched for, and no other one shows another. not_found, invalid, conflict: nothing helps
  // but another --trust, or other servers. unavailable: the first does not answer.
  Result<void> check() const;

  // Of the block at `height`, and the app hash in the header after it. unavailable, not_found: a server does not answer, or not with
  // these headers; invalid: they do not follow from the one that is vouched for; conflict: servers show different ones.
  Result<replica::TrustedPoint> at(Height height) const;

 private:
  Result<proof::LightBlock> fetch(Height height) const;
  Result<proof::LightBlock> first() const;
  Result<proof::LightBlock> reach(const proof::LightBlock& trusted, Height height) const;
  Result<proof::Header> go_back(proof::Header trusted, Height height) const;
  Result<void> compare(const proof::Header& header) const;

  LedgerId ledger_;
  Height height_;
  Digest hash_;
  std::vector<HeaderServer> servers_;
  const Clock* clock_;
};

}  // namespace careledger::apps::network
