#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/act_record.h"
#include "apps/admin_api.h"
#include "apps/commands/command.h"
#include "apps/ledger_check.h"
#include "apps/lost_anchors.h"
#include "apps/network/engine_store.h"
#include "apps/network/newest_again.h"
#include "apps/node.h"
#include "apps/terminal.h"
#include "codec/json/json.h"
#include "exchange/promises.h"
#include "ordering/headers_kept.h"
#include "vault/anchored.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

constexpr std::size_t kFindingsMax = 100;

struct Options {
  FolderOptions folder;
  std::vector<std::string> checkpoints;  // files of signed notes that somebody remembers
  std::string trust;
  std::string engine = "cometbft";
};

struct Looked {
  std::uint64_t blocks = 0, versions = 0, index_rows = 0, anchors = 0, audit_entries = 0, promises = 0, cosigned = 0;
  replica::ResultsAudit::Count results{};                             // of the blocks
  std::vector<std::pair<std::string, vault::CheckFinding>> findings;  // beside whose they are
  std::vector<std::string> put_aside;  // files of ends that were cut: by a power failure, or by who changed the newest entry
  std::vector<std::string> notes;      // what nothing here could be held against
  std::vector<std::string> unheld;     // the same of what was given to hold it against, or of all that is stored of the ledger
  bool all_held() const { return findings.empty() && unheld.empty(); }
};

// A line at most, on a terminal that somebody looks at.
std::function<void(std::uint64_t, std::uint64_t)> bar_of(const std::string& name, bool quiet) {
  const auto bar = std::make_shared<std::unique_ptr<Progress>>();
  return [bar, name, quiet](std::uint64_t done, std::uint64_t of) {
    if (quiet || of == 0) return;
    if (!*bar) *bar = std::make_unique<Progress>(name, of);
    (*bar)->to(done);
  };
}

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
  vault::CheckOptions options;
  options.findings_max = kFindingsMax;
  options.progress = bar_of(name, quiet);
  ask_ledger(ledger, organisation.config().id, options);
  options.in_vault = [view = organisation.vault().view()](const std::string& type, const std::string& id, std::uint32_t version) {
    return view.has_version(type, id, version);
  };
  CARELEDGER_TRY(const vault::CheckReport records, vault::check_vault(organisation.vault(), options));
  options.progress = bar_of(name, quiet);
  CARELEDGER_TRY(const vault::CheckReport accesses, vault::check_audit(organisation.audit(), options));
  options.progress = bar_of(name, quiet);
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
Result<void> look_outside(Ledger& ledger, const SignedBlocks& blocks, const Options& options, Looked& looked) {
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
  TrustCheck trusted = check_trusted(ledger, blocks, trust);
  add(trusted.findings);
  std::ranges::move(trusted.notes, std::back_inserter(looked.notes));
  std::ranges::move(trusted.unheld, std::back_inserter(looked.unheld));
  for (const std::string& file : options.checkpoints) {
    CARELEDGER_TRY(const Bytes note, system_files().read_all(file, proof::kMaxNote));
    CARELEDGER_TRY(const auto findings, check_remembered(ledger, file, note, trust));
    add(findings);
  }
  return {};
}

using Findings = std::vector<vault::CheckFinding>;
using Store = std::unique_ptr<network::EngineStore>;

// A network's blocks lie in the engine's files, with the votes for them.
Result<Findings> look_at_network(Node& node, const Layout& layout, const Options& options, bool quiet, Looked& looked, Store& engine) {
  CARELEDGER_TRY(const proof::ValidatorSet founders, node.ledger().first_validators());
  auto opened = network::EngineStore::open(layout, *node.config().network, node.ledger().founding(), node.keys(), options.engine);
  if (!opened && opened.error().kind != ErrorKind::corrupt) return tl::make_unexpected(opened.error());
  if (!opened) return Findings{{"ledger", "engine", opened.error().message}};
  if (const auto& kept = (*opened)->kept(); !kept) return Findings{{"ledger", "engine", kept.error().message}};
  engine = std::move(*opened);
  const replica::View view = node.ledger().replica().view();
  network::ChainCheckOptions how{kFindingsMax, bar_of("ledger", quiet)};
  Findings before;  // of the chain that ended when the ledger grew
  if (const auto& grown = node.ledger().grown()) {
    how.begins = next(grown->seal_height());
    if (view.first_height() < how.begins) looked.blocks = how.begins.value - view.first_height().value;
    LedgerReport old = check_ledger(node.ledger(), kFindingsMax, bar_of("ledger", quiet));
    before = std::move(old.findings);
    looked.results = old.results;
  }
  how.execute_again = [&](const proof::Header& header) {
    return network::execute_newest_again(node.ledger().store(), node.ledger().founding_bytes(), view, header, layout.ledger_again());
  };
  network::ChainReport report = network::check_chain(view, founders, *engine, how);
  looked.blocks += report.blocks;
  looked.results += report.results;
  looked.notes = std::move(report.notes);
  looked.unheld = std::move(report.unheld);
  before.insert(before.end(), report.findings.begin(), report.findings.end());
  return before;
}

// Which commands were ok the log tells of every block; with which code one was refused, the header after its block alone.
void note_results(Looked& looked) {
  const auto& [blocks, held] = looked.results;
  if (held == blocks) return;
  looked.notes.push_back(
      fmt::format("of {} blocks with commands, the results of {} were held against the header after them, or by executing the newest "
                  "again; of the others "
                  "only which commands were ok, against the log",
                  blocks, held));
}

Result<void> look_at_ledger(Node& node, const Layout& layout, const Options& options, bool quiet, Looked& looked) {
  Findings blocks;
  Store engine;
  if (node.config().network) {
    CARELEDGER_TRY(blocks, look_at_network(node, layout, options, quiet, looked, engine));
  } else {
    LedgerReport report = check_ledger(node.ledger(), kFindingsMax, bar_of("ledger", quiet));
    blocks = std::move(report.findings);
    looked.results = report.results;
    looked.blocks = node.ledger().ordering().height().value;
  }
  note_results(looked);
  for (const auto& findings : {check_kept(node.ledger()), blocks})
    for (const vault::CheckFinding& finding : findings) looked.findings.emplace_back("ledger", finding);
  const replica::View view = node.ledger().replica().view();
  SignedBlocks signed_blocks{engine ? engine->oldest() : view.first_height(), {}};
  signed_blocks.at = [&](Height height) -> Result<proof::LightBlock> {
    const auto& grown = node.ledger().grown();
    if (!engine || (grown && height <= grown->seal_height())) return ordering::light_block(node.ledger().ordering(), height);
    if (height < signed_blocks.first) CARELEDGER_CHECK(ordering::check_header_kept(view, height));  // in words that say whom to ask
    CARELEDGER_TRY(proof::SignedHeader header, engine->header(height));
    CARELEDGER_TRY(proof::ValidatorSet validators, engine->validators(height));
    return proof::LightBlock{std::move(header), std::move(validators)};
  };
  return look_outside(node.ledger(), signed_blocks, options, looked);
}

// What the newest backup did not hold when it was restored; others remember it.
Result<void> look_for_lost(Organisation& organisation, Ledger& ledger, Looked& looked) {
  const auto known = vault::anchor_commands(organisation.vault());
  if (!known && known.error().kind == ErrorKind::corrupt) return {};  // a finding of the vault's own check
  if (!known) return tl::make_unexpected(known.error());
  const auto lost = lost_anchors(ledger.replica().view(), organisation.config().id, *known);
  if (!lost && lost.error().kind == ErrorKind::corrupt) return {};  // of the ledger's
  if (!lost) return tl::make_unexpected(lost.error());
  const replica::View view = ledger.replica().view();
  const std::string older = view.first_height().value > 1 ? ", of those from " + std::to_string(view.first_height().value) + " on" : "";
  if (lost->count > 0)
    looked.notes.push_back(
        fmt::format("{}: {} of its anchors on the ledger, in blocks {} to {}{}, are of records that were lost with what came after "
                    "a restored backup, or that were anchored again since",
                    organisation.config().name, lost->count, lost->first.value, lost->last.value, older));
  return {};
}

Result<Looked> look(const Options& options, bool quiet) {
  const Layout layout = layout_of(options.folder.folder);
  CARELEDGER_TRY(const auto node, Node::open_at_rest(layout, options.folder.seal, system_clock(), system_entropy()));
  Looked looked;
  std::error_code ignored;
  std::filesystem::remove_all(layout.ledger_again(), ignored);  // of an audit that was killed
  CARELEDGER_CHECK(look_at_ledger(*node, layout, options, quiet, looked));
  for (const auto& organisation : node->organisations()) {
    CARELEDGER_CHECK(look_at(*organisation, node->ledger(), quiet, looked));
    CARELEDGER_CHECK(look_for_lost(*organisation, node->ledger(), looked));
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
  json::Value notes = document.array();
  for (const std::string& note : looked.notes) document.append(notes, document.string(note));
  document.set(root, "notes", notes);
  json::Value unheld = document.array();
  for (const std::string& one : looked.unheld) document.append(unheld, document.string(one));
  document.set(root, "not_held_against_anything", unheld);
  json::Value results = document.object();
  document.set(results, "blocks", document.number(static_cast<std::int64_t>(looked.results.blocks)));
  document.set(results, "held", document.number(static_cast<std::int64_t>(looked.results.held)));
  document.set(root, "results", results);
  document.root() = root;
  fmt::print("{}\n", json::compact(document.root()));
}

std::string verdict(const Looked& looked) {
  if (!looked.findings.empty()) return red("damage found");
  return looked.all_held() ? green("all sound") : "sound, as far as it was held against anything";
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
    for (const std::string& note : looked->notes) fmt::print("Note: {}\n", note);
    for (const std::string& one : looked->unheld) fmt::print("{} {}\n", red("Not held against anything:"), one);
    fmt::print(
        "Looked at {} blocks, {} record versions, {} index rows, {} anchors, {} audit entries, {} kept promises and {} checkpoints of "
        "wallets: {}\n",
        looked->blocks, looked->versions, looked->index_rows, looked->anchors, looked->audit_entries, looked->promises, looked->cosigned,
        verdict(*looked));
  }
  return static_cast<int>(looked->all_held() ? Exit::ok : Exit::failed);
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
  command->add_option("--engine", options->engine, "a network's engine: a file, or a name beside this program or in PATH");
  example(*command, "careledger audit /srv/care --checkpoint remembered.note --trust trust.json");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
