#include "apps/list_walk.h"

#include <limits>

namespace careledger::apps {
namespace {

using proof::AuditPlace;

tl::unexpected<Error> broken(const std::string& what) { return fail(ErrorKind::corrupt, "the node's list of accesses: " + what); }

AuditPlace place_at(BlockTime time) { return {static_cast<std::uint64_t>(time.value), 0}; }

AuditPlace behind(AuditPlace place) {
  if (place.number == std::numeric_limits<std::uint32_t>::max()) return {place.time_ms + 1, 0};
  return {place.time_ms, place.number + 1};
}

// Neither another organisation's list, nor an older one than this wallet has seen, nor the same size with other content.
Result<void> judge(const proof::Report& report, const WalletKey& key, const std::string& organisation) {
  if (report.kind != proof::ClaimKind::access_list) return broken("not a list of accesses");
  if (report.organisation.hex() != organisation) return broken("of another organisation");
  if (report.opened != report.entries) return broken("some of its entries stay closed");
  if (report.head.size() < key.head_size || report.as_of.value < key.as_of) return broken("older than one this wallet has seen");
  if (report.head.size() == key.head_size && to_hex(report.head.map_root()) != key.head_root)
    return broken("rewritten since this wallet last saw it");
  return {};
}

Result<std::vector<AuditPlace>> places_in(const proof::AccessClaim& claim, const proof::Report& report) {
  CARELEDGER_TRY(const proof::MapView list, proof::MapView::verify(claim.list, *Digest::from(report.head.map_root())));
  CARELEDGER_TRY(const auto rows, list.range(claim.list_begin(), claim.list_end()));
  std::vector<AuditPlace> places;
  for (const proof::MapLeaf& row : rows) places.push_back(*proof::place_of_key(row.key));
  return places;
}

}  // namespace

ListWalk::ListWalk(proof::Trust trust, std::string organisation, const LogRange& range)
    : trust_(std::move(trust)), organisation_(std::move(organisation)), range_(range) {}

std::string ListWalk::target() const {
  std::string query;
  const auto add = [&query](const char* name, AuditPlace place) { query += (query.empty() ? "?" : "&") + (name + proof::to_text(place)); };
  if (last_) add("from=", behind(*last_));
  else if (range_.from) add("from=", place_at(*range_.from));
  if (range_.to) add("to=", place_at(*range_.to));
  return "/patient/v1/accesses" + query;
}

Result<void> ListWalk::follows(const proof::Report& report) const {
  if (last_) return report.after == last_ ? Result<void>() : broken("a part does not go on where the one before ended");
  if (!report.after) return {};
  if (!range_.from) return broken("it begins with a later entry than the first");
  return *report.after < place_at(*range_.from) ? Result<void>() : broken("it begins later than it was asked to");
}

Result<ListWalk::Part> ListWalk::take(ByteView bytes, WalletKey& key) {
  CARELEDGER_TRY(proof::Report report, proof::verify(bytes, trust_));
  CARELEDGER_CHECK(judge(report, key, organisation_));
  CARELEDGER_CHECK(key.pin_subject(report.subject.hex()));
  CARELEDGER_CHECK(follows(report));
  const bool ends = !report.before || (range_.to && *report.before >= place_at(*range_.to));
  if (!ends && report.entries == 0) return broken("a part without an entry does not reach the end");
  CARELEDGER_TRY(proof::Bundle bundle, proof::decode_bundle(bytes));
  auto& claim = std::get<proof::AccessClaim>(bundle.claim);
  CARELEDGER_TRY(std::vector<AuditPlace> places, places_in(claim, report));
  if (!places.empty()) last_ = places.back();
  done_ = ends;
  entries_ += report.entries;
  ++parts_;
  key.head_size = report.head.size();
  key.head_root = to_hex(report.head.map_root());
  key.as_of = report.as_of.value;
  return Part{std::move(report), std::move(claim), std::move(places)};
}

}  // namespace careledger::apps
