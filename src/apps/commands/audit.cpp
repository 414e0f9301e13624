#include <fmt/format.h>

#include "apps/act_record.h"
#include "apps/admin_api.h"
#include "apps/commands/command.h"
#include "apps/ledger_check.h"
#include "apps/node.h"
#include "apps/terminal.h"
#include "codec/json/json.h"
#include "exchange/promises.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

constexpr std::size_t kFindingsMax = 100;

struct Options {
  FolderOptions folder;
  std::vector<std::string> checkpoints;  // files of signed notes that somebody remembers
  std::string trust;
};

struct Looked {
  std::uint64_t blocks = 0, versions = 0, index_rows = 0, anchors = 0, audit_entries = 0, promises = 0, cosigned = 0;
  std::vector<std::pair<std::string, vault::CheckFinding>> findings;  // beside whose they are
  std::vector<std::string> put_aside;  // files of ends that were cut: by a power failure, or by who changed the newest entry
};

// What others promised is evidence: strictly to the last byte, also what `serve` would put aside as a broken append.
Result<void> look_at_promises(Organisation& organisation, const std::string& file, Looked& looked) {
  if (!system_files().exists(file)) return {};
  const auto count = exchange::PromiseBook::verify(file, organisation.keys(), system_files());
  if (!count && count.error().kind != ErrorKind::corrupt) return tl::make_unexpected(count.error());
  if (count) looked.promises += *count;
  else
    looked.findings.emplace_back(organisation.config().name,
                                 vault::CheckFinding{"promises", "what others promised", count.error().message});
  return {};
}

Result<void> look_at(Organisation& organisation, Ledger& ledger, bool quiet, Looked& looked) {
  const std::string& name = organisation.config().name;
  std::unique_ptr<Progress> bar;
  vault::CheckOptions options;
  options.findings_max = kFindingsMax;
  options.progress = [&](std::uint64_t done, std::uint64_t of) {
    if (quiet || of == 0) return;
    if (!bar) bar = std::make_unique<Progress>(name, of);
    bar->to(done);
  };
  ask_ledger(ledger, organisation.config().id, options);
  options.in_vault = [view = organisation.vault().view()](const std::string& type, const std::string& id, std::uint32_t version) {
    return view.has_version(type, id, version);
  };
  CARELEDGER_TRY(const vault::CheckReport records, vault::check_vault(organisation.vault(), options));
  bar.reset();
  CARELEDGER_TRY(const vault::CheckReport accesses, vault::check_audit(organisation.audit(), options));
  bar.reset();
  CARELEDGER_TRY(const vault::CheckReport recorded, vault::check_recorded(organisation.vault(), organisation.audit(), options));
  CARELEDGER_TRY(const auto remembered, check_cosigned(ledger, vault::Relationships(organisation.vault()), kFindingsMax, looked.cosigned));
  for (const vault::CheckFinding& finding : remembered) looked.findings.emplace_back(name, finding);
  looked.versions += records.versions;
  looked.index_rows += records.index_rows;
  looked.anchors += records.anchors;
  looked.audit_entries += accesses.audit_entries;
  for (const vault::CheckReport* report : {&records, &accesses, &recorded})
    for (const vault::CheckFinding& finding : report->findings) looked.findings.emplace_back(name, finding);
  return record_act(organisation.audit(), vault::AuditKind::check);
}

// What those outside remember: the trust file's keys, and checkpoints that this history must contain.
Result<void> look_outside(Ledger& ledger, const Options& options, Looked& looked) {
  const auto add = [&](const std::vector<vault::CheckFinding>& findings) {
    for (const vault::CheckFinding& finding : findings) looked.findings.emplace_back("ledger", finding);
  };
  std::string text;
  if (options.trust.empty()) {
    CARELEDGER_TRY(text, trust_text(ledger));
  } else {
    CARELEDGER_TRY(text, system_files().read_all(options.trust, proof::kMaxTrustFile));
  }
  CARELEDGER_TRY(const proof::Trust trust, proof::parse_trust(text));
  add(check_trusted(ledger, trust));
  for (const std::string& file : options.checkpoints) {
    CARELEDGER_TRY(const Bytes note, system_files().read_all(file, proof::kMaxNote));
    CARELEDGER_TRY(const auto findings, check_remembered(ledger, file, note, trust));
    add(findings);
  }
  return {};
}

Result<Looked> look(const Options& options, bool quiet) {
  const Layout layout = layout_of(options.folder.folder);
  CARELEDGER_TRY(const auto node, Node::open(layout, options.folder.seal, system_clock(), system_entropy()));
  Looked looked;
  std::unique_ptr<Progress> bar;
  CARELEDGER_TRY(const auto blocks, check_ledger(node->ledger(), kFindingsMax, [&](std::uint64_t done, std::uint64_t of) {
                   if (quiet) return;
                   if (!bar) bar = std::make_unique<Progress>("ledger", of);
                   bar->to(done);
                 }));
  bar.reset();
  looked.blocks = node->ledger().ordering().height().value;
  for (const vault::CheckFinding& finding : blocks) looked.findings.emplace_back("ledger", finding);
  CARELEDGER_CHECK(look_outside(node->ledger(), options, looked));
  for (const auto& organisation : node->organisations()) {
    CARELEDGER_CHECK(look_at(*organisation, node->ledger(), quiet, looked));
    const std::string& slug = organisation->config().slug;
    CARELEDGER_CHECK(look_at_promises(*organisation, layout.promises(slug), looked));
    for (const std::string& torn : {layout.audit(slug) + "/audit.log.torn", layout.promises(slug) + ".torn"})
      if (system_files().exists(torn)) looked.put_aside.push_back(torn);
  }
  node->stop();
  return looked;
}

void print_json(const Looked& looked) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "sound", document.boolean(looked.findings.empty()));
  json::Value findings = document.array();
  for (const auto& [whose, finding] : looked.findings) {
    json::Value value = document.object();
    document.set(value, "whose", document.string(whose));
    document.set(value, "store", document.string(finding.store));
    document.set(value, "where", document.string(finding.where));
    document.set(value, "what", document.string(finding.what));
    document.append(findings, value);
  }
  document.set(root, "findings", findings);
  json::Value put_aside = document.array();
  for (const std::string& file : looked.put_aside) document.append(put_aside, document.string(file));
  document.set(root, "put_aside", put_aside);
  document.root() = root;
  fmt::print("{}\n", json::compact(document.root()));
}

int run(const Options& options, bool as_json) {
  const auto looked = look(options, as_json || !stderr_is_terminal());  // what was looked at stands in the last line
  if (!looked) {
    // What is too damaged to be opened is a finding as well: the message names it.
    if (looked.error().kind != ErrorKind::corrupt) return report(looked.error(), as_json);
    if (as_json)
      fmt::print("{{\"sound\":false,\"findings\":[{{\"what\":{}}}]}}\n", json::compact(json::Document().string(looked.error().message)));
    else fmt::print("{} {}\n", red("Found:"), looked.error().message);
    return static_cast<int>(Exit::failed);
  }
  if (as_json) {
    print_json(*looked);
  } else {
    for (const auto& [whose, finding] : looked->findings)
      fmt::print("{} {}, {}, {}: {}\n", red("Found:"), whose, finding.store, finding.where, finding.what);
    for (const std::string& file : looked->put_aside)
      fmt::print("Put aside: {}, an end that did not read: a power failure, or a change of the newest entry. Keep it until you know\n",
                 file);
    fmt::print(
        "Looked at {} blocks, {} record versions, {} index rows, {} anchors, {} audit entries, {} kept promises and {} checkpoints of "
        "wallets: {}\n",
        looked->blocks, looked->versions, looked->index_rows, looked->anchors, looked->audit_entries, looked->promises, looked->cosigned,
        looked->findings.empty() ? green("all sound") : red("damage found"));
  }
  return static_cast<int>(looked->findings.empty() ? Exit::ok : Exit::failed);
}

}  // namespace

void add_audit(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "audit", "compare everything stored with itself, the ledger and the witnesses; names what was changed. Stop the node first");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option(
      "--checkpoint", options->checkpoints,
      "a checkpoint that somebody outside remembers (`careledger wallet checkpoint`); the ledger must go on from it; repeat");
  command->add_option("--trust", options->trust, "trust file of somebody outside: the ledger must be the one that it names");
  example(*command, "careledger audit /srv/care --checkpoint remembered.note --trust trust.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
