#include "apps/demo/patients.h"

namespace careledger::apps::demo {

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
  CARELEDGER_CHECK(stage.fhir(organisation, edge::auth::Role::clinician, edge::http::Method::post, "/Patient/" + patient + "/$relationship",
                              R"({"resourceType":"Parameters","parameter":[{"name":"enrolment","valueString":")" + code + R"("}]})"));
  CARELEDGER_TRY(const std::string origin, stage.access->origin_of(organisation));
  CARELEDGER_CHECK(wallet(file, "accept", {"--node", origin, "--label", organisation}));
  return {};
}

}  // namespace careledger::apps::demo
