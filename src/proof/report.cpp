// What a verified bundle proves, in plain words.
#include <fmt/format.h>

#include "proof/verify.h"

namespace careledger::proof {
namespace {

// Text from a bundle goes to a terminal: control characters become question marks.
std::string plain(ByteView text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

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
  out.push_back(fmt::format("Record: a {} was anchored by \"{}\" in block {}, command {}.", plain(report.type),
                            plain(report.organisation_name), report.anchored.value, report.position));
  out.push_back("Organisation: " + report.organisation.hex());
  out.push_back("Commitment: " + report.commitment.hex());
  for (const ShownValue& shown : report.shown) {
    if (!shown.value.empty()) out.push_back(fmt::format("Shown: {} = {}", plain(shown.name), plain(shown.value)));
    if (!shown.extra.empty()) out.push_back(fmt::format("Shown: _{} = {}", plain(shown.name), plain(shown.extra)));
  }
  out.push_back(currency_line(report));
  if (report.command_signatures > 0) out.push_back(fmt::format("Organisation's signatures on the anchor: {}.", report.command_signatures));
}

void access_lines(const Report& report, std::vector<std::string>& out) {
  out.push_back(fmt::format("Access list: \"{}\" recorded {} accesses to one subject by its head of {} entries, and no other; {} shown.",
                            plain(report.organisation_name), report.entries, report.head.size(), report.opened));
  out.push_back("Organisation: " + report.organisation.hex());
  out.push_back("Subject: " + report.subject.hex());
  out.push_back(fmt::format("As of block {} ({}).", report.as_of.value, to_rfc3339(report.time)));
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
                              plain(organisation_name), promise.time_ms(), promise.size_at_least()));
    out.push_back("Promised for request: " + to_hex(promise.request()));
    if (!promise.relationship().empty()) out.push_back("Promised for relationship: " + to_hex(promise.relationship()));
  }
  out.push_back(fmt::format("Ledger: {}", ledger.hex()));
  out.push_back(fmt::format("Signed by {} {}, witnessed by {} of {}.", signers, signers == 1 ? "key" : "keys", witnesses, witnesses_known));
  return out;
}

}  // namespace careledger::proof
