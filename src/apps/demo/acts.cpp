#include "apps/demo/acts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/terminal.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kUnpackedMax = 64u << 20;

// "system|value" of the first identifier of the Patient in a Bundle.
Result<std::string> identifier_in(const std::string& file) {
  CARELEDGER_TRY(const Bytes text, read_source(file, kUnpackedMax));
  CARELEDGER_TRY(const json::Document bundle, json::parse(text));
  for (const json::Value& entry : bundle.root().items_at("entry")) {
    const json::Value* resource = entry.find("resource");
    if (resource == nullptr || resource->string_at("resourceType") != "Patient") continue;
    for (const json::Value& identifier : resource->items_at("identifier"))
      if (!identifier.string_at("system").empty())
        return std::string(identifier.string_at("system")) + "|" + std::string(identifier.string_at("value"));
  }
  return fail(ErrorKind::invalid, file + " has no Patient with an identifier");
}

struct Retrieved {
  int status = 0;
  json::Document body;
};

Result<Retrieved> retrieve(Stage& stage) {
  http::Request request =
      http::make_request(http::Method::post, "/fhir/Patient/" + stage.south_patient + "/$retrieve",
                         R"({"resourceType":"Parameters","parameter":[{"name":"from","valueString":")" + std::string(kNorth) + R"("}]})",
                         "application/fhir+json");
  CARELEDGER_TRY(const http::Response response, stage.access(kSouth).call(kSouth, edge::auth::Role::clinician, std::move(request)));
  CARELEDGER_TRY(json::Document body, json::parse(response.content()));
  return Retrieved{response.status, std::move(body)};
}

std::string reason_of(const json::Value& outcome) {
  for (const json::Value& issue : outcome.items_at("issue"))
    if (const json::Value* details = issue.find("details"))
      for (const json::Value& coding : details->items_at("coding")) return std::string(coding.string_at("code"));
  return {};
}

Result<std::size_t> count_released(const json::Value& bundle) {
  std::size_t records = 0;
  for (const json::Value& entry : bundle.items_at("entry")) {
    const json::Value* resource = entry.find("resource");
    if (resource == nullptr) return fail(ErrorKind::invalid, "an entry without a resource was released");
    const std::string_view type = resource->string_at("resourceType");
    if (type == "OperationOutcome") continue;
    if (type != "Observation" && type != "DiagnosticReport" && type != "Specimen")
      return fail(ErrorKind::invalid, "something else than laboratory results was released: " + std::string(type));
    if (resource->find("issued") != nullptr || resource->find("encounter") != nullptr)
      return fail(ErrorKind::invalid, "a withheld element was released");
    ++records;
  }
  return records;
}

}  // namespace

Result<std::string> wallet(const std::string& file, const std::string& what, std::vector<std::string> more) {
  std::vector<std::string> arguments{"wallet", what, file};
  arguments.insert(arguments.end(), more.begin(), more.end());
  CARELEDGER_TRY(Finished finished, run_self(arguments));
  if (finished.exit != 0)
    return fail(ErrorKind::unavailable, "careledger wallet " + what + " ended with exit code " + std::to_string(finished.exit));
  while (!finished.out.empty() && finished.out.back() == '\n') finished.out.pop_back();
  return std::move(finished.out);
}

Result<void> enrol(Stage& stage, const std::string& file, const std::string& organisation, const std::string& patient) {
  CARELEDGER_TRY(const std::string code, wallet(file, "show", {"--label", organisation}));
  CARELEDGER_CHECK(stage.fhir(organisation, edge::auth::Role::clinician, http::Method::post, "/Patient/" + patient + "/$relationship",
                              R"({"resourceType":"Parameters","parameter":[{"name":"enrolment","valueString":")" + code + R"("}]})"));
  CARELEDGER_TRY(const std::string origin, stage.origin_of(organisation));
  CARELEDGER_CHECK(wallet(file, "accept", {"--node", origin, "--label", organisation}));
  return {};
}

Result<std::string> grant_laboratory(Stage& stage) {
  CARELEDGER_TRY(const std::string north, stage.origin_of(kNorth));
  CARELEDGER_TRY(const std::string south, stage.origin_of(kSouth));
  return wallet(stage.wallet(), "grant",
                {"--node", north, "--grantee", kSouth, "--grantee-node", south, "--category", "laboratory", "--withhold", "*.issued",
                 "--withhold", "*.encounter", "--purpose", "TREAT", "--days", "30"});
}

std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

Result<ImportReport> bring(Stage& stage, const std::string& organisation, std::vector<std::string> sources) {
  ImportOptions options;
  options.organisation = organisation;
  options.sources = std::move(sources);
  std::unique_ptr<Progress> bar;
  const auto progress = [&](std::size_t done, std::size_t total) {
    if (!bar) bar = std::make_unique<Progress>("    " + organisation, total);
    bar->to(done);
  };
  CARELEDGER_TRY(ImportReport done, import_records(stage.access(organisation), options, progress));
  if (!done.refused.empty()) return fail(ErrorKind::invalid, done.refused.front().source + ": " + done.refused.front().why);
  return done;
}

Result<std::string> find_one(Stage& stage, const std::string& organisation, const std::string& query) {
  CARELEDGER_TRY(const json::Document found, stage.fhir(organisation, edge::auth::Role::clinician, http::Method::get, query));
  const auto entries = found.root().items_at("entry");
  if (entries.empty()) return fail(ErrorKind::not_found, organisation + " found nothing for a search of the demo");
  return std::string(entries[0].find("resource")->string_at("id"));
}

Result<void> find_shared_patient(Stage& stage) {
  CARELEDGER_TRY(const std::string identifier, identifier_in(stage.shared_patient));
  const std::string query = "/Patient?identifier=" + http::percent_encode(identifier);
  CARELEDGER_TRY(stage.north_patient, find_one(stage, kNorth, query));
  CARELEDGER_TRY(stage.south_patient, find_one(stage, kSouth, query));
  CARELEDGER_TRY(stage.north_observation,
                 find_one(stage, kNorth, "/Observation?category=laboratory&patient=Patient/" + stage.north_patient + "&_count=1"));
  return {};
}

Result<void> expect_refusal(Stage& stage, const std::string& reason) {
  CARELEDGER_TRY(const Retrieved refused, retrieve(stage));
  const std::string got = reason_of(refused.body.root());
  if (refused.status != 403 || got != reason)
    return fail(ErrorKind::invalid, fmt::format("expected a refusal for {}, got status {} and reason \"{}\"", reason, refused.status, got));
  stage.say(fmt::format("{} asks {} for the record of a patient whom both know: refused, reason {}", kSouth, kNorth, got));
  return {};
}

Result<Released> take_released(Stage& stage) {
  const std::uint64_t start = system_clock().monotonic_ns();
  CARELEDGER_TRY(const Retrieved released, retrieve(stage));
  const double ms = seconds_since(start) * 1e3;
  if (released.status != 200) return fail(ErrorKind::forbidden, "the granted request was refused: " + reason_of(released.body.root()));
  CARELEDGER_TRY(const std::size_t records, count_released(released.body.root()));
  if (records == 0) return fail(ErrorKind::invalid, "nothing was released although the patient has laboratory results");
  return Released{records, ms};
}

void say_released(Stage& stage, const Released& released) {
  stage.say(fmt::format(
      "the same request now gives {} laboratory records in {:.0f} ms, without the two withheld elements, and nothing else; each was "
      "verified against the ledger on arrival",
      released.records, released.ms));
  stage.table.push_back({"release of a patient's laboratory records", fmt::format("{} in {:.0f} ms", released.records, released.ms)});
}

std::string trust_of(const Stage& stage) { return stage.scratch + "/trust.json"; }

Result<void> prove_to(Stage& stage, const std::string& organisation, const std::string& record, const std::string& file,
                      const std::vector<std::string>& more) {
  std::vector<std::string> arguments{
      "prove", stage.host(organisation).layout.folder, record, "--organisation", organisation, "-o", file, "--trust-out", trust_of(stage)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  CARELEDGER_CHECK(run_json(std::move(arguments)));
  return {};
}

Result<proof::Report> verify_files(const std::string& bundle, const std::string& trust_file) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(trust_file, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(bundle, proof::kMaxBundle));
  return proof::verify(bytes, trust);
}

Result<std::size_t> verify_and_flip(const std::string& what, const std::string& file, const std::string& trust_file) {
  CARELEDGER_TRY(const Finished finished, run_self({"verify", file, "--trust", trust_file}));
  if (finished.exit != 0) return fail(ErrorKind::invalid, "careledger verify refused a good proof of " + what + ": " + finished.out);
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(trust_file, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(Bytes bytes, system_files().read_all(file, proof::kMaxBundle));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    if (proof::verify(bytes, trust))
      return fail(ErrorKind::invalid, what + ": the proof was accepted with byte " + std::to_string(at) + " changed");
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  if (!proof::verify(bytes, trust)) return fail(ErrorKind::invalid, what + ": the unchanged proof was refused");
  return bytes.size();
}

Result<std::string> audit_finds(const std::string& folder, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"audit", folder};
  arguments.insert(arguments.end(), more.begin(), more.end());
  CARELEDGER_TRY(Finished audit, run_self(arguments));
  if (audit.exit != 1 || audit.out.find("Found:") == std::string::npos)
    return fail(ErrorKind::invalid, "careledger audit of " + folder + " found nothing (exit code " + std::to_string(audit.exit) + ")");
  return std::move(audit.out);
}

Result<std::string> finding(const Stage& stage, const std::string& audit, const std::string& where) {
  for (std::size_t at = 0; at < audit.size();) {
    const std::size_t end = std::min(audit.find('\n', at), audit.size());
    std::string line = audit.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("Found:") || line.find(where) == std::string::npos) continue;
    for (std::size_t here = line.find(stage.scratch); here != std::string::npos; here = line.find(stage.scratch))
      line.erase(here, stage.scratch.size() + 1);
    return line;
  }
  return fail(ErrorKind::invalid, "careledger audit does not name " + where + ":\n" + audit);
}

}  // namespace careledger::apps::demo
