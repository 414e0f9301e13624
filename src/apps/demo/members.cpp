// Steps 1 and 2: who takes part, and whose records there are.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/demo/demo.h"
#include "apps/founding.h"
#include "apps/import.h"
#include "apps/terminal.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kUnpackedMax = 64u << 20;

std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path().string());
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
  CARELEDGER_TRY(ImportReport done, import_records(*stage.access, options, progress));
  if (!done.refused.empty()) return fail(ErrorKind::invalid, done.refused.front().source + ": " + done.refused.front().why);
  return done;
}

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

Result<std::string> find_one(Stage& stage, const std::string& organisation, const std::string& query) {
  CARELEDGER_TRY(const json::Document found, stage.fhir(organisation, edge::auth::Role::clinician, http::Method::get, query));
  const auto entries = found.root().items_at("entry");
  if (entries.empty()) return fail(ErrorKind::not_found, organisation + " found nothing for a search of the demo");
  return std::string(entries[0].find("resource")->string_at("id"));
}

Result<void> hold_in_trust(Stage& stage, const std::string& organisation, std::size_t& count) {
  CARELEDGER_TRY(const json::Document found,
                 stage.fhir(organisation, edge::auth::Role::clinician, http::Method::get, "/Patient?_count=100"));
  const std::string shared = organisation == kNorth ? stage.north_patient : stage.south_patient;
  for (const json::Value& entry : found.root().items_at("entry")) {
    const std::string id(entry.find("resource")->string_at("id"));
    if (id == shared) continue;
    CARELEDGER_CHECK(stage.fhir(organisation, edge::auth::Role::clinician, http::Method::post, "/Patient/" + id + "/$relationship",
                                R"({"resourceType":"Parameters","parameter":[{"name":"holdInTrust","valueBoolean":true}]})"));
    ++count;
  }
  return {};
}

Result<void> run_found(Stage& stage) {
  NewLedger order;
  order.name = "Demo";
  order.epoch_ms = 50;  // short, so that the demo does not wait; a real ledger takes seconds
  order.organisations = {{kNorth, "hospital", 0}, {kSouth, "hospital", 0}, {kLaboratory, "laboratory", 0}, {kRegulator, "regulator", 0}};
  CARELEDGER_CHECK(found_ledger(stage.layout, order, system_clock(), system_entropy(), [&](const std::string& step) { stage.say(step); }));
  CARELEDGER_CHECK(stage.serve());
  stage.say(fmt::format("one process serves the four of them (process {})", stage.node->pid()));
  return {};
}

Result<void> run_bring_patients(Stage& stage) {
  const std::string& samples = stage.options.samples;
  const std::vector<std::string> infrastructure = files_of(samples + "/2021-infrastructure");
  const std::vector<std::string> newer = files_of(samples + "/2021");
  const std::vector<std::string> older = files_of(samples + "/2019");
  if (newer.empty() || older.empty()) return fail(ErrorKind::not_found, samples + " holds no patients");
  stage.shared_patient = newer.front();

  std::vector<std::string> north = infrastructure;
  north.insert(north.end(), newer.begin(), newer.end());
  std::vector<std::string> south = infrastructure;
  south.push_back(stage.shared_patient);
  CARELEDGER_TRY(const ImportReport at_north, bring(stage, kNorth, north));
  CARELEDGER_TRY(const ImportReport at_south, bring(stage, kSouth, south));
  CARELEDGER_TRY(const ImportReport more_at_south, bring(stage, kSouth, older));
  const std::uint64_t resources = at_north.resources + at_south.resources + more_at_south.resources;
  stage.say(fmt::format("{}: {} patients, {} resources in {:.1f} s; {}: {} patients, {} resources in {:.1f} s", kNorth, newer.size(),
                        at_north.resources, at_north.seconds, kSouth, older.size() + 1, at_south.resources + more_at_south.resources,
                        at_south.seconds + more_at_south.seconds));
  stage.table.push_back({"resources stored, each encrypted, indexed, audited and anchored", std::to_string(resources)});

  CARELEDGER_TRY(const std::string identifier, identifier_in(stage.shared_patient));
  const std::string query = "/Patient?identifier=" + http::percent_encode(identifier);
  CARELEDGER_TRY(stage.north_patient, find_one(stage, kNorth, query));
  CARELEDGER_TRY(stage.south_patient, find_one(stage, kSouth, query));
  CARELEDGER_TRY(stage.north_observation,
                 find_one(stage, kNorth, "/Observation?category=laboratory&patient=Patient/" + stage.north_patient + "&_count=1"));
  std::size_t in_trust = 0;
  CARELEDGER_CHECK(hold_in_trust(stage, kNorth, in_trust));
  CARELEDGER_CHECK(hold_in_trust(stage, kSouth, in_trust));
  stage.say(fmt::format("{} patients have no device: their hospital holds their keys in trust", in_trust));
  return {};
}

}  // namespace

Step found() {
  return {"Members are admitted and clinicians accredited",
          "who may take part stands on the ledger, with roles that expire, before any record does", run_found};
}

Step bring_patients() {
  return {"Patients come in", "records stay with their hospital, encrypted one by one, and the ledger holds nothing but salted commitments",
          run_bring_patients};
}

}  // namespace careledger::apps::demo
