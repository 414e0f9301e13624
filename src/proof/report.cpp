// What a verified bundle proves, in plain words.
#include <fmt/format.h>

#include "base/printable.h"
#include "proof/verify.h"

namespace careledger::proof {
namespace {

std::string currency_line(const Report& report) {
  const std::string as_of = fmt::format("as of block {} ({})", report.as_of.value, to_rfc3339(report.time));
  switch (report.currency) {
    case Currency::not_claimed: return "Current: nothing is said about later versions.";
    case Currency::current: return "Current " + as_of + ": its custodian has declared no successor.";
    case Currency::superseded: return fmt::format("Superseded by a later version, declared in block {}; {}.", report.excepted.value, as_of);
    case Currency::entered_in_error: return fmt::format("Entered in error, declared in block {}; {}.", report.excepted.value, as_of);
    case Currency::erased: return fmt::format("Erased, declared in block {}; {}.", report.excepted.value, as_of);
  }
  return {};
}

void record_lines(const Report& report, std::vector<std::string>& out) {
  out.push_back(fmt::format("Record: a {} was anchored by \"{}\" in block {}, command {}.", printable(report.type),
                            printable(report.organisation_name), report.height.value, report.position));
  out.push_back("Organisation: " + report.organisation.hex());
  out.push_back("Commitment: " + report.commitment.hex());
  for (const ShownValue& shown : report.shown) {
    if (!shown.value.empty()) out.push_back(fmt::format("Shown: {} = {}", printable(shown.name), printable(shown.value)));
    if (!shown.extra.empty()) out.push_back(fmt::format("Shown: _{} = {}", printable(shown.name), printable(shown.extra)));
  }
  out.push_back(currency_line(report));
}

std::string place_text(AuditPlace place) {
  constexpr std::uint64_t kLastMs = 253402300799999;  // of the year 9999
  const std::string time =
      place.time_ms > kLastMs ? std::to_string(place.time_ms) + " ms" : to_rfc3339(time_from({static_cast<std::int64_t>(place.time_ms)}));
  return fmt::format("{}, number {}", time, place.number);
}

// A part never reads like the whole: what it is comes first, and what lies outside is named as such.
void part_lines(const Report& report, std::vector<std::string>& out) {
  out.push_back(
      fmt::format("Part of an access list, not the whole: of the accesses to one subject \"{}\" recorded {} in this part by its "
                  "head of {} entries, and no other; {} shown.",
                  printable(report.organisation_name), report.entries, report.head.size(), report.opened));
  const auto bound = [](const std::optional<AuditPlace>& place, const char* none) {
    return place ? fmt::format("the entry at {} (left out)", place_text(*place)) : std::string(none);
  };
  out.push_back(fmt::format("Complete from {} to {}: {} entries.", bound(report.after, "the beginning"), bound(report.before, "the end"),
                            report.entries));
  out.push_back(fmt::format("Not in this part: {} accesses; there are some.", !report.after    ? "later"
                                                                              : !report.before ? "earlier"
                                                                                               : "earlier and later"));
}

void access_lines(const Report& report, std::vector<std::string>& out) {
  if (report.is_part()) {
    part_lines(report, out);
  } else {
    out.push_back(fmt::format("Access list: \"{}\" recorded {} accesses to one subject by its head of {} entries, and no other; {} shown.",
                              printable(report.organisation_name), report.entries, report.head.size(), report.opened));
  }
  out.push_back("Organisation: " + report.organisation.hex());
  out.push_back("Subject: " + report.subject.hex());
  out.push_back(fmt::format("Head: set in block {}, command {}.", report.height.value, report.position));
  out.push_back(fmt::format("Newest as of block {} ({}): no later head had come.", report.as_of.value, to_rfc3339(report.time)));
}

// By whom, in the end: the validators that the trust file names, at a time that it may bound.
void trust_lines(const Report& report, std::vector<std::string>& out) {
  if (report.followed) {
    const Followed& way = *report.followed;
    out.push_back(
        fmt::format("Followed: from block {} ({}), which the trust file's validators signed, over {} {} to block {}, each signed "
                    "by over two thirds of the validators before or by those they announced.",
                    way.from.value, to_rfc3339(way.time), way.headers, way.headers == 1 ? "header" : "headers", report.as_of.value + 1));
  }
  if (report.anchor) {
    out.push_back(fmt::format("Trusting period: the trust file is of block {} ({}) and believed until {}.", report.anchor->height.value,
                              to_rfc3339(time_from(report.anchor->time)), to_rfc3339(time_from(report.anchor->ends()))));
  } else if (report.followed) {
    out.push_back(
        "Trusting period: none; whoever has got the keys of over two thirds of one of these validators' sets since could lead "
        "elsewhere.");
  }
}

const char* command_name(ClaimKind kind) { return kind == ClaimKind::record ? "anchor" : "head"; }

// What of the claim is read from the state, besides the organisation.
const char* said_by_state(const Report& report) {
  if (report.kind != ClaimKind::record) return ", and that no later head had come";
  if (report.currency == Currency::not_claimed) return "";
  return report.currency == Currency::current ? ", and that the record was current" : ", and what became of the record";
}

// Who vouches for which part: never one line for what witnesses have seen and for what they have not.
void voucher_lines(const Report& report, std::vector<std::string>& out) {
  const std::string seen = report.witnesses == 0 ? "nothing"
                                                 : fmt::format("the {}, as entry {} of a log of which they cosigned {}",
                                                               command_name(report.kind), report.log_index + 1, report.checkpoint_size);
  out.push_back(fmt::format("Witnessed by {} of {}: {}.", report.witnesses, report.witnesses_known, seen));
  out.push_back(fmt::format("Signed by {} {}, not witnessed: the state after block {}; from it the organisation's name and keys{}.",
                            report.signers, report.signers == 1 ? "key" : "keys", report.as_of.value, said_by_state(report)));
  if (report.checkpoint_size == 0) out.push_back("Checkpoint: none.");
  else if (report.unwitnessed() == 0) out.push_back(fmt::format("Checkpoint: as new as block {}.", report.as_of.value));
  else out.push_back(fmt::format("Checkpoint: older than block {}, by {} entries of the log.", report.as_of.value, report.unwitnessed()));
}

}  // namespace

std::vector<std::string> Report::lines() const {
  std::vector<std::string> out;
  if (kind == ClaimKind::record) {
    record_lines(*this, out);
  } else {
    access_lines(*this, out);
  }
  if (kind == ClaimKind::conviction) {
    out.push_back(fmt::format("Conviction: \"{}\" signed that this list would hold an access at {} by a head of {} entries. It does not.",
                              printable(organisation_name), promise.time_ms(), promise.size_at_least()));
    out.push_back("Promised for request: " + to_hex(promise.request()));
    if (!promise.relationship().empty()) out.push_back("Promised for relationship: " + to_hex(promise.relationship()));
  }
  if (command_signatures > 0)
    out.push_back(fmt::format("Organisation's signatures on the {}: {}.", command_name(kind), command_signatures));
  out.push_back(fmt::format("Ledger: {}", ledger.hex()));
  trust_lines(*this, out);
  voucher_lines(*this, out);
  return out;
}

std::uint64_t Report::unwitnessed() const { return log_size > checkpoint_size ? log_size - checkpoint_size : 0; }

}  // namespace careledger::proof
