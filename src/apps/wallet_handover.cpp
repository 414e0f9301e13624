#include "apps/wallet_handover.h"

#include "apps/wallet.h"
#include "crypto/hash.h"
#include "edge/exchange/operations.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace relation = contracts::relationship;

constexpr std::size_t kReasonMax = 1000;

Result<WalletKey*> key_claiming(WalletFile& file, const AccountId& account, const std::string& label) {
  WalletKey* key = file.wallet().by_label(label);
  if (key == nullptr) {
    CARELEDGER_TRY(key, file.add_key(label));
    key->claimed = account;
    CARELEDGER_CHECK(file.save());
  }
  if (key->claimed != account) return fail(ErrorKind::conflict, "the label is taken by the key of another relationship");
  return key;
}

}  // namespace

Result<std::string> claim_code(WalletFile& file, const std::string& origin, const std::string& certificate, const std::string& account_hex,
                               const std::string& label) {
  const auto bytes = from_hex(account_hex);
  const auto account = bytes ? AccountId::from(*bytes) : std::nullopt;
  if (!account) return fail(ErrorKind::invalid, "account: expected 64 hex digits");
  CARELEDGER_TRY(const auto node, WalletNode::connect(origin, certificate, file.wallet()));
  CARELEDGER_TRY(const LedgerId ledger, ledger_of(file.wallet()));
  CARELEDGER_TRY(const WalletKey* key, key_claiming(file, *account, label));
  edge::exchange::HandoverCode code;
  code.authority = kernel::single_key(key->key.public_key());
  code.account = *account;
  code.proof = kernel::sign_bytes(relation::handover_bytes(ledger, *account, code.authority), {1, &key->key});
  return edge::exchange::handover_code(code);
}

Result<HandedOver> hand_over(WalletFile& file, const std::string& origin, const std::string& certificate, const std::string& code_text,
                             const std::string& reason) {
  if (reason.empty() || reason.size() > kReasonMax) return fail(ErrorKind::invalid, "a reason has 1 to 1000 bytes");
  CARELEDGER_TRY(const auto node, WalletNode::connect(origin, certificate, file.wallet()));
  CARELEDGER_TRY(WalletKey * key, key_for(file.wallet(), *node));
  CARELEDGER_TRY(const LedgerId ledger, ledger_of(file.wallet()));
  CARELEDGER_TRY(const edge::exchange::HandoverCode code, edge::exchange::read_handover_code(code_text, ledger));
  if (code.account != key->account())
    return fail(ErrorKind::invalid, "the code is for another account than the wallet has with " + node->name());
  const auto organisation = from_hex(key->organisation);
  CARELEDGER_ASSERT(organisation.has_value());
  const RelationshipId relationship = relation::relationship_id(*OrganisationId::from(*organisation), code.account);
  const Bytes salt = system_entropy().take(32);
  key->handover_reason = reason;
  key->handover_salt = to_hex(salt);
  CARELEDGER_CHECK(file.save());  // before it is on the ledger: the salt must not be lost once it is
  const Digest commitment = crypto::tagged_hash("careledger/handover-reason/1", {salt, reason});
  const build::Handover handover{ledger, code.account, relationship, code.authority, {}, {code.proof}};
  CARELEDGER_TRY(const BlockTime until, node->command(*key, ledger, build::change_controller(handover, commitment)));
  key->handed_over = true;
  CARELEDGER_CHECK(file.save());
  return HandedOver{node->name(), until};
}

}  // namespace careledger::apps
