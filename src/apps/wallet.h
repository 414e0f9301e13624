// What a patient does with a wallet: accept a relationship, grant, revoke, and see every access, checked against the ledger offline.
//
// Thread-safety: one thread; calls block for the network. The wallet is saved before each returns well.
#pragma once

#include <functional>
#include <optional>

#include "apps/list_walk.h"
#include "apps/wallet_node.h"

namespace careledger::apps {

// The key of the relationship with the node's organisation; not_found when there is none.
Result<WalletKey*> key_for(Wallet& wallet, const WalletNode& node);

struct Accepted {
  std::string organisation;  // name
  std::string relationship;  // hex
  bool already = false;      // it was active before
  BlockTime waits_until;     // when it will be on the ledger; 0: it is there
};
// `label`: which key; empty: the only one that belongs to no organisation yet. Never tries several: that would link pseudonyms.
Result<Accepted> accept_relationship(WalletFile& file, const std::string& node, const std::string& certificate, const std::string& label);

struct GrantOrder {
  std::string node;          // the custodian's
  std::string grantee;       // name or hex
  std::string grantee_node;  // where the opening is deposited too
  std::string certificate;
  std::vector<std::string> categories;
  std::vector<std::string> withheld;
  std::vector<std::string> purposes{"TREAT"};
  std::vector<std::string> roles;
  std::vector<std::string> practitioners;  // ids of those through whom alone; each accredited by the grantee
  std::vector<std::string> labels;         // sensitive ones that are released too; exchange::sensitive_label()
  std::optional<BlockTime> from;           // not before today; none: now
  std::uint32_t days = 30;                 // from then on
};
struct Granted {
  std::uint32_t number = 0;
  std::string custodian;  // names
  std::string grantee;
  BlockTime from;
  BlockTime until;
};
// invalid: terms that would let nobody in, or that the profile has no words for; nothing is on the ledger then.
Result<Granted> make_grant(WalletFile& file, const GrantOrder& order);

// `number` 0: every grant of this custodian that is not revoked. First at the custodian, at once; then on the ledger. The numbers revoked.
Result<std::vector<std::uint32_t>> revoke_grants(WalletFile& file, const std::string& node, const std::string& certificate,
                                                 std::uint32_t number);

struct Access {
  BlockTime time;
  std::string kind;          // "release"
  std::string outcome;       // "done", "refused", "failed"
  std::string organisation;  // name, when it was another one
  std::string actor;
  std::string purpose;
  std::string resource;  // "Observation/17"; empty
  std::string details;   // JSON
  std::string sentence() const;
};
struct LogOrder {
  std::string node;
  std::string certificate;
  LogRange range{};
};
struct AccessPart {
  std::uint64_t number = 0;  // from 1
  bool last = false;
  std::vector<Access> accesses;  // complete in this part, oldest first
  Bytes proof;                   // the bundle that proves it, as it came
};
using EachPart = std::function<Result<void>(const AccessPart&)>;
struct AccessLog {  // of all parts together; heads and witnesses are those of the last
  std::string organisation;
  std::uint64_t entries = 0;
  std::uint64_t parts = 0;
  std::uint64_t head_size = 0;
  std::uint64_t head_height = 0;
  std::size_t witnesses = 0;  // of those that the wallet knows, that cosigned a log with the head in it
  std::size_t witnesses_known = 0;
  std::uint64_t as_of = 0;  // no later head by this block, on the signatures of `signers` validators alone
  std::size_t signers = 0;
};
// Gives each part to `each` once it is proven, in order; nothing of the list is held on to. Complete only when the whole call succeeds.
// corrupt: a proof does not hold, shows less than all, an older state than this wallet has seen, or a part is missing (list_walk.h).
Result<AccessLog> read_log(WalletFile& file, const LogOrder& order, const EachPart& each);

}  // namespace careledger::apps
