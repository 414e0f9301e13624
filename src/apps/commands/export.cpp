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
  std::string out;
};

Result<Bytes> get(NodeAccess& node, const Options& options, const std::string& target) {
  CARELEDGER_TRY(http::Response response,
                 node.need(options.organisation, edge::auth::Role::system, http::make_request(http::Method::get, target)));
  return Bytes(response.content());
}

Result<std::size_t> run_export(const Options& options, bool quiet) {
  Files& files = system_files();
  CARELEDGER_TRY(const auto node, NodeAccess::open(layout_of(options.folder.folder), options.folder.seal));
  CARELEDGER_TRY(const Bytes listed, get(*node, options, "/admin/v1/record?patient=" + http::percent_encode(options.patient)));
  CARELEDGER_TRY(const json::Document record, json::parse(listed));
  CARELEDGER_CHECK(files.make_folder(options.out));
  CARELEDGER_TRY(const Bytes trust, get(*node, options, "/admin/v1/trust"));
  CARELEDGER_CHECK(files.replace(options.out + "/trust.json", trust));
  const auto names = record.root().items();
  std::unique_ptr<Progress> bar = quiet ? nullptr : std::make_unique<Progress>("exporting", names.size());
  std::size_t done = 0;
  for (const json::Value& name : names) {
    const std::string text(name.text());
    const std::string type = text.substr(0, text.find('/'));
    const std::string id = text.substr(text.find('/') + 1);
    CARELEDGER_TRY(const Bytes resource, get(*node, options, "/fhir/" + text));
    CARELEDGER_TRY(const Bytes bundle, get(*node, options, "/admin/v1/prove?type=" + type + "&id=" + id + "&show=*"));
    CARELEDGER_CHECK(files.replace(options.out + "/" + type + "-" + id + ".json", resource));
    CARELEDGER_CHECK(files.replace(options.out + "/" + type + "-" + id + ".clpb", bundle));
    if (bar) bar->to(++done);
  }
  return names.size();
}

int run(const Options& options, bool as_json) {
  const auto exported = run_export(options, as_json);
  if (!exported) return report(exported.error(), as_json);
  if (as_json) fmt::print("{{\"resources\":{}}}\n", *exported);
  else
    fmt::print("{} resources with their proofs in {}; check one with: careledger verify FILE.clpb --trust {}/trust.json\n", *exported,
               options.out, options.out);
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("export", "write a patient's whole record, each resource with a proof that shows all of it");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "who keeps it")->required();
  command->add_option("--patient", options->patient, "id of the Patient resource")->required();
  command->add_option("-o,--output", options->out, "folder for the files")->required();
  example(*command, "careledger export /srv/care --organisation \"North Hospital\" --patient 17 -o record/");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
