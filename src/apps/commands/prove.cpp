#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/node_access.h"
#include "apps/terminal.h"
#include "codec/json/json.h"
#include "proof/tlog_proof.h"
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
  std::string receipt;
  std::uint32_t version = 0;
  std::uint32_t trusting_days = 0;  // of the trust file; 0: it is believed for good
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
  const std::string about = target;
  for (const std::string& element : options.show) target += "&show=" + http::percent_encode(element);
  CARELEDGER_TRY(const http::Response bundle,
                 access->need(options.organisation, edge::auth::Role::system, http::make_request(http::Method::get, target)));
  CARELEDGER_CHECK(system_files().replace(options.out, bundle.content()));
  if (!options.receipt.empty()) {
    CARELEDGER_TRY(const http::Response receipt, access->need(options.organisation, edge::auth::Role::system,
                                                              http::make_request(http::Method::get, about + "&as=receipt")));
    CARELEDGER_CHECK(system_files().replace(options.receipt, receipt.content()));
  }
  if (options.trust_out.empty()) return {};
  std::string trust_target = "/admin/v1/trust";
  if (options.trusting_days != 0) trust_target += "?trusting_period_s=" + std::to_string(std::uint64_t{86'400} * options.trusting_days);
  CARELEDGER_TRY(const http::Response trust,
                 access->need(options.organisation, edge::auth::Role::system, http::make_request(http::Method::get, trust_target)));
  return system_files().replace(options.trust_out, trust.content());
}

// As long as engines trust a header, and as members that drop old blocks keep it (--keep-blocks).
constexpr std::uint32_t kKeptDays = 14;

int run_prove(const ProveOptions& options, bool as_json) {
  const auto proven = prove(options);
  if (!proven) return report(proven.error(), as_json);
  if (options.trusting_days > kKeptDays)
    fmt::print(
        stderr,
        "careledger: after {} days members of a network may drop the block that {} names (serve --keep-blocks): from then on only one "
        "that keeps all can compare it\n",
        kKeptDays, options.trust_out);
  if (as_json) fmt::print("{{\"written\":true}}\n");
  else
    for (const std::string& file : {options.out, options.receipt})
      if (!file.empty())
        fmt::print("Wrote {}. Anybody checks it with: careledger verify {} --trust {}\n", file, file,
                   options.trust_out.empty() ? "TRUST" : options.trust_out);
  return 0;
}

struct VerifyInput {
  proof::Trust trust;
  Bytes file;
};
Result<VerifyInput> read_input(const VerifyOptions& options) {
  CARELEDGER_TRY(const Bytes trust_text, system_files().read_all(options.trust, proof::kMaxTrustFile));
  VerifyInput input;
  CARELEDGER_TRY(input.trust, proof::parse_trust(trust_text));
  CARELEDGER_TRY(input.file, system_files().read_all(options.file, proof::kMaxBundle));
  return input;
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

// How the trust file's validators vouch for the header, when they did not sign it themselves, and until when they are believed.
void add_trust(json::Document& document, json::Value& root, const proof::Report& report) {
  const auto number = [&document](std::uint64_t value) { return document.number(static_cast<std::int64_t>(value)); };
  if (report.followed) {
    json::Value followed = document.object();
    document.set(followed, "from_block", number(report.followed->from.value));
    document.set(followed, "headers", number(report.followed->headers));
    document.set(root, "followed", followed);
  }
  if (report.anchor) document.set(root, "trusted_until", document.string(proof::to_rfc3339(proof::time_from(report.anchor->ends()))));
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

// What was proven, or why not; `more` adds to the JSON what the lines say.
int show(const Result<std::vector<std::string>>& proven, bool as_json, const std::function<void(json::Document&, json::Value&)>& more) {
  if (as_json) {
    json::Document document;
    json::Value root = document.object();
    document.set(root, "verified", document.boolean(proven.has_value()));
    if (proven) {
      json::Value lines = document.array();
      for (const std::string& line : *proven) document.append(lines, document.string(line));
      document.set(root, "proven", lines);
      more(document, root);
    } else {
      document.set(root, "failed", document.string(proven.error().message));
    }
    document.root() = root;
    fmt::print("{}\n", json::compact(document.root()));
  } else if (proven) {
    fmt::print("{}\n", green("Verified."));
    for (const std::string& line : *proven) fmt::print("  {}\n", line);
  } else {
    fmt::print("{} {}\n", red("Not verified:"), proven.error().message);
  }
  return proven ? 0 : exit_of_check(proven.error());
}

int show_receipt(const VerifyInput& input, bool as_json) {
  const auto receipt = proof::verify_receipt(input.file, input.trust);
  if (!receipt) return show(tl::make_unexpected(receipt.error()), as_json, {});
  const proof::SignedCheckpoint& log = receipt->signed_checkpoint;
  const std::vector<std::string> lines{fmt::format("Receipt: a command was executed in block {}, place {}: entry {} of the ledger's log.",
                                                   receipt->height.value, receipt->position, receipt->index + 1),
                                       "Command: " + receipt->command.hex(),
                                       fmt::format("Log: signed at {} entries, and cosigned by {} of {} witnesses.", log.checkpoint.size,
                                                   log.witnesses, input.trust.witnesses.size()),
                                       "Whose record the command anchors, and whether it is current, only a proof bundle says."};
  return show(lines, as_json, [&](json::Document& document, json::Value& root) {
    document.set(root, "command", document.string(receipt->command.hex()));
    document.set(root, "block", document.number(static_cast<std::int64_t>(receipt->height.value)));
    document.set(root, "log_entry", document.number(static_cast<std::int64_t>(receipt->index + 1)));
    document.set(root, "log_size", document.number(static_cast<std::int64_t>(log.checkpoint.size)));
    document.set(root, "witnesses", document.number(static_cast<std::int64_t>(log.witnesses)));
  });
}

int run_verify(const VerifyOptions& options, bool as_json) {
  const auto input = read_input(options);
  if (!input) return show(tl::make_unexpected(input.error()), as_json, {});
  if (input->file.starts_with(proof::kTlogProofHead)) return show_receipt(*input, as_json);
  const auto verified = proof::verify(input->file, input->trust, system_clock().now());
  if (!verified) return show(tl::make_unexpected(verified.error()), as_json, {});
  return show(verified->lines(), as_json, [&](json::Document& document, json::Value& root) {
    if (verified->kind != proof::ClaimKind::record) add_extent(document, root, *verified);
    add_trust(document, root, *verified);
    add_vouchers(document, root, *verified);
  });
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
  command
      ->add_option("--trusting-period", options->trusting_days,
                   "days: the trust file names the newest block and is believed for so long after it; without: for good")
      ->check(CLI::Range(1, 36'500))
      ->needs("--trust-out");
  command->add_option("--receipt", options->receipt, "also write a receipt that tools of other transparency logs check (.tlog-proof)");
  command->add_option("--record-version", options->version, "a version other than the newest");
  command->add_option("--show", options->show, "top-level element to disclose besides id; repeat; * for all");
  example(*command, "careledger prove /srv/care Patient/17 --organisation \"North Hospital\" -o proof.clpb --trust-out trust.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return run_prove(*options, context.json); }; });
}

void add_verify(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "verify",
      "check a proof or a receipt offline, with nothing but the trust file; exit 0, or 1 with the first thing that fails "
      "(3 or 7: a file cannot be read)");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("FILE", options->file, "the proof bundle or the receipt")->required();
  command->add_option("--trust", options->trust, "the trust file")->required();
  example(*command, "careledger verify proof.clpb --trust trust.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return run_verify(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
