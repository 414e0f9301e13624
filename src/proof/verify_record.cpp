// A record version: which elements it has, who anchored it when, and what became of it.
#include <bit>

#include "codec/json/json.h"
#include "proof/canonical.h"
#include "proof/verify_parts.h"

namespace careledger::proof {
namespace {

struct AnchorCommand {
  ledger::Anchor anchor;
  AccountId actor;
};

Result<AnchorCommand> read_command(const Bundle& bundle, const RecordClaim& claim) {
  CARELEDGER_TRY(const ActorCommand command, open_command(bundle, claim.anchor, kRecordsContract, "no anchor of records"));
  CARELEDGER_TRY(const auto payload, at("command", from_canonical<bundle::RecordsPayload>(command.payload, "anchor", kMaxCommand)));
  const ledger::Anchor& anchor = payload.anchor();
  if (!payload.has_anchor() || anchor.root().size() != 32 || !std::has_single_bit(anchor.count())) {
    return broken("command", "no anchor of records");
  }
  return AnchorCommand{anchor, command.actor};
}

Result<Digest> root_from(const ShownElement& element) {
  Digest hash = log_leaf(element.leaf);
  for (const auto& [left, sibling] : element.path) hash = left ? log_node(sibling, hash) : log_node(hash, sibling);
  return hash;
}

Result<ShownValue> read_element(const ShownElement& element) {
  ByteView rest = element.leaf;
  const auto salt = take_field(rest);
  const auto name = take_field(rest);
  const auto value = take_field(rest);
  const auto extra = take_field(rest);
  if (!salt || !name || !value || !extra || !rest.empty() || salt->size() != 32 || name->empty()) {
    return broken("record", "an element is not in its form");
  }
  if (!codec::json::is_utf8(*name) || !codec::json::is_utf8(*value) || !codec::json::is_utf8(*extra)) {
    return broken("record", "an element is not text");
  }
  return ShownValue{std::string(*name), Bytes(*value), Bytes(*extra)};
}

Result<void> check_elements(const RecordClaim& claim, Report& report) {
  if (claim.profile != kRecordProfile) return broken("record", "in a profile that is not known");
  if (claim.type.empty() || claim.type.size() > 64 || !codec::json::is_utf8(claim.type)) return broken("record", "of no type");
  for (const ShownElement& element : claim.elements) {
    CARELEDGER_TRY(ShownValue value, read_element(element));
    if (!report.shown.empty() && value.name <= report.shown.back().name) return broken("record", "elements out of order");
    CARELEDGER_TRY(const Digest root, root_from(element));
    if (root != claim.root) return broken("record", "an element does not belong to it");
    report.shown.push_back(std::move(value));
  }
  return {};
}

Result<void> read_currency(StateRows& rows, const AnchorCommand& command, Report& report) {
  const Bytes key = exception_key(command.actor, report.commitment);
  switch (rows.look(key)) {
    case MapView::Known::unknown:
    case MapView::Known::hash_only: return {};
    case MapView::Known::absent: report.currency = Currency::current; return {};
    case MapView::Known::present: break;
  }
  CARELEDGER_TRY(const auto exception, rows.row<ledger::RecordException>(key, "exception"));
  switch (exception.status()) {
    case 1: report.currency = Currency::superseded; break;
    case 2: report.currency = Currency::entered_in_error; break;
    case 3: report.currency = Currency::erased; break;
    default: return broken("state", "an exception of an unknown kind");
  }
  report.excepted = {exception.height()};
  return {};
}

}  // namespace

Result<void> verify_record(const Bundle& bundle, const RecordClaim& claim, const Committed& committed, Report& report) {
  report.kind = ClaimKind::record;
  CARELEDGER_TRY(const AnchorCommand command, read_command(bundle, claim));
  CARELEDGER_CHECK(check_logged(claim.anchor, committed, report));
  CARELEDGER_CHECK(check_elements(claim, report));
  report.type = claim.type;
  report.commitment = record_commitment(claim.profile, claim.type, claim.root);
  CARELEDGER_CHECK(at("anchor", verify_inclusion(log_leaf(report.commitment.view()), claim.leaf, command.anchor.count(), claim.leaf_path,
                                                 *Digest::from(command.anchor.root()))));
  CARELEDGER_TRY(StateRows rows, StateRows::open(claim.state, committed.state_root));
  CARELEDGER_TRY(const auto organisation, rows.row<ledger::Organisation>(organisation_key(command.actor), "organisation"));
  CARELEDGER_TRY(const auto authorities, rows.authorities(command.actor, claim.anchor.height.value));
  CARELEDGER_CHECK(read_currency(rows, command, report));
  CARELEDGER_CHECK(rows.nothing_more());
  CARELEDGER_CHECK(check_command_signatures(authorities, claim.anchor, report));
  report.organisation = command.actor;
  report.organisation_name = organisation.name();
  return {};
}

}  // namespace careledger::proof
