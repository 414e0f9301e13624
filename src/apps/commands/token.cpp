#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/node_access.h"
#include "apps/terminal.h"

namespace careledger::apps::commands {
namespace {

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string role = "clinician";
  std::string actor;
  std::string purpose = "TREAT";
  std::string patient;
  bool emergency = false;
  std::uint32_t minutes = 60;
};

Result<edge::auth::Principal> principal_of(const Options& options, const OrganisationConfig& organisation) {
  edge::auth::Principal principal;
  principal.organisation = organisation.id;
  CARELEDGER_TRY(principal.role, edge::auth::role_of(options.role));
  principal.purpose = options.purpose;
  principal.emergency = options.emergency;
  principal.actor = options.actor;
  if (principal.role == edge::auth::Role::patient) {
    if (options.patient.empty()) return fail(ErrorKind::invalid, "a patient's token needs --patient ID, the id of the Patient resource");
    principal.compartment = options.patient;
    if (principal.actor.empty()) principal.actor = "Patient/" + options.patient;
  } else if (principal.actor.empty()) {
    principal.actor =
        principal.role == edge::auth::Role::clinician ? "Practitioner/" + organisation.clinician.hex() : "Device/" + options.role;
  }
  return principal;
}

Result<std::string> make(const Options& options) {
  CARELEDGER_TRY(const auto access, NodeAccess::open(layout_of(options.folder.folder), options.folder.seal));
  const OrganisationConfig* organisation = access->config().find(options.organisation);
  if (organisation == nullptr) return fail(ErrorKind::not_found, "this node hosts no organisation \"" + options.organisation + "\"");
  CARELEDGER_TRY(const edge::auth::Principal principal, principal_of(options, *organisation));
  return access->issue_token(options.organisation, principal, std::chrono::minutes(options.minutes));
}

int run(const Options& options, bool as_json) {
  const auto token = make(options);
  if (!token) return report(token.error(), as_json);
  if (as_json) fmt::print("{{\"token\":\"{}\",\"expires_in\":{}}}\n", *token, options.minutes * 60);
  else fmt::print("{}\n", *token);
  return 0;
}

}  // namespace

void add_token(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("token", "print a short-lived access token for an organisation's endpoint");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "whose endpoint")->required();
  command->add_option("--role", options->role, "clinician, system, patient, auditor or administrator");
  command->add_option("--actor", options->actor, "who it is, as Practitioner/… or Device/… (default: the first accredited clinician)");
  command->add_option("--purpose", options->purpose, "purpose of use, a v3-ActReason code");
  command->add_option("--patient", options->patient, "id of the Patient resource, for role patient");
  command->add_flag("--emergency", options->emergency, "break-glass: every answer is audited as an emergency");
  command->add_option("--minutes", options->minutes, "life of the token")->check(CLI::Range(1, 60));
  example(
      *command,
      "curl -H \"Authorization: Bearer $(careledger token /srv/care --organisation 'North Hospital')\" http://127.0.0.1:8480/fhir/Patient");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
