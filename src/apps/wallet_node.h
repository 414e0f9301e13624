// A wallet's view of one organisation's node: what the ledger says, signed requests as its patient, commands to the ledger.
//
// At each contact the wallet takes the newest checkpoint, demands the signatures that its trust file wants and that the log goes on from
// the one it remembers (RFC 6962 consistency), so that a history that was shortened or rewritten is refused, and then cosigns it (C2SP)
// under a key of that relationship alone. Thread-safety: one thread; calls block.
#pragma once

#include <memory>

#include "apps/wallet_file.h"
#include "contracts/build.h"
#include "edge/http/client.h"
#include "proof/trust.h"

namespace careledger::apps {

// The bytes of a signed command, as they will stand on the ledger for ever: nothing in them is finer than it must be (kernel/timing.h).
Bytes wallet_command(const WalletKey& key, const LedgerId& ledger, const contracts::build::Order& order, std::uint64_t sequence,
                     BlockTime now, std::uint32_t epoch_ms);

class WalletNode {
 public:
  // `certificate`: PEM file for https. unavailable; corrupt: another ledger than the wallet remembers, or a history that does not go on
  // from it. First contact: ledger and trust file are remembered in `wallet` (the caller saves it).
  static Result<std::unique_ptr<WalletNode>> connect(const std::string& origin, const std::string& certificate, Wallet& wallet);

  const std::string& organisation() const { return organisation_; }  // hex
  const std::string& name() const { return name_; }
  const proof::Trust& trust() const { return trust_; }  // what this node's checkpoints and proofs are judged by

  Result<codec::json::Document> get(const std::string& target);  // an error unless 200
  // Signed with the key of the patient's account (RFC 9421).
  Result<edge::http::Response> as_patient(const WalletKey& key, edge::http::Method method, const std::string& target,
                                          std::string body = {});
  Result<std::string> organisation_id(const std::string& name_or_hex);  // hex, from the ledger's list
  Result<std::string> organisation_name(const std::string& hex);        // the hex itself when the ledger knows no name

  // Until this node's copy of the ledger holds the grant, half a minute at most: in a network it may be some blocks behind the copy of the
  // node that took it. Then not_found.
  Result<void> await_grant(const std::string& relationship, std::uint32_t number);

  // Takes the newest checkpoint again, so that what the wallet just did stands in it; once the wallet's file remembers it, cosigns it and
  // hands the cosignature to the organisation.
  Result<void> cosign(WalletFile& file, const WalletKey& key);

  // Signs, sends, waits until it is durable. conflict, naming the code, when the ledger refuses.
  // When it stands on the ledger: 0 when it does, later for what waits for the end of an epoch.
  Result<BlockTime> command(const WalletKey& key, const LedgerId& ledger, const contracts::build::Order& order);

 private:
  WalletNode() = default;
  Result<void> meet(Wallet& wallet);
  Result<void> remember(Wallet& wallet, const codec::json::Document& status);
  Result<void> learn_log(Wallet& wallet);
  Result<void> meet_log(Wallet& wallet);
  Result<void> follow(Wallet& wallet);
  Result<edge::http::Response> call(const edge::http::Request& request);

  std::unique_ptr<edge::http::Client> client_;
  std::string organisation_;
  std::string name_;
  proof::Trust trust_;
};

Result<LedgerId> ledger_of(const Wallet& wallet);                                  // not_found before the first contact
std::uint64_t number_at(const codec::json::Value& object, std::string_view name);  // 0 when absent

}  // namespace careledger::apps
