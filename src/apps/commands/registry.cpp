#include <fmt/format.h>

#include "apps/commands/administer.h"
#include "apps/founding.h"
#include "apps/terminal.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string kind;
  std::string role;
  std::string until;
  std::string holder;
};

// {"name": "value", …} to /admin/v1/WHAT.
Result<Bytes> order(const Options& options, const std::string& what,
                    std::initializer_list<std::pair<std::string_view, std::string>> fields) {
  json::Document document;
  json::Value root = document.object();
  for (const auto& [name, value] : fields) document.set(root, name, document.string(value));
  return order(options.folder, options.organisation, what, root);
}

int list(const Options& options, bool as_json) {
  return tell(ask(options.folder, options.organisation, http::make_request(http::Method::get, "/admin/v1/registry")), as_json,
              [](const json::Value& root) {
                for (const json::Value& one : root.items_at("organisations"))
                  fmt::print("{}  {}  {}\n", one.string_at("id"), one.string_at("status"), one.string_at("name"));
                for (const json::Value& one : root.items_at("accredited")) {
                  const json::Value* revoked = one.find("revoked");
                  fmt::print("{}  {} {}, valid to {}{}\n", one.string_at("holder"), one.string_at("kind"), one.string_at("role"),
                             one.string_at("valid_to"), revoked != nullptr && revoked->boolean() ? ", revoked" : "");
                }
              });
}

int accredit(const Options& options, bool as_json) {
  const auto done = order(options, "accredit", {{"kind", options.kind}, {"role", options.role}, {"valid_to", options.until}});
  return tell(done, as_json, [](const json::Value& root) {
    fmt::print("Accredited: {}. Tokens name this person with --actor Practitioner/{}\n", root.string_at("holder"),
               root.string_at("holder"));
  });
}

int renew(const Options& options, bool as_json) {
  const auto done = order(options, "renew", {{"holder", options.holder}, {"valid_to", options.until}});
  return tell(done, as_json, [&](const json::Value&) { fmt::print("Valid to {} now.\n", options.until); });
}

int revoke(const Options& options, bool as_json) {
  return tell(order(options, "revoke", {{"holder", options.holder}}), as_json,
              [](const json::Value&) { fmt::print("Revoked, for ever.\n"); });
}

int admit(const Options& options, bool as_json) {
  const auto admitted = admit_organisation(layout_of(options.folder.folder), options.folder.seal, {options.organisation, options.kind, 0},
                                           system_clock(), system_entropy());
  if (!admitted) return report(admitted.error(), as_json);
  if (as_json) fmt::print("{{\"id\":\"{}\"}}\n", admitted->id.hex());
  else fmt::print("Admitted {} ({}); `careledger serve` serves it from the next start on.\n", admitted->name, admitted->id.hex());
  return 0;
}

int stand(const Options& options, bool as_json, Standing standing) {
  const auto done =
      set_standing(layout_of(options.folder.folder), options.folder.seal, options.organisation, standing, system_clock(), system_entropy());
  if (!done) return report(done.error(), as_json);
  const char* words = standing == Standing::suspended ? "suspended" : "active";
  if (as_json) fmt::print("{{\"status\":\"{}\"}}\n", words);
  else fmt::print("{} is {} from this block on.\n", options.organisation, words);
  return 0;
}

using Run = std::function<int(const Options&, bool)>;

CLI::App* add(CLI::App& parent, Context& context, const std::shared_ptr<Options>& options, const std::string& name,
              const std::string& about, Run run) {
  auto* command = parent.add_subcommand(name, about);
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "which member")->required();
  command->callback([options, &context, run] { context.chosen = [options, &context, run] { return run(*options, context.json); }; });
  return command;
}

void add_holder(CLI::App& command, Options& options) {
  command.add_option("--holder", options.holder, "whom: the id that `registry list` shows")->required();
}
void add_until(CLI::App& command, Options& options) {
  command.add_option("--until", options.until, "the day on which it ends: 2027-01-31")->required();
}

// By the founding authority, whose key lies in the ledger's keystore.
void add_founders_acts(CLI::App& registry, Context& context) {
  auto admitted = std::make_shared<Options>();
  admitted->kind = "hospital";
  auto* command = add(registry, context, admitted, "admit", "admit one more organisation, by the founder. Stop the node first", admit);
  command->add_option("--kind", admitted->kind, "hospital, clinic, pharmacy, laboratory…");
  example(*command, "careledger registry admit /srv/care --organisation \"East Clinic\" --kind clinic");

  command = add(registry, context, std::make_shared<Options>(), "suspend",
                "a member commands and receives nothing from now on, by the founder. Stop the node first",
                [](const Options& given, bool as_json) { return stand(given, as_json, Standing::suspended); });
  example(*command, "careledger registry suspend /srv/care --organisation \"East Clinic\"");

  command = add(registry, context, std::make_shared<Options>(), "reinstate", "end a suspension, by the founder. Stop the node first",
                [](const Options& given, bool as_json) { return stand(given, as_json, Standing::active); });
  example(*command, "careledger registry reinstate /srv/care --organisation \"East Clinic\"");
}

}  // namespace

void add_registry(CLI::App& app, Context& context) {
  auto* registry = app.add_subcommand("registry", "who is who: members, and the practitioners and devices that they accredit");
  registry->require_subcommand(1);
  example(*registry, "careledger registry list /srv/care --organisation \"North Hospital\"");

  auto* command = add(*registry, context, std::make_shared<Options>(), "list", "all members, and whom this one accredited", list);
  example(*command, "careledger registry list /srv/care --organisation \"North Hospital\"");

  auto accredited = std::make_shared<Options>();
  accredited->kind = "practitioner";
  command = add(*registry, context, accredited, "accredit", "accredit a practitioner or device with a role and an expiry", accredit);
  command->add_option("--role", accredited->role, "physician, nurse, pharmacist…")->required();
  command->add_option("--kind", accredited->kind, "practitioner or device");
  add_until(*command, *accredited);
  example(*command, "careledger registry accredit /srv/care --organisation \"North Hospital\" --role nurse --until 2027-01-31");

  auto renewed = std::make_shared<Options>();
  command = add(*registry, context, renewed, "renew", "another expiry for somebody accredited", renew);
  add_holder(*command, *renewed);
  add_until(*command, *renewed);
  example(*command, "careledger registry renew /srv/care --organisation \"North Hospital\" --holder 4f…c2 --until 2028-01-31");

  auto revoked = std::make_shared<Options>();
  command = add(*registry, context, revoked, "revoke", "end an accreditation for ever", revoke);
  add_holder(*command, *revoked);
  example(*command, "careledger registry revoke /srv/care --organisation \"North Hospital\" --holder 4f…c2");

  add_founders_acts(*registry, context);
}

}  // namespace careledger::apps::commands
