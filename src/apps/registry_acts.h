// What an administrator does to the registry: accredits practitioners and devices with role and expiry, renews, revokes; and the list.
//
// Thread-safety: any thread; they wait for the ledger. Errors: invalid; conflict with the ledger's code.
#pragma once

#include "apps/admin_acts.h"

namespace careledger::apps {

Result<edge::http::Response> list_registry(const OrganisationId& organisation, Ledger& ledger);
Result<edge::http::Response> accredit(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);
Result<edge::http::Response> renew(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);
Result<edge::http::Response> revoke(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);

}  // namespace careledger::apps
