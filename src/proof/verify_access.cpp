// A list of accesses, complete by a head on the ledger; and the conviction of a custodian that left one out.
#include "proof/canonical.h"
#include "proof/verify_parts.h"

namespace careledger::proof {
namespace {

constexpr std::uint32_t kPromiseRole = 5;

Result<ledger::AccessHead> read_head(const Bundle& bundle, const AccessClaim& claim) {
  constexpr const char* kNone = "no head of the custodian's audit map";
  CARELEDGER_TRY(const ActorCommand command, open_command(bundle, claim.head, kAccessContract, kNone));
  CARELEDGER_TRY(const auto payload, at("command", from_canonical<bundle::AccessPayload>(command.payload, "head", kMaxCommand)));
  if (!payload.has_head() || command.actor != claim.custodian) return broken("command", kNone);
  ledger::AccessHead head;
  head.set_map_root(payload.head().map_root());
  head.set_log_root(payload.head().log_root());
  head.set_size(payload.head().size());
  head.set_height(claim.head.height.value);
  return head;
}

// The head that the state shows is the one that the command set where it stands: what the log says, the row cannot deny.
Result<std::vector<KnownAuthority>> read_state(const AccessClaim& claim, const Committed& committed, const ledger::AccessHead& commanded,
                                               Report& report) {
  CARELEDGER_TRY(StateRows rows, StateRows::open(claim.state, committed.state_root));
  CARELEDGER_TRY(const auto organisation, rows.row<ledger::Organisation>(organisation_key(claim.custodian), "organisation"));
  CARELEDGER_TRY(report.head, rows.row<ledger::AccessHead>(head_key(claim.custodian), "access head"));
  CARELEDGER_TRY(auto authorities, rows.authorities(claim.custodian, 0));
  CARELEDGER_CHECK(rows.nothing_more());
  if (canonical_bytes(report.head) != canonical_bytes(commanded)) return broken("state", "another head than the command set");
  CARELEDGER_CHECK(check_command_signatures(authorities, claim.head, report));
  report.organisation_name = organisation.name();
  return authorities;
}

Result<Digest> commitment_of(const AuditOpening& opening) {
  const bool hidden = opening.details_hash.has_value();
  const bool formed = opening.entry_salt.size() == 32 &&
                      (hidden ? opening.details_salt.empty() && opening.details.empty() : opening.details_salt.size() == 32);
  if (!formed) return broken("opening", "not in its form");
  const Digest details = hidden ? *opening.details_hash : audit_part(opening.details_salt, opening.details);
  return audit_commitment(audit_part(opening.entry_salt, opening.entry), details);
}

Result<void> check_openings(const AccessClaim& claim, std::span<const MapLeaf> rows) {
  const AuditOpening* last = nullptr;
  for (const AuditOpening& opening : claim.openings) {
    if (opening.row >= rows.size() || (last != nullptr && opening.row <= last->row)) return broken("opening", "of no row, or out of order");
    CARELEDGER_TRY(const Digest commitment, commitment_of(opening));
    if (*rows[opening.row].value != commitment.view()) return broken("opening", "another entry than the one committed to");
    last = &opening;
  }
  return {};
}

// The promise is the custodian's, and the list does not hold what it promises.
Result<void> check_broken(const Bundle& bundle, const AccessClaim& claim, const std::vector<KnownAuthority>& authorities,
                          const MapView& list, Report& report) {
  CARELEDGER_TRY(report.promise, at("promise", from_canonical<ledger::Promise>(claim.promise->promise(), "promise", 4096)));
  const ledger::Promise& promise = report.promise;
  if (promise.ledger() != bundle.ledger.view() || promise.custodian() != claim.custodian.view() ||
      promise.subject() != claim.subject.view() || promise.entry().size() != 32) {
    return broken("promise", "about something else");
  }
  const bool named = promise.request().size() == 32 && (promise.relationship().empty() || promise.relationship().size() == 32);
  if (!named) return broken("promise", "does not say which request and relationship it was given for");
  if (claim.promise->signatures().empty()) return broken("promise", "not signed");
  const Bytes signed_bytes = promise_signed_bytes(claim.promise->promise());
  CARELEDGER_CHECK(check_signatures("promise", authorities, 0, kPromiseRole, signed_bytes, claim.promise->signatures()));
  if (report.head.size() < promise.size_at_least()) return broken("promise", "about a later head than the list's");
  const AuditPlace promised{promise.time_ms(), promise.number()};
  if (!claim.covers(promised)) return broken("promise", "about an entry outside this part of the list");
  const MapLeaf* row = list.find(audit_key(claim.subject, promised));
  if (row != nullptr && row->value == promise.entry()) return broken("promise", "kept: the list holds the entry");
  report.kind = ClaimKind::conviction;
  return {};
}

// Every row of the subject, or every one between the two that bound the part: those stand beside it and show no value.
Result<std::span<const MapLeaf>> complete_rows(const AccessClaim& claim, const MapView& list) {
  const Bytes begin = claim.list_begin();
  const Bytes end = claim.list_end();
  CARELEDGER_TRY(const auto rows, at("list", list.range(begin, end)));
  if (!list.exactly_range(begin, end)) return broken("list", "more or less than the rows of one subject");
  for (const auto& bound : {claim.after, claim.before}) {
    if (bound && list.look(audit_key(claim.subject, *bound)) != MapView::Known::hash_only)
      return broken("list", "a part of it begins or ends at no entry of the subject");
  }
  for (const MapLeaf& leaf : rows) {
    if (!place_of_key(leaf.key) || leaf.value->size() != 32) return broken("list", "a row is not in its form");
  }
  return rows;
}

}  // namespace

Result<void> verify_access(const Bundle& bundle, const AccessClaim& claim, const Committed& committed, Report& report) {
  report.kind = ClaimKind::access_list;
  report.organisation = claim.custodian;
  report.subject = claim.subject;
  CARELEDGER_TRY(const ledger::AccessHead commanded, read_head(bundle, claim));
  CARELEDGER_CHECK(check_logged(claim.head, committed, report));
  CARELEDGER_TRY(const auto authorities, read_state(claim, committed, commanded, report));
  const auto map_root = Digest::from(report.head.map_root());
  if (!map_root) return broken("state", "the head has no root");

  CARELEDGER_TRY(const MapView list, at("list", MapView::verify(claim.list, *map_root)));
  CARELEDGER_TRY(const auto entries, complete_rows(claim, list));
  CARELEDGER_CHECK(check_openings(claim, entries));
  report.entries = entries.size();
  report.after = claim.after;
  report.before = claim.before;
  report.opened = claim.openings.size();
  if (claim.promise) CARELEDGER_CHECK(check_broken(bundle, claim, authorities, list, report));
  return {};
}

}  // namespace careledger::proof
