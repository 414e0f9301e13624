#include <fmt/format.h>

#include <algorithm>
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
  std::uint64_t gone = 0;  // versions
};

Result<std::uint64_t> number_of(const json::Value& value) {
  const std::string_view text = value.is_number() ? value.text() : std::string_view();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::malformed, "the node names a resource in a way that this program does not know");
  return number;
}

// One version and its proof. `stem` is of its two files.
Result<void> export_version(NodeAccess& node, const Options& options, const std::string& name, std::uint64_t version,
                            const std::string& stem) {
  const std::string number = std::to_string(version);
  CARELEDGER_TRY(const Bytes resource, get(node, options, "/fhir/" + name + "/_history/" + number));
  const std::size_t slash = name.find('/');
  const std::string query = "type=" + name.substr(0, slash) + "&id=" + name.substr(slash + 1) + "&version=" + number + "&show=*";
  const auto bundle = get(node, options, "/admin/v1/prove?" + query);
  if (!bundle && bundle.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::unavailable, "version " + number + " of " + name + " is not on the ledger yet: export again in a while");
  if (!bundle) return tl::make_unexpected(bundle.error());
  CARELEDGER_CHECK(system_files().replace(stem + ".json", resource));
  return system_files().replace(stem + ".clpb", *bundle);
}

// The newest version's files bear the resource's name alone; no id has an underscore.
Result<void> export_resource(NodeAccess& node, const Options& options, const json::Value& part, Exported& done) {
  const std::string name(part.string_at("resource"));
  std::string stem = name;
  std::ranges::replace(stem, '/', '-');
  stem.insert(0, options.out + "/");
  std::string mark;
  for (const json::Value& one : part.items_at("versions")) {
    CARELEDGER_TRY(const std::uint64_t version, number_of(one));
    if (&one != &part.items_at("versions").front()) mark = "_v" + std::to_string(version);
    CARELEDGER_CHECK(export_version(node, options, name, version, stem + mark));
    ++done.versions;
  }
  const json::Value* gone = part.find("gone");
  CARELEDGER_TRY(const std::uint64_t count, number_of(gone != nullptr ? *gone : json::Value()));
  done.gone += count;
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
  const auto parts = record.root().items();
  std::unique_ptr<Progress> bar = quiet ? nullptr : std::make_unique<Progress>("exporting", parts.size());
  Exported done;
  for (const json::Value& part : parts) {
    if (const auto exported = export_resource(*node, options, part, done); !exported)
      return fail(exported.error().kind, exported.error().message + "; what is in " + options.out + " is a part of the record only");
    if (bar) bar->to(done.resources);
  }
  CARELEDGER_TRY(const Bytes trust, get(*node, options, "/admin/v1/trust"));
  CARELEDGER_CHECK(files.replace(options.out + "/trust.json", trust));  // last: without it nothing verifies, so no part passes for all
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
      "each current as TYPE-ID.json and .clpb, older versions as TYPE-ID_vN.json and .clpb. Not in it: versions that were erased or were\n"
      "another patient's, what was deleted or is another's by now, what other servers have, and the list of accesses (wallet log).");
  example(*command, "careledger export /srv/care --organisation \"North Hospital\" --patient 17 -o record/");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
