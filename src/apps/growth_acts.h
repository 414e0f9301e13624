// How the owner of an embedded ledger makes it a network with others: its last command, the seal of its chain, the end of that chain's key,
// and the file that the others begin with.
//
// Thread-safety: one at a time; it waits for the ledger and the disk.
#pragma once

#include <functional>

#include "apps/admin_acts.h"
#include "apps/layout.h"
#include "apps/member_trial.h"
#include "base/clock.h"
#include "vault/keystore.h"

namespace careledger::apps {

// What the process does for its ledger's growth.
struct GrowthSteps {
  std::function<Result<void>()> check_serving;                // unavailable: it has not begun to serve as a whole yet
  std::function<Result<void>(const MemberPlan&)> try_member;  // as try_member() (member_trial.h); unsupported: it is no node that serves
  std::function<Result<void>()> become_member;                // without a new start; check_serving() has held
};

struct GrowthPlace {  // borrowed
  const Layout& layout;
  vault::Keystore& keys;  // the ledger's
  const Clock& clock;
  GrowthSteps steps;
};

// {"descriptions": [text…], "listen", "api", "weight", "group"}: of those who come, and where this node's engine and endpoint are reached.
// Afterwards this node is a member, and its ledger takes commands again as soon as enough of the others serve; reads go on all the while.
//
// {"number", "seal", "hash", "file", "not_yet"}: what people read to each other, the last block of the old chain, the file for the others,
// and, only when this process could not become the member, why: whoever starts the node anew makes it one. The
// same order again ends what a crash cut off, and gives the same. As long as the ledger is not sealed every error leaves it as it was, an
// embedded one that serves on. unavailable, precondition: as the steps say; what a member needs is tried before the seal. invalid,
// malformed, unauthenticated, conflict: a description, or all of them together; conflict: the ledger is a network's, or grew with others.
// unsupported: this node hosts more than one organisation.
Result<edge::http::Response> grow(const AdminActs& acts, const GrowthPlace& place, const codec::json::Value& order,
                                  vault::AuditEntry& entry);

}  // namespace careledger::apps
