#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/node_access.h"
#include "apps/terminal.h"
#include "codec/json/json.h"
#include "proof/verify.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct ProveOptions {
  FolderOptions folder;
  std::string what;
  std::string organisation;
  std::string out;
  std::string trust_out;
  std::uint32_t version = 0;
  std::vector<std::string> show;
};

struct VerifyOptions {
  std::string file;
  std::string trust;
};

Result<void> prove(const ProveOptions& options) {
  const auto slash = options.what.find('/');
  if (slash == std::string::npos) return fail(ErrorKind::invalid, "name the record as TYPE/ID, for example Patient/17");
  CARELEDGER_TRY(const auto access, NodeAccess::open(layout_of(options.folder.folder), options.folder.seal));
  std::string target = "/admin/v1/prove?type=" + http::percent_encode(options.what.substr(0, slash)) +
                       "&id=" + http::percent_encode(options.what.substr(slash + 1));
  if (options.version != 0) target += "&version=" + std::to_string(options.version);
  for (const std::string& element : options.show) target += "&show=" + http::percent_encode(element);
  CARELEDGER_TRY(const http::Response bundle,
                 access->need(options.organisation, edge::auth::Role::system, http::make_request(http::Method::get, target)));
  CARELEDGER_CHECK(system_files().replace(options.out, bundle.content()));
  if (options.trust_out.empty()) return {};
  CARELEDGER_TRY(const http::Response trust,
                 access->need(options.organisation, edge::auth::Role::system, http::make_request(http::Method::get, "/admin/v1/trust")));
  return system_files().replace(options.trust_out, trust.content());
}

int run_prove(const ProveOptions& options, bool as_json) {
  const auto proven = prove(options);
  if (!proven) return report(proven.error(), as_json);
  if (as_json) fmt::print("{{\"written\":true}}\n");
  else
    fmt::print("Wrote the proof. Anybody checks it with: careledger verify {} --trust {}\n", options.out,
               options.trust_out.empty() ? "TRUST" : options.trust_out);
  return 0;
}

Result<proof::Report> verify(const VerifyOptions& options) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(options.trust, proof::kMaxTrustFile));
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(const Bytes bundle, system_files().read_all(options.file, proof::kMaxBundle));
  return proof::verify(bundle, trust);
}

// What witnesses have seen, what stands on the validators' signatures alone, and how far apart the two are: three facts, never one.
void add_vouchers(json::Document& document, json::Value& root, const proof::Report& report) {
  const auto number = [&document](std::uint64_t value) { return document.number(static_cast<std::int64_t>(value)); };
  const bool is_record = report.kind == proof::ClaimKind::record;
  json::Value witnessed = document.object();
  document.set(witnessed, "by", number(report.witnesses));
  document.set(witnessed, "of", number(report.witnesses_known));
  if (report.witnesses > 0) {
    document.set(witnessed, "what", document.string(is_record ? "anchor" : "head"));
    document.set(witnessed, "log_entry", number(report.log_index + 1));
    document.set(witnessed, "log_size", number(report.checkpoint_size));
  }
  json::Value signed_only = document.object();
  document.set(signed_only, "by", number(report.signers));
  document.set(signed_only, "state_after_block", number(report.as_of.value));
  json::Value what = document.array();
  document.append(what, document.string("organisation"));
  if (!is_record) document.append(what, document.string("newest head"));
  else if (report.currency != proof::Currency::not_claimed) document.append(what, document.string("currency"));
  document.set(signed_only, "what", what);
  document.set(root, "witnessed", witnessed);
  document.set(root, "signed_only", signed_only);
  if (report.checkpoint_size > 0) document.set(root, "checkpoint_older_by", number(report.unwitnessed()));
}

// Whether an access list is the whole of it; of a part, between which entries it is complete.
void add_extent(json::Document& document, json::Value& root, const proof::Report& report) {
  json::Value list = document.object();
  document.set(list, "whole", document.boolean(!report.is_part()));
  document.set(list, "entries", document.number(static_cast<std::int64_t>(report.entries)));
  if (report.after) document.set(list, "after", document.string(proof::to_text(*report.after)));
  if (report.before) document.set(list, "before", document.string(proof::to_text(*report.before)));
  document.set(root, "list", list);
}

int run_verify(const VerifyOptions& options, bool as_json) {
  const auto verified = verify(options);
  if (as_json) {
    json::Document document;
    json::Value root = document.object();
    document.set(root, "verified", document.boolean(verified.has_value()));
    json::Value lines = document.array();
    if (verified) {
      for (const std::string& line : verified->lines()) document.append(lines, document.string(line));
      document.set(root, "proven", lines);
      if (verified->kind != proof::ClaimKind::record) add_extent(document, root, *verified);
      add_vouchers(document, root, *verified);
    } else {
      document.set(root, "failed", document.string(verified.error().message));
    }
    document.root() = root;
    fmt::print("{}\n", json::compact(document.root()));
  } else if (verified) {
    fmt::print("{}\n", green("Verified."));
    for (const std::string& line : verified->lines()) fmt::print("  {}\n", line);
  } else {
    fmt::print("{} {}\n", red("Not verified:"), verified.error().message);
  }
  return verified ? 0 : exit_of_check(verified.error());
}

}  // namespace

void add_prove(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("prove", "write a proof that a record version exists, whose it is and whether it is current");
  auto options = std::make_shared<ProveOptions>();
  add_folder(*command, options->folder);
  command->add_option("RECORD", options->what, "TYPE/ID of the resource")->required();
  command->add_option("--organisation", options->organisation, "who keeps it")->required();
  command->add_option("-o,--output", options->out, "the proof bundle")->required();
  command->add_option("--trust-out", options->trust_out, "also write the trust file that verifiers need");
  command->add_option("--record-version", options->version, "a version other than the newest");
  command->add_option("--show", options->show, "top-level element to disclose besides id; repeat; * for all");
  example(*command, "careledger prove /srv/care Patient/17 --organisation \"North Hospital\" -o proof.clpb --trust-out trust.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return run_prove(*options, context.json); }; });
}

void add_verify(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("verify",
                                     "check a proof offline, with nothing but the trust file; exit 0, or 1 with the first thing that fails "
                                     "(3 or 7: a file cannot be read)");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("FILE", options->file, "the proof bundle")->required();
  command->add_option("--trust", options->trust, "the trust file")->required();
  example(*command, "careledger verify proof.clpb --trust trust.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return run_verify(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
