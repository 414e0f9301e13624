// What an administrator does at the command line of a stopped node, in the audit maps of the organisations that the node hosts: an entry
// before the act begins, where it can be left half done, and one for what became of it. No entry has a subject.
//
// Thread-safety: any thread; each waits until its entries are durable.
#pragma once

#include <functional>

#include "apps/node.h"

namespace careledger::apps {

// `details`: one JSON object for people, nothing about a patient in it; or empty.
Result<void> record_act(vault::AuditMap& audit, vault::AuditKind kind, Bytes details = {},
                        vault::AuditOutcome outcome = vault::AuditOutcome::done);

// An act on the whole node stands in the map of each of its organisations: the entry before, the act, the entry after with its outcome.
// The act does not begin when the first entry cannot be written; its error comes before that of an entry.
Result<void> record_around(Node& node, vault::AuditKind kind, const Bytes& details, const std::function<Result<void>()>& act);

// Of an act that ended with this error: refused when there was no right to it.
vault::AuditOutcome outcome_of(const Error& error);

// {"what": "about"}.
Bytes act_details(const std::string& what, const std::string& about);
// The same with "begun": true, for the entry before the act. `details` is one JSON object.
Bytes begun(const Bytes& details);

}  // namespace careledger::apps
