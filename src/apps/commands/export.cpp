#include <fmt/format.h>

#include <charconv>

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

struct Exported {
  std::size_t resources = 0;
  std::size_t versions = 0;
  std::size_t gone = 0;  // versions that were erased, or say that the resource was deleted for a while
};

// One version and its proof. `stem` is of its two files.
Result<void> export_version(NodeAccess& node, const Options& options, const std::string& name, std::uint32_t version,
                            const std::string& stem, Exported& done) {
  const std::string number = std::to_string(version);
  const auto resource = get(node, options, "/fhir/" + name + "/_history/" + number);
  if (!resource && resource.error().kind == ErrorKind::gone) {
    ++done.gone;
    return {};
  }
  if (!resource) return tl::make_unexpected(resource.error());
  const std::size_t slash = name.find('/');
  const std::string query = "type=" + name.substr(0, slash) + "&id=" + name.substr(slash + 1) + "&version=" + number + "&show=*";
  CARELEDGER_TRY(const Bytes bundle, get(node, options, "/admin/v1/prove?" + query));
  CARELEDGER_CHECK(system_files().replace(stem + ".json", *resource));
  CARELEDGER_CHECK(system_files().replace(stem + ".clpb", bundle));
  ++done.versions;
  return {};
}

// `name` is "Type/id/_history/newest version".
Result<void> export_resource(NodeAccess& node, const Options& options, const std::string& name, Exported& done) {
  constexpr std::string_view kHistory = "/_history/";
  const std::size_t end = name.find(kHistory);
  std::uint32_t newest = 0;
  if (end != std::string::npos) std::from_chars(name.data() + end + kHistory.size(), name.data() + name.size(), newest);
  if (newest == 0) return fail(ErrorKind::malformed, "the node names a resource in a way that this program does not know");
  const std::string resource = name.substr(0, end);
  std::string stem = resource;
  stem.replace(stem.find('/'), 1, "-").insert(0, options.out + "/");
  for (std::uint32_t version = newest; version > 0; --version)
    CARELEDGER_CHECK(
        export_version(node, options, resource, version, version == newest ? stem : stem + ".v" + std::to_string(version), done));
  ++done.resources;
  return {};
}

Result<Exported> run_export(const Options& options, bool quiet) {
  Files& files = system_files();
  CARELEDGER_TRY(const auto node, NodeAccess::open(layout_of(options.folder.folder), options.folder.seal));
  CARELEDGER_TRY(const Bytes listed, get(*node, options, "/admin/v1/record?patient=" + http::percent_encode(options.patient)));
  CARELEDGER_TRY(const json::Document record, json::parse(listed));
  CARELEDGER_CHECK(files.make_folder(options.out));
  CARELEDGER_TRY(const auto there, files.list(options.out));
  if (!there.empty())
    return fail(ErrorKind::conflict, options.out + " is not empty: what lies there could be taken for part of the record");
  CARELEDGER_TRY(const Bytes trust, get(*node, options, "/admin/v1/trust"));
  CARELEDGER_CHECK(files.replace(options.out + "/trust.json", trust));
  const auto names = record.root().items();
  std::unique_ptr<Progress> bar = quiet ? nullptr : std::make_unique<Progress>("exporting", names.size());
  Exported done;
  for (const json::Value& name : names) {
    CARELEDGER_CHECK(export_resource(*node, options, std::string(name.text()), done));
    if (bar) bar->to(done.resources);
  }
  return done;
}

int run(const Options& options, bool as_json) {
  const auto exported = run_export(options, as_json);
  if (!exported) return report(exported.error(), as_json);
  if (as_json) fmt::print("{{\"resources\":{},\"versions\":{},\"gone\":{}}}\n", exported->resources, exported->versions, exported->gone);
  else
    fmt::print(
        "{} resources in {} versions with their proofs in {} ({} versions are gone); check one with: careledger verify FILE.clpb "
        "--trust {}/trust.json\n",
        exported->resources, exported->versions, options.out, exported->gone, options.out);
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("export", "write a patient's whole record, every version with a proof that shows all of it");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "who keeps it")->required();
  command->add_option("--patient", options->patient, "id of the Patient resource")->required();
  command->add_option("-o,--output", options->out, "folder for the files, which is empty or made")->required();
  command->footer(
      "In it: the Patient, everything in its compartment, and what these refer to that is in nobody's (Medication, Binary, "
      "Practitioner…),\n"
      "each current as TYPE-ID.json and .clpb, older versions as TYPE-ID.vN.json and .clpb. Not in it: versions that were erased, what "
      "was\n"
      "deleted or has moved to another patient's record, what other servers have, and the list of accesses (wallet log).");
  example(*command, "careledger export /srv/care --organisation \"North Hospital\" --patient 17 -o record/");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
