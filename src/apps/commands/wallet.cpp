#include "apps/wallet_handover.h"

#include <fmt/format.h>

#include "apps/commands/command.h"
#include "apps/terminal.h"
#include "apps/wallet.h"
#include "base/printable.h"
#include "codec/fhir/instant.h"
#include "exchange/terms.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

struct Options {
  std::string file;
  WalletSeal seal;
  std::string label;
  std::string node;
  std::string certificate;
  GrantOrder grant;
  std::uint32_t number = 0;
  std::string out;
  std::string trust_out;
  std::string account;
  std::string code;
  std::string reason;
  std::string from;
  std::string to;
};

// {"name": "value", …} with every value a string.
std::string json_of(std::initializer_list<std::pair<std::string_view, std::string>> fields) {
  json::Document document;
  json::Value root = document.object();
  for (const auto& [name, value] : fields) document.set(root, name, document.string(value));
  return json::compact(root);
}

// A day is its first moment in UTC.
Result<std::optional<BlockTime>> time_of(const std::string& text) {
  if (text.empty()) return std::optional<BlockTime>();
  const auto day = codec::fhir::parse_day(text);
  const auto time = day ? day : codec::fhir::parse_instant(text);
  if (!time || time->value < 0) return fail(ErrorKind::invalid, text + ": expected a day or a time, 2026-11-21 or 2026-11-21T09:30:00Z");
  return time;
}

int create(const Options& options, bool as_json) {
  const auto file = WalletFile::create(options.file, options.seal, system_entropy());
  if (!file) return report(file.error(), as_json);
  if (as_json) fmt::print("{}\n", json_of({{"wallet", options.file}}));
  else fmt::print("{} is ready. Next: careledger wallet show {} --label \"my hospital\"\n", options.file, options.file);
  return 0;
}

// What the wallet itself made reads; a grant of a file that was meddled with is shown without its terms.
std::optional<exchange::Terms> terms_of(const WalletGrant& grant) {
  const auto consent = json::parse(grant.consent);
  auto terms = consent ? exchange::parse_terms(consent->root()) : tl::make_unexpected(consent.error());
  return terms ? std::optional(std::move(*terms)) : std::nullopt;
}

// Its lists by name, in the order in which they are shown.
std::vector<std::pair<const char*, std::vector<std::string>>> lists_of(const exchange::Terms& terms) {
  const auto plain = [](const std::set<std::string>& set) { return std::vector<std::string>(set.begin(), set.end()); };
  std::vector<std::string> practitioners, labels;
  for (const Digest& practitioner : terms.practitioners) practitioners.push_back(practitioner.hex());
  for (const exchange::Label& label : terms.labels) labels.push_back(label.system + "|" + label.code);
  return {{"categories", plain(terms.categories)}, {"purposes", plain(terms.purposes)}, {"withheld", plain(terms.withheld)},
          {"labels", std::move(labels)},           {"roles", plain(terms.roles)},       {"practitioners", std::move(practitioners)}};
}

void print_terms(const exchange::Terms& terms) {
  fmt::print("  from {} to before {}\n", codec::fhir::format_instant(terms.from), codec::fhir::format_instant(terms.until));
  for (const auto& [name, items] : lists_of(terms))
    if (!items.empty()) fmt::print("  {}: {}\n", name, fmt::join(items, ", "));
}

void set_terms(json::Document& document, json::Value& grant, const exchange::Terms& terms) {
  document.set(grant, "from", document.string(codec::fhir::format_instant(terms.from)));
  document.set(grant, "until", document.string(codec::fhir::format_instant(terms.until)));
  for (const auto& [name, items] : lists_of(terms)) {
    json::Value list = document.array();
    for (const std::string& item : items) document.append(list, document.string(item));
    document.set(grant, name, list);
  }
}

void print_keys(const Wallet& wallet) {
  for (const WalletKey& key : wallet.keys) {
    const bool waits = key.organisation.empty();
    fmt::print("{}: {}{}\n", bold(key.label), waits ? std::string("waits for an organisation") : printable(key.organisation_name),
               key.handed_over ? ", handed over" : "");
    if (waits && !key.claimed) fmt::print("  enrolment code: {}\n", key.enrolment_code());
  }
  for (const WalletGrant& grant : wallet.grants) {
    fmt::print("grant {} to {}{}\n", grant.number, printable(grant.grantee), grant.revoked ? ", revoked" : "");
    if (const auto terms = terms_of(grant)) print_terms(*terms);
  }
  if (wallet.keys.empty()) fmt::print("no key yet: careledger wallet show FILE --label \"my hospital\" makes one\n");
}

std::string keys_json(const Wallet& wallet) {
  json::Document document;
  json::Value keys = document.array();
  for (const WalletKey& key : wallet.keys) {
    json::Value value = document.object();
    document.set(value, "label", document.string(key.label));
    document.set(value, "account", document.string(key.account().hex()));
    document.set(value, "organisation", document.string(key.organisation));
    document.set(value, "organisation_name", document.string(key.organisation_name));
    if (!key.claimed) document.set(value, "enrolment", document.string(key.enrolment_code()));
    document.set(value, "handed_over", document.boolean(key.handed_over));
    document.append(keys, value);
  }
  json::Value grants = document.array();
  for (const WalletGrant& grant : wallet.grants) {
    json::Value value = document.object();
    document.set(value, "number", document.number(std::int64_t{grant.number}));
    document.set(value, "custodian", document.string(grant.custodian));
    document.set(value, "grantee", document.string(grant.grantee));
    document.set(value, "revoked", document.boolean(grant.revoked));
    if (const auto terms = terms_of(grant)) set_terms(document, value, *terms);
    document.append(grants, value);
  }
  json::Value root = document.object();
  document.set(root, "ledger", document.string(wallet.ledger));
  document.set(root, "keys", keys);
  document.set(root, "grants", grants);
  return json::compact(root);
}

int show(WalletFile& file, const Options& options, bool as_json) {
  const WalletKey* key = options.label.empty() ? nullptr : file.wallet().by_label(options.label);
  if (!options.label.empty() && key == nullptr) {
    const auto made = file.add_key(options.label);
    if (!made) return report(made.error(), as_json);
    key = *made;
  }
  if (as_json) {
    fmt::print("{}\n", key == nullptr
                           ? keys_json(file.wallet())
                           : json_of({{"label", key->label}, {"account", key->account().hex()}, {"enrolment", key->enrolment_code()}}));
  } else if (key != nullptr) {
    fmt::print("{}\n", key->enrolment_code());
  } else {
    print_keys(file.wallet());
  }
  return 0;
}

int accept(WalletFile& file, const Options& options, bool as_json) {
  const auto accepted = accept_relationship(file, options.node, options.certificate, options.label);
  if (!accepted) return report(accepted.error(), as_json);
  if (as_json) fmt::print("{}\n", json_of({{"organisation", accepted->organisation}, {"relationship", accepted->relationship}}));
  else if (accepted->waits_until.value > 0)
    fmt::print("Accepted by you: {}. It stands on the ledger from {} on, with those of others.\n", accepted->organisation,
               codec::fhir::format_instant(accepted->waits_until));
  else fmt::print("{} {}.\n", accepted->already ? "Already in force with" : "Accepted by you:", accepted->organisation);
  return 0;
}

int grant(WalletFile& file, const Options& options, bool as_json) {
  GrantOrder order = options.grant;
  order.node = options.node;
  order.certificate = options.certificate;
  const auto from = time_of(options.from);
  if (!from) return report(from.error(), as_json);
  order.from = *from;
  const auto granted = make_grant(file, order);
  if (!granted) return report(granted.error(), as_json);
  const std::string begins = codec::fhir::format_instant(granted->from), ends = codec::fhir::format_instant(granted->until);
  const std::string number = std::to_string(granted->number);
  if (as_json)
    fmt::print(
        "{}\n",
        json_of({{"number", number}, {"custodian", granted->custodian}, {"grantee", granted->grantee}, {"from", begins}, {"until", ends}}));
  else
    fmt::print("{} may receive from {}{} until {} (grant {}).\n", granted->grantee, granted->custodian,
               order.from ? ", from " + begins + " on," : "", ends, number);
  return 0;
}

int revoke(WalletFile& file, const Options& options, bool as_json) {
  const auto revoked = revoke_grants(file, options.node, options.certificate, options.number);
  if (!revoked) return report(revoked.error(), as_json);
  for (const std::uint32_t number : *revoked) {
    if (as_json) fmt::print("{}\n", json_of({{"revoked", std::to_string(number)}}));
    else fmt::print("Grant {} is revoked: nothing more is released under it.\n", number);
  }
  return 0;
}

int claim(WalletFile& file, const Options& options, bool as_json) {
  const auto code = claim_code(file, options.node, options.certificate, options.account, options.label);
  if (!code) return report(code.error(), as_json);
  if (as_json) fmt::print("{}\n", json_of({{"claim", *code}}));
  else fmt::print("{}\n", *code);
  return 0;
}

int handover(WalletFile& file, const Options& options, bool as_json) {
  const auto done = hand_over(file, options.node, options.certificate, options.code, options.reason);
  if (!done) return report(done.error(), as_json);
  const std::string when = done->waits_until.value > 0 ? codec::fhir::format_instant(done->waits_until) : std::string();
  if (as_json) fmt::print("{}\n", json_of({{"organisation", done->organisation}, {"waits_until", when}}));
  else if (when.empty()) fmt::print("Handed over: this wallet no longer speaks to {}.\n", done->organisation);
  else fmt::print("Handed over at {}: it stands on the ledger from {} on, with what others do.\n", done->organisation, when);
  return 0;
}

void add_accesses(json::Document& document, json::Value& list, const std::vector<Access>& accesses) {
  for (const Access& access : accesses) {
    json::Value value = document.object();
    document.set(value, "time", document.string(codec::fhir::format_instant(access.time)));
    document.set(value, "kind", document.string(access.kind));
    document.set(value, "outcome", document.string(access.outcome));
    document.set(value, "organisation", document.string(access.organisation));
    document.set(value, "actor", document.string(access.actor));
    document.set(value, "purpose", document.string(access.purpose));
    document.set(value, "resource", document.string(access.resource));
    document.set(value, "details", document.string(access.details));
    document.append(list, value);
  }
}

std::string log_json(json::Document& document, const json::Value& list, const AccessLog& log, const LogRange& range) {
  json::Value root = document.object();
  document.set(root, "organisation", document.string(log.organisation));
  for (const auto& [name, time] : {std::pair("from", range.from), std::pair("to", range.to)})
    if (time) document.set(root, name, document.string(codec::fhir::format_instant(*time)));
  document.set(root, "parts", document.number(static_cast<std::int64_t>(log.parts)));
  document.set(root, "complete_by_entries", document.number(static_cast<std::int64_t>(log.head_size)));
  document.set(root, "head_in_block", document.number(static_cast<std::int64_t>(log.head_height)));
  document.set(root, "head_witnessed_by", document.number(static_cast<std::int64_t>(log.witnesses)));
  document.set(root, "witnesses_known", document.number(static_cast<std::int64_t>(log.witnesses_known)));
  document.set(root, "as_of_block", document.number(static_cast<std::int64_t>(log.as_of)));
  document.set(root, "as_of_signed_by", document.number(static_cast<std::int64_t>(log.signers)));
  document.set(root, "accesses", list);
  return json::compact(root);
}

// A list that fits in one proof is written to the file that was named; otherwise no single file is the list, and none bears that name.
std::string proof_file(const std::string& name, const AccessPart& part) {
  return part.number == 1 && part.last ? name : name + "." + std::to_string(part.number);
}

std::string range_text(const LogRange& range) {
  const auto bound = [](const char* word, const std::optional<BlockTime>& time) {
    return time ? word + codec::fhir::format_instant(*time) : std::string();
  };
  return bound(" from ", range.from) + bound(" to before ", range.to);
}

void print_log(const AccessLog& log, const Options& options, const LogRange& range) {
  const std::string parts =
      log.parts == 1 ? "" : fmt::format(" in {} parts, each proven and none between them left out, the last", log.parts);
  fmt::print("{}\n", green(fmt::format("Complete{}: {} entries about you at {}{}, by its head in block {}, witnessed by {} of {}.",
                                       range_text(range), log.entries, log.organisation, parts, log.head_height, log.witnesses,
                                       log.witnesses_known)));
  if (range.from || range.to) fmt::print("Entries of other times were not asked for.\n");
  fmt::print("No later head as of block {}: signed by {} {}, not witnessed.\n", log.as_of, log.signers, log.signers == 1 ? "key" : "keys");
  if (!options.out.empty() && log.parts > 1) fmt::print("The proofs of the parts: {}.1 to {}.{}\n", options.out, options.out, log.parts);
}

Result<LogRange> range_of(const Options& options) {
  LogRange range;
  CARELEDGER_TRY(range.from, time_of(options.from));
  CARELEDGER_TRY(range.to, time_of(options.to));
  if (range.from && range.to && *range.to < *range.from) return fail(ErrorKind::invalid, "--to is earlier than --from");
  return range;
}

int log(WalletFile& file, const Options& options, bool as_json) {
  const auto range = range_of(options);
  if (!range) return report(range.error(), as_json);
  json::Document document;
  json::Value list = document.array();
  const auto read = read_log(file, {options.node, options.certificate, *range}, [&](const AccessPart& part) -> Result<void> {
    if (!options.out.empty()) CARELEDGER_CHECK(system_files().replace(proof_file(options.out, part), part.proof));
    if (as_json) add_accesses(document, list, part.accesses);
    else
      for (const Access& access : part.accesses) fmt::print("{}\n", access.sentence());
    return {};
  });
  if (!read) return report(read.error(), as_json);
  if (as_json) fmt::print("{}\n", log_json(document, list, *read, *range));
  else print_log(*read, options, *range);
  return 0;
}

int checkpoint(WalletFile& file, const Options& options, bool as_json) {
  const Wallet& wallet = file.wallet();
  if (wallet.checkpoint.empty())
    return report({ErrorKind::not_found, "the wallet remembers no ledger yet: accept a relationship first"}, as_json);
  for (const auto& [path, bytes] : {std::pair(options.out, wallet.checkpoint), std::pair(options.trust_out, wallet.trust)}) {
    if (path.empty()) continue;
    if (const auto written = system_files().replace(path, bytes); !written) return report(written.error(), as_json);
  }
  if (as_json)
    fmt::print("{}\n", json_of({{"ledger", wallet.ledger}, {"size", std::to_string(wallet.log_size)}, {"note", wallet.checkpoint}}));
  else if (options.out.empty()) fmt::print("{}", wallet.checkpoint);
  else fmt::print("The ledger as this wallet saw it last, {} entries: {}\n", wallet.log_size, options.out);
  return 0;
}

using Run = int (*)(WalletFile&, const Options&, bool);

CLI::App* add(CLI::App& wallet, const std::shared_ptr<Options>& options, const std::string& name, const std::string& about) {
  auto* command = wallet.add_subcommand(name, about);
  command->add_option("FILE", options->file, "the wallet")->required();
  command->add_option("--passphrase-file", options->seal.passphrase_file, "file with the wallet's passphrase; - is standard input");
  command->add_option("--key-file", options->seal.key_file, "key file of the wallet (default: FILE.key)");
  return command;
}

void on_run(CLI::App& command, const std::shared_ptr<Options>& options, Context& context, Run run) {
  command.callback([options, &context, run] {
    context.chosen = [options, &context, run]() -> int {
      auto file = WalletFile::open(options->file, options->seal, system_entropy());
      if (!file) return report(file.error(), context.json);
      return run(*file, *options, context.json);
    };
  });
}

void add_node(CLI::App& command, Options& options) {
  command.add_option("--node", options.node, "the organisation's address: http://127.0.0.1:8480")->required();
  command.add_option("--certificate", options.certificate, "PEM file that https certificates are checked against");
}

void add_grant(CLI::App& wallet, Context& context) {
  auto options = std::make_shared<Options>();
  options->grant.purposes.clear();
  auto* command = add(wallet, options, "grant", "let another organisation receive a part of your record");
  add_node(*command, *options);
  command->add_option("--grantee", options->grant.grantee, "who may receive: name or id")->required();
  command->add_option("--grantee-node", options->grant.grantee_node, "the recipient's address")->required();
  command->add_option("--category", options->grant.categories, "laboratory, conditions, medications…; repeat")->required();
  command->add_option("--withhold", options->grant.withheld, "an element that stays behind: Observation.note; repeat");
  command->add_option("--purpose", options->grant.purposes, "purpose of use, a v3-ActReason code; repeat")->default_str("TREAT");
  command->add_option("--role", options->grant.roles, "only through somebody in this role: physician, nurse…; repeat");
  command->add_option("--practitioner", options->grant.practitioners,
                      "only through this person, by the id that the organisation tells; repeat");
  command->add_option("--label", options->grant.labels,
                      "sensitive records that are released too, by their label: HIV, PSY, V… or SYSTEM|CODE; repeat");
  command->add_option("--from", options->from, "when it begins: 2026-12-01 (UTC) or 2026-12-01T09:30:00Z (default: now)");
  command->add_option("--days", options->grant.days, "how long, from its beginning")->check(CLI::Range(1, 3650));
  example(*command,
          "careledger wallet grant me.wallet --node http://127.0.0.1:8480 --grantee \"South Clinic\" --grantee-node "
          "http://127.0.0.1:8481 --category laboratory --withhold Observation.note --label HIV --practitioner 4f…c2 --from 2026-12-01");
  on_run(*command, options, context, [](WalletFile& file, const Options& given, bool as_json) {
    Options filled = given;
    if (filled.grant.purposes.empty()) filled.grant.purposes = {"TREAT"};
    return grant(file, filled, as_json);
  });
}

void add_handover(CLI::App& wallet, Context& context) {
  auto claimed = std::make_shared<Options>();
  auto* command =
      add(wallet, claimed, "claim", "the code by which this wallet takes over a relationship held in trust, or another wallet's");
  add_node(*command, *claimed);
  command->add_option("--account", claimed->account, "its account: the organisation or `wallet show` tells")->required();
  command->add_option("--label", claimed->label, "your own name for the relationship; a new key is made for it")->required();
  example(*command, "careledger wallet claim me.wallet --node http://127.0.0.1:8480 --account 4f…c2 --label \"North Hospital\"");
  on_run(*command, claimed, context, claim);

  auto handed = std::make_shared<Options>();
  command = add(wallet, handed, "handover", "hand a relationship to another wallet: a guardian's, or your child's who has come of age");
  add_node(*command, *handed);
  command->add_option("--code", handed->code, "what `wallet claim` printed for the other wallet")->required();
  command->add_option("--reason", handed->reason, "why; stays in this wallet, the ledger gets a salted commitment")->required();
  example(*command, "careledger wallet handover parent.wallet --node http://127.0.0.1:8480 --code AAAA… --reason \"come of age\"");
  on_run(*command, handed, context, handover);
}

}  // namespace

void add_wallet(CLI::App& app, Context& context) {
  auto* wallet = app.add_subcommand("wallet", "a patient's keys, grants and view of every access");
  wallet->require_subcommand(1);
  example(*wallet, "careledger wallet create me.wallet");

  auto made = std::make_shared<Options>();
  auto* create_command = add(*wallet, made, "create", "make a wallet in a new file");
  example(*create_command, "careledger wallet create me.wallet --passphrase-file -");
  create_command->callback([made, &context] { context.chosen = [made, &context] { return create(*made, context.json); }; });

  auto shown = std::make_shared<Options>();
  auto* show_command = add(*wallet, shown, "show", "what is in the wallet; with --label the enrolment code of a key of its own");
  show_command->add_option("--label", shown->label, "your own name for the relationship; a new one makes a new key");
  example(*show_command, "careledger wallet show me.wallet --label \"North Hospital\"");
  on_run(*show_command, shown, context, show);

  auto accepted = std::make_shared<Options>();
  auto* accept_command = add(*wallet, accepted, "accept", "accept the relationship that an organisation proposed");
  add_node(*accept_command, *accepted);
  accept_command->add_option("--label", accepted->label, "which key, when several wait for an organisation");
  example(*accept_command, "careledger wallet accept me.wallet --node http://127.0.0.1:8480");
  on_run(*accept_command, accepted, context, accept);

  add_grant(*wallet, context);

  auto revoked = std::make_shared<Options>();
  auto* revoke_command = add(*wallet, revoked, "revoke", "withdraw a grant; the custodian stops at once");
  add_node(*revoke_command, *revoked);
  revoke_command->add_option("--number", revoked->number, "which grant (default: all at this custodian)");
  example(*revoke_command, "careledger wallet revoke me.wallet --node http://127.0.0.1:8480 --number 1");
  on_run(*revoke_command, revoked, context, revoke);

  add_handover(*wallet, context);

  auto logged = std::make_shared<Options>();
  auto* log_command = add(*wallet, logged, "log", "every access and every refused attempt, proven complete");
  add_node(*log_command, *logged);
  log_command->add_option("--from", logged->from, "only entries of this time or later: 2026-11-21 (UTC) or 2026-11-21T09:30:00Z");
  log_command->add_option("--to", logged->to, "only entries before this time");
  log_command->add_option("-o,--output", logged->out,
                          "also write the proof of the list, for `careledger verify` and `convict`; the parts of a long one go to FILE.1, "
                          "FILE.2 and so on");
  example(*log_command, "careledger wallet log me.wallet --node http://127.0.0.1:8480 -o accesses.clpb");
  on_run(*log_command, logged, context, log);

  auto kept = std::make_shared<Options>();
  auto* checkpoint_command = add(*wallet, kept, "checkpoint", "the ledger's newest checkpoint that this wallet saw and cosigned");
  checkpoint_command->add_option("-o,--output", kept->out, "file for the signed note, for `careledger audit --checkpoint`");
  checkpoint_command->add_option("--trust-out", kept->trust_out, "file for the trust file that the wallet keeps to");
  example(*checkpoint_command, "careledger wallet checkpoint me.wallet -o remembered.note --trust-out trust.json");
  on_run(*checkpoint_command, kept, context, checkpoint);
}

}  // namespace careledger::apps::commands
