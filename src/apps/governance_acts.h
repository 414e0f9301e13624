// What a member of a network decides with the others: it proposes, votes, leaves; and how things stand (contracts/governance).
//
// Thread-safety: any thread; they wait for the ledger. Errors: invalid; not_found; conflict with the ledger's code. On a ledger with a
// founder there are no members, and every act is a conflict.
#pragma once

#include "apps/admin_acts.h"

namespace careledger::apps {

// {"members": [{name, id, status, weight, group}], "votes", "proposals": [{id, by, action, organisation, organisation_id, weight, kind,
// validator, group, parameter, value, version, height, deadline, status, yes: [name], no: [name], yes_votes, no_votes, yes_kinds,
// kinds_needed}]}: of an action what belongs to it;
// proposals that are open, or all of them. A proposal whose deadline has passed is "lapsed". And "evidence": [{organisation,
// organisation_id (both empty of a key that no member has), validator: address, kind: "two votes" | "attack on light clients", height,
// time, power, total_power, written: height, key: of the row in the state}], by the height at which it was written. "parameters":
// [{name, value, founded, least, most}] that a vote may change, with next and from (a height) when another value was decided. "supervisor",
// a name, when there is one, and "frozen_until", a time, while it holds up all votes.
Result<edge::http::Response> list_network(Ledger& ledger, bool all);

// When a proposal, or a freeze, ends of which the order does not say it: seven days from now, or the latest that the members allow, which
// of a freeze counts from its beginning. storage: the state cannot be read.
Result<BlockTime> usual_deadline(const replica::View& view);
Result<BlockTime> usual_end_of_freeze(const replica::View& view);

// {"action": "admit", "description"}, the text of one who wants to join;
// {"action": "suspend" | "reinstate", "organisation"}, {"action": "weight", "organisation", "weight"}, {"action": "group",
// "organisation", "group"} (empty: of its own), {"action": "supervisor", "organisation"} (a regulator; empty: nobody), {"action":
// "parameter", "parameter": name, "value"} or {"action": "activate", "version", "height"}; with "days", 1 to what the members allow, or
// without (usual_deadline). An organisation by name or by id. {"proposal": id}. The vote of a follower, who has no validator key, is
// proposed at its own node, which adds its key.
Result<edge::http::Response> propose(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);
// {"proposal", "yes": bool}: {"status"} of the proposal afterwards.
Result<edge::http::Response> vote(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);
// {"again": bool, left out: false}: puts a new validator key of this member on the ledger (network/validator_keys.h) or, after a crash,
// goes on with the one that was prepared. {"status": "rotated", "key", "validator": its address, "from": the block from which on it signs};
// "from" is 0 when the ledger had it already. {"status": "fresh", "key", "validator"}: the key is younger than an hour, and nothing was
// done, since the order may be one that is given again; "again" replaces it all the same. conflict: this member has no vote.
Result<edge::http::Response> rotate_validator(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);
// By the supervisor: {"days"} from now, as many as the members allow, or without (usual_end_of_freeze), {"until"} the time; and the end of
// that.
Result<edge::http::Response> freeze(const AdminActs& acts, const codec::json::Value& order, vault::AuditEntry& entry);
Result<edge::http::Response> thaw(const AdminActs& acts, vault::AuditEntry& entry);
Result<edge::http::Response> leave(const AdminActs& acts, vault::AuditEntry& entry);

}  // namespace careledger::apps
