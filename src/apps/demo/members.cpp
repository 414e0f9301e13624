// Steps 1 and 2: who takes part, and whose records there are.

#include <fmt/format.h>

#include "apps/demo/acts.h"
#include "apps/demo/demo.h"
#include "apps/founding.h"

namespace careledger::apps::demo {
namespace {

namespace http = edge::http;
namespace json = codec::json;

// The ids of an organisation's patients but for the one whom both hospitals know.
Result<std::vector<std::string>> other_patients(Stage& stage, const std::string& organisation) {
  CARELEDGER_TRY(const json::Document found,
                 stage.fhir(organisation, edge::auth::Role::clinician, http::Method::get, "/Patient?_count=100"));
  std::vector<std::string> ids;
  for (const json::Value& entry : found.root().items_at("entry")) {
    const std::string id(entry.find("resource")->string_at("id"));
    if (id != stage.north_patient && id != stage.south_patient) ids.push_back(id);
  }
  if (ids.empty()) return fail(ErrorKind::not_found, organisation + " has no other patients");
  return ids;
}

Result<void> hold_in_trust(Stage& stage, const std::string& organisation, const std::string& patient) {
  CARELEDGER_CHECK(stage.fhir(organisation, edge::auth::Role::clinician, http::Method::post, "/Patient/" + patient + "/$relationship",
                              R"({"resourceType":"Parameters","parameter":[{"name":"holdInTrust","valueBoolean":true}]})"));
  return {};
}

// Three patients have a wallet: the one whom both hospitals know, and one more at each. The others have no device.
Result<void> bind_patients(Stage& stage) {
  CARELEDGER_CHECK(wallet(stage.wallet(), "create", {}));
  CARELEDGER_CHECK(enrol(stage, stage.wallet(), kNorth, stage.north_patient));
  CARELEDGER_CHECK(enrol(stage, stage.wallet(), kSouth, stage.south_patient));
  std::size_t own = 1, in_trust = 0;
  for (const char* organisation : {kNorth, kSouth}) {
    CARELEDGER_TRY(const std::vector<std::string> others, other_patients(stage, organisation));
    const std::string file = stage.scratch + "/patient-" + std::to_string(++own) + ".wallet";
    CARELEDGER_CHECK(wallet(file, "create", {}));
    CARELEDGER_CHECK(enrol(stage, file, organisation, others.front()));
    for (std::size_t i = 1; i < others.size(); ++i) CARELEDGER_CHECK(hold_in_trust(stage, organisation, others[i]));
    in_trust += others.size() - 1;
  }
  stage.say(fmt::format("{} patients accepted their hospital's relationship from a wallet of their own", own));
  stage.say(fmt::format("{} patients have no device: their hospital holds their keys in trust", in_trust));
  stage.say(fmt::format("one of the {} is a patient of both hospitals: one person, two pseudonyms that nothing on the ledger links", own));
  return {};
}

Result<void> run_found(Stage& stage) {
  NewLedger order;
  order.name = "Demo";
  order.epoch_ms = 50;  // short, so that the demo does not wait; a real ledger takes seconds
  order.organisations = {{kNorth, "hospital", 0}, {kSouth, "hospital", 0}, {kLaboratory, "laboratory", 0}, {kRegulator, "regulator", 0}};
  CARELEDGER_CHECK(
      found_ledger(stage.host(kNorth).layout, order, system_clock(), system_entropy(), [&](const std::string& step) { stage.say(step); }));
  CARELEDGER_CHECK(stage.serve());
  stage.say(fmt::format("one process serves the four of them (process {})", stage.host(kNorth).process->pid()));
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

  CARELEDGER_CHECK(find_shared_patient(stage));
  return bind_patients(stage);
}

}  // namespace

Step found() {
  return {"Members are admitted and clinicians accredited",
          "who may take part stands on the ledger, with roles that expire, before any record does", run_found};
}

Step bring_patients() {
  return {"Patients come in",
          "records stay with their hospital, encrypted one by one; the ledger holds salted commitments and a pseudonym a relationship",
          run_bring_patients};
}

}  // namespace careledger::apps::demo
