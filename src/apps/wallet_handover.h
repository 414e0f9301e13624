// How a relationship comes into a wallet whose keys did not begin it: out of an organisation's trust, or from another wallet (a parent, a
// guardian, a child that has come of age).
//
//   the new wallet:  claim_code()            -> a code, carried by the people themselves
//   out of trust:    the organisation puts it on the ledger ($relationship with claim), after it has identified the person
//   from a wallet:   hand_over() with the code
//   the new wallet:  accept_relationship()   (wallet.h), once it stands on the ledger
//
// Thread-safety: one thread; calls block for the network. The wallet is saved before each returns well.
#pragma once

#include "apps/wallet_node.h"

namespace careledger::apps {

// Makes a key under `label` for the account, or takes the one that it made before. `account`: 64 hex digits. conflict: the label has
// another key.
Result<std::string> claim_code(WalletFile& file, const std::string& node, const std::string& certificate, const std::string& account,
                               const std::string& label);

struct HandedOver {
  std::string organisation;  // name
  BlockTime waits_until;     // when it will be on the ledger; 0: it is there
};
// The relationship with the node's organisation goes to the keys that made the code. The ledger gets a salted commitment to `reason` (1 to
// 1000 bytes); reason and salt stay in this wallet. invalid: the code is for another account.
Result<HandedOver> hand_over(WalletFile& file, const std::string& node, const std::string& certificate, const std::string& code,
                             const std::string& reason);

}  // namespace careledger::apps
