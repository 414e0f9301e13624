#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/node_access.h"
#include "apps/terminal.h"
#include "base/printable.h"
#include "codec/fhir/instant.h"
#include "codec/json/json.h"
#include "proof/canonical.h"
#include "proof/promise_file.h"
#include "proof/verify.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string custodian;
  std::string out;
};

struct Kept {
  std::string custodian;
  std::string name;  // of its file: custodian, time and number
  BlockTime time;
  Bytes file;
};

Result<std::vector<Kept>> kept_by(const Options& options) {
  CARELEDGER_TRY(const auto access, NodeAccess::open(layout_of(options.folder.folder), options.folder.seal));
  CARELEDGER_TRY(const http::Response answer, access->need(options.organisation, edge::auth::Role::auditor,
                                                           http::make_request(http::Method::get, "/admin/v1/promises")));
  CARELEDGER_TRY(const json::Document list, json::parse(answer.content()));
  std::vector<Kept> found;
  for (const json::Value& one : list.root().items()) {
    Kept kept;
    kept.custodian = one.string_at("custodian_name");
    if (!options.custodian.empty() && options.custodian != kept.custodian && options.custodian != one.string_at("custodian")) continue;
    const json::Value* time = one.find("time_ms");
    const json::Value* number = one.find("number");
    const auto file = from_base64(one.string_at("file"));
    if (time == nullptr || number == nullptr || !file) return fail(ErrorKind::malformed, "the node's list of promises does not read");
    kept.time = {std::stoll(std::string(time->text()))};
    kept.name = fmt::format("{}-{}-{}.clpr", slug_of(kept.custodian), time->text(), number->text());
    kept.file = *file;
    found.push_back(std::move(kept));
  }
  return found;
}

Result<void> write(const std::vector<Kept>& promises, const std::string& folder) {
  CARELEDGER_CHECK(system_files().make_folder(folder));
  for (const Kept& kept : promises) CARELEDGER_CHECK(system_files().replace(folder + "/" + kept.name, kept.file));
  return {};
}

int run(const Options& options, bool as_json) {
  const auto promises = kept_by(options);
  if (!promises) return report(promises.error(), as_json);
  if (!options.out.empty())
    if (const auto written = write(*promises, options.out); !written) return report(written.error(), as_json);
  json::Document document;
  json::Value list = document.array();
  for (const Kept& kept : *promises) {
    const std::string time = codec::fhir::format_instant(kept.time);
    json::Value value = document.object();
    document.set(value, "custodian", document.string(kept.custodian));
    document.set(value, "time", document.string(time));
    document.set(value, "file", document.string(kept.name));
    document.append(list, value);
    if (!as_json) fmt::print("{}  {}  {}\n", time, printable(kept.custodian), kept.name);
  }
  if (as_json) fmt::print("{}\n", json::compact(list));
  else if (!options.out.empty()) fmt::print("{} promises in {}\n", promises->size(), options.out);
  return 0;
}

struct Case {
  std::string promise;
  std::vector<std::string> lists;
  std::string trust;
  std::string out;
};

// True of a part of a list that does not reach to the promised entry. What does not read is for the verdict to name.
bool speaks_elsewhere(ByteView list, const ledger::SignedPromise& promise) {
  const auto promised = proof::from_canonical<ledger::Promise>(promise.promise(), "promise");
  const auto bundle = proof::decode_bundle(list);
  const auto* claim = bundle ? std::get_if<proof::AccessClaim>(&bundle->claim) : nullptr;
  return promised && claim != nullptr && !claim->covers({promised->time_ms(), promised->number()});
}

Result<Bytes> convict(const Case& files) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(files.trust, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(const Bytes promise_bytes, system_files().read_all(files.promise, proof::kMaxPromiseFile));
  CARELEDGER_TRY(const ledger::SignedPromise promise, proof::decode_promise_file(promise_bytes));
  for (const std::string& file : files.lists) {
    CARELEDGER_TRY(const Bytes list, system_files().read_all(file, proof::kMaxBundle));
    if (files.lists.size() == 1 || !speaks_elsewhere(list, promise)) return proof::convict(promise, list, trust, system_clock().now());
  }
  return fail(ErrorKind::invalid, "none of these parts of the list covers the time of the promised entry: another part does");
}

int run_convict(const Case& files, bool as_json) {
  auto conviction = convict(files);
  if (conviction)
    if (const auto written = system_files().replace(files.out, *conviction); !written) return report(written.error(), as_json);
  if (as_json) {
    json::Document document;
    json::Value root = document.object();
    document.set(root, "convicted", document.boolean(conviction.has_value()));
    if (!conviction) document.set(root, "because", document.string(conviction.error().message));
    fmt::print("{}\n", json::compact(root));
  } else if (conviction) {
    fmt::print(
        "{} The custodian signed a promise and its complete list breaks it. Anybody checks it with: careledger verify {} --trust {}\n",
        red("Convicted."), files.out, files.trust);
  } else {
    fmt::print("{} {}\n", bold("Not convicted:"), conviction.error().message);
  }
  return conviction ? 0 : exit_of_check(conviction.error());
}

}  // namespace

void add_promises(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("promises", "list or write out what custodians promised an organisation when they released or refused");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "who asked and keeps the promises")->required();
  command->add_option("--custodian", options->custodian, "only those of this one: name or id");
  command->add_option("-o,--output", options->out, "folder for one file a promise");
  example(*command, "careledger promises /srv/care --organisation \"South Clinic\" -o promises/");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

void add_convict(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "convict", "prove offline that a custodian left a promised entry out of its complete list; exit 0 with the proof, or 1 with why not");
  auto files = std::make_shared<Case>();
  command->add_option("PROMISE", files->promise, "file of the promise (`careledger promises -o`)")->required();
  command
      ->add_option("LIST", files->lists,
                   "proof of the complete list (`careledger wallet log -o`); of a long one every part, or the one of that time")
      ->required();
  command->add_option("--trust", files->trust, "the trust file")->required();
  command->add_option("-o,--output", files->out, "the proof of the breach, for `careledger verify`")->required();
  example(*command, "careledger convict promises/north-1.clpr accesses.clpb --trust trust.json -o broken.clpb");
  command->callback([files, &context] { context.chosen = [files, &context] { return run_convict(*files, context.json); }; });
}

}  // namespace careledger::apps::commands
