#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/node_access.h"
#include "apps/terminal.h"
#include "codec/json/json.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string patient;
  std::string value;  // of the one parameter that the operation is given
};

// Parameters of an answer as a plain object; each `relationship` with parts as one more entry of a list.
json::Value plain(json::Document& out, const json::Value& parameters, std::string_view name) {
  json::Value object = out.object();
  json::Value list = out.array();
  for (const json::Value& one : parameters.items_at(name)) {
    if (one.find("part") != nullptr) {
      out.append(list, plain(out, one, "part"));
    } else if (const json::Value* truth = one.find("valueBoolean"); truth != nullptr) {
      out.set(object, one.string_at("name"), out.boolean(truth->boolean()));
    } else {
      out.set(object, one.string_at("name"), out.string(one.string_at("valueString")));
    }
  }
  if (list.size() > 0) out.set(object, "relationships", list);
  return object;
}

Result<Bytes> ask(const Options& options, const std::string& parameter) {
  CARELEDGER_TRY(const auto access, NodeAccess::open(layout_of(options.folder.folder), options.folder.seal));
  json::Document document;
  json::Value one = document.object();
  document.set(one, "name", document.string(parameter));
  if (options.value.empty()) document.set(one, "valueBoolean", document.boolean(true));
  else document.set(one, "valueString", document.string(options.value));
  json::Value list = document.array();
  document.append(list, one);
  json::Value body = document.object();
  document.set(body, "resourceType", document.string("Parameters"));
  document.set(body, "parameter", list);
  const std::string target = "/fhir/Patient/" + http::percent_encode(options.patient) + "/$relationship";
  CARELEDGER_TRY(const http::Response answer,
                 access->need(options.organisation, edge::auth::Role::system,
                              http::make_request(http::Method::post, target, json::compact(body), "application/fhir+json")));
  CARELEDGER_TRY(const json::Document parameters, json::parse(answer.content()));
  json::Document out;
  return json::compact(plain(out, parameters.root(), "parameter"));
}

void print(const json::Value& one) {
  std::string line;
  for (const json::Member& member : one.members())
    line += fmt::format("{}{}: {}", line.empty() ? "" : "  ", member.key(),
                        member.value.is_boolean() ? (member.value.boolean() ? "yes" : "no") : std::string(member.value.text()));
  fmt::print("{}\n", line);
}

int run(const Options& options, const std::string& parameter, bool as_json) {
  const auto answer = ask(options, parameter);
  if (!answer) return report(answer.error(), as_json);
  if (as_json) {
    fmt::print("{}\n", *answer);
    return 0;
  }
  const auto document = json::parse(*answer);
  if (!document) return report(document.error(), as_json);
  const auto list = document->root().items_at("relationships");
  for (const json::Value& one : list) print(one);
  if (list.empty()) print(document->root());
  return 0;
}

// One subcommand for each parameter of the operation; the option gives its value, and true is the value of those that have none.
void add(CLI::App& group, Context& context, const std::string& name, const std::string& parameter, const std::string& about,
         const std::string& option, const std::string& about_option) {
  auto* command = group.add_subcommand(name, about);
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "whose patient")->required();
  command->add_option("--patient", options->patient, "id of the Patient resource")->required();
  if (!option.empty()) command->add_option(option, options->value, about_option)->required();
  example(*command, "careledger relationship " + name + " /srv/care --organisation \"North Hospital\" --patient 17" +
                        (option.empty() ? "" : " " + option + (name == "merge" ? " 18" : " AAAA…")));
  command->callback([options, parameter, &context] {
    context.chosen = [options, parameter, &context] { return run(*options, parameter, context.json); };
  });
}

}  // namespace

void add_relationship(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("relationship", "the pseudonyms under which patients stand on the ledger, and who holds their keys");
  group->require_subcommand(1);
  example(*group, "careledger relationship list /srv/care --organisation \"North Hospital\" --patient 17");
  add(*group, context, "list", "list", "what a patient has here, as the ledger says", {}, {});
  add(*group, context, "propose", "enrolment", "propose one to the patient's wallet, which accepts it", "--code",
      "what `wallet show` printed");
  add(*group, context, "trust", "holdInTrust", "begin one and hold its keys for a patient without a wallet", {}, {});
  add(*group, context, "claim", "claim", "hand one that is held in trust to the patient's own wallet, after identifying the person",
      "--code", "what `wallet claim` printed");
  add(*group, context, "merge", "mergeInto", "two Patients are one person: this one's relationships go on in the other's", "--into",
      "id of the Patient to go on with");
  add(*group, context, "unmerge", "unmerge", "they are two people after all", {}, {});
}

}  // namespace careledger::apps::commands
