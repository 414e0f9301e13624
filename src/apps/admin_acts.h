// What an administrator does to an organisation's records: the acts behind POST /admin/v1/….
//
// Each is recorded in the audit map before it is done, and again with what became of it; each is safe to repeat: after a crash in the
// middle the same order ends what was begun. Thread-safety: one at a time; they wait for the ledger and the disk.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/ledger.h"
#include "codec/json/json.h"
#include "edge/http/message.h"
#include "vault/audit.h"
#include "vault/signer.h"
#include "vault/vault.h"

namespace careledger::apps {

struct AdminActs {  // borrowed
  OrganisationId organisation;
  Ledger& ledger;
  vault::Vault& vault;
  vault::CommandSigner& signer;
  std::function<Result<void>()> begin;  // records that it is about to be done; an act that is not recorded is not done
};

// Sends one command of the organisation and waits until it stands on the ledger. conflict, naming the ledger's code.
Result<void> put_on_ledger(const AdminActs& acts, ContractId contract, Bytes payload);

// Destroys the version's keys, then says on the ledger that it is erased. What the ledger was not told of before a crash, or because it
// took no commands, tell_of_erasures() makes up for. forbidden under a legal hold; invalid without a reason; not_found. `patients`: whose
// record.
Result<edge::http::Response> erase(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry,
                                   std::vector<std::string>& patients);
Result<void> tell_of_erasures(const AdminActs& acts);
Result<edge::http::Response> hold(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry,
                                  std::vector<std::string>& patients);

}  // namespace careledger::apps
