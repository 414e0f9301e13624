#include "contracts/records/records.h"

#include <bit>

#include "crypto/hash.h"
#include "kernel/define.h"

namespace careledger::contracts::records {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

namespace {

using Commitments = google::protobuf::RepeatedPtrField<std::string>;

Digest exception_of(const OrganisationId& organisation, ByteView commitment) {
  return crypto::tagged_hash("careledger/record-exception/1", {organisation.view(), commitment});
}

bool are_sorted_digests(const Commitments& commitments) {  // ascending, so that none stands twice
  ByteView last;
  for (const auto& commitment : commitments) {
    if (!is_digest(commitment) || commitment <= last) return false;
    last = commitment;
  }
  return true;
}

bool share_none(const Commitments& a, const Commitments& b) {
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (*left == *right) return false;
    (*left < *right) ? static_cast<void>(++left) : static_cast<void>(++right);
  }
  return true;
}

// The exception that keeps `commitment` from getting `wanted`, or ok.
Codes decide_exception(ByteView commitment, ExceptionStatus wanted, const Call& call, const Reader& state) {
  const auto row = state.get(kExceptions, exception_of(call.actor, commitment));
  if (!row || row->status() < number_of(wanted)) return Codes::ok;
  if (row->status() == number_of(ExceptionStatus::erased)) return Codes::already_erased;
  return row->status() == number_of(ExceptionStatus::entered_in_error) ? Codes::already_entered_in_error : Codes::already_superseded;
}

void except(ByteView commitment, ExceptionStatus status, const Call& call, Writer& state) {
  ledger::RecordException row;
  row.set_status(number_of(status));
  row.set_height(call.height.value);
  state.put(kExceptions, row, exception_of(call.actor, commitment));
  Event event;
  auto* excepted = event.mutable_excepted();
  excepted->set_organisation(call.actor.bytes());
  excepted->set_commitment(Bytes(commitment));
  excepted->set_status(number_of(status));
  state.emit(event);
}

}  // namespace

Digest exception_id(const OrganisationId& organisation, const Digest& commitment) { return exception_of(organisation, commitment.view()); }

// Rules stand in the contract's own namespace, where kernel::define finds them by their arguments. The anchor's message is the
// ledger's, which proofs read; here it goes under a name of this contract.
struct Anchoring {
  const ledger::Anchor& anchor;
};
static Anchoring anchoring_of(const Payload& payload) { return {payload.anchor()}; }

bool well_formed(const Anchoring& c) {
  const auto& anchor = c.anchor;
  return is_digest(anchor.root()) && std::has_single_bit(anchor.count()) && anchor.count() <= kAnchorCountMax &&
         are_sorted_digests(anchor.supersedes()) && are_sorted_digests(anchor.entered_in_error()) &&
         share_none(anchor.supersedes(), anchor.entered_in_error());
}

void foresee(const Anchoring& c, const AccountId& actor, std::vector<kernel::Key>& keys) {
  for (const Commitments* commitments : {&c.anchor.supersedes(), &c.anchor.entered_in_error()})
    for (const auto& commitment : *commitments) keys.push_back(kExceptions.key(exception_of(actor, commitment)));
}

Codes decide(const Anchoring& c, const Call& call, const Reader& state) {
  if (!is_organisation(state, call.actor)) return Codes::not_an_organisation;
  Codes first = Codes::ok;  // the smallest number wins, wherever it stands in the lists
  const auto judge = [&](const Commitments& commitments, ExceptionStatus wanted) {
    for (const auto& commitment : commitments) {
      const Codes code = decide_exception(commitment, wanted, call, state);
      if (code != Codes::ok && (first == Codes::ok || code < first)) first = code;
    }
  };
  judge(c.anchor.supersedes(), ExceptionStatus::superseded);
  judge(c.anchor.entered_in_error(), ExceptionStatus::entered_in_error);
  return first;
}

void apply(const Anchoring& c, const Call& call, Writer& state) {
  Event event;
  auto* anchored = event.mutable_anchored();
  anchored->set_organisation(call.actor.bytes());
  anchored->set_root(c.anchor.root());
  anchored->set_count(c.anchor.count());
  state.emit(event);
  for (const auto& commitment : c.anchor.supersedes()) except(commitment, ExceptionStatus::superseded, call, state);
  for (const auto& commitment : c.anchor.entered_in_error()) except(commitment, ExceptionStatus::entered_in_error, call, state);
}

void foresee(const Erase& c, const AccountId& actor, std::vector<kernel::Key>& keys) {
  keys.push_back(kExceptions.key(exception_of(actor, c.commitment())));
}
bool well_formed(const Erase& c) { return is_digest(c.commitment()); }
Codes decide(const Erase& c, const Call& call, const Reader& state) {
  if (!is_organisation(state, call.actor)) return Codes::not_an_organisation;
  return decide_exception(c.commitment(), ExceptionStatus::erased, call, state);
}
void apply(const Erase& c, const Call& call, Writer& state) { except(c.commitment(), ExceptionStatus::erased, call, state); }

static bool exception_holds(const Call&, const kernel::Key&, kernel::RowBytes before, kernel::RowBytes after, const Reader&) {
  if (!after) return false;
  const auto now = row_of<ledger::RecordException>(*after);
  return !before || row_of<ledger::RecordException>(*before).status() < now.status();
}

static constexpr kernel::Invariant kInvariants[] = {
    {kExceptions.space, "an exception stays, and its status only rises", &exception_holds},
};

static constexpr kernel::CodeName kCodes[] = {
    {0, "ok"}, {1, "not_an_organisation"}, {2, "already_erased"}, {3, "already_entered_in_error"}, {4, "already_superseded"},
};

constinit const kernel::Contract kContract =
    kernel::define<{4}, Codes, Payload, kernel::Case<Payload::kAnchor, &anchoring_of>, kernel::Case<Payload::kErase, &Payload::erase>>(
        "records", {1}, kInvariants, kCodes);

}  // namespace careledger::contracts::records
