#include <fmt/format.h>

#include "apps/commands/administer.h"
#include "apps/terminal.h"
#include "base/files.h"
#include "crypto/timestamp.h"

namespace careledger::apps::commands {
namespace {

namespace http = edge::http;
namespace json = codec::json;

struct Options {
  FolderOptions folder;
  std::string organisation;
  std::string out;
  std::string timestamp;
  std::string authority;
  std::string trust_out;
};

struct AuthorityOptions {
  FolderOptions folder;
  std::string organisation;
  std::string out;
  std::string request;
  std::string certificate;
  int days = 0;  // as the node has it
  bool new_key = false;
};

Result<void> write(const std::string& path, ByteView bytes) { return path.empty() ? Result<void>{} : system_files().replace(path, bytes); }

// Note and token belong together byte for byte: both come out of one answer.
Result<void> write_stamped(const Options& options) {
  json::Document document;
  const json::Value nothing = document.object();
  CARELEDGER_TRY(const Bytes answer, order(options.folder, options.organisation, "timestamp", nothing));
  CARELEDGER_TRY(const json::Document stamped, json::parse(answer));
  const auto token = from_base64(stamped.root().string_at("token"));
  if (!token) return fail(ErrorKind::malformed, "the node's answer holds no token");
  CARELEDGER_CHECK(write(options.out, stamped.root().string_at("note")));
  CARELEDGER_CHECK(write(options.timestamp, *token));
  return write(options.authority, stamped.root().string_at("certificates"));
}

Result<void> write_plain(const Options& options) {
  CARELEDGER_TRY(const Bytes note,
                 ask(options.folder, options.organisation, http::make_request(http::Method::get, "/ledger/v1/checkpoint")));
  return write(options.out, note);
}

Result<void> checkpoint(const Options& options) {
  if (options.timestamp.empty() && !options.authority.empty())
    return fail(ErrorKind::invalid, "--authority-out writes what a token is checked against: it wants --timestamp");
  CARELEDGER_CHECK(options.timestamp.empty() ? write_plain(options) : write_stamped(options));
  if (options.trust_out.empty()) return {};
  CARELEDGER_TRY(const Bytes trust, ask(options.folder, options.organisation, http::make_request(http::Method::get, "/admin/v1/trust")));
  return write(options.trust_out, trust);
}

int run(const Options& options, bool as_json) {
  const auto written = checkpoint(options);
  if (!written) return report(written.error(), as_json);
  if (as_json) {
    fmt::print("{{\"written\":true}}\n");
    return 0;
  }
  fmt::print("Wrote {}. Keep it outside; careledger audit DIR --checkpoint {} --trust {} holds the ledger against it.\n", options.out,
             options.out, options.trust_out.empty() ? "TRUST" : options.trust_out);
  if (!options.timestamp.empty())
    fmt::print("Anybody checks when it was there with: openssl ts -verify -data {} -in {} -CAfile {}\n", options.out, options.timestamp,
               options.authority.empty() ? "AUTHORITY" : options.authority);
  return 0;
}

Result<json::Document> order_of(const AuthorityOptions& options) {
  if (!options.request.empty() && !options.certificate.empty())
    return fail(ErrorKind::invalid, "choose one of --request-out and --certificate");
  json::Document document;
  json::Value root = document.object();
  document.set(root, "new_key", document.boolean(options.new_key));
  if (!options.certificate.empty()) {
    CARELEDGER_TRY(const Bytes pem, system_files().read_all(options.certificate, crypto::kTimestampCertificatesMax));
    if (!json::is_utf8(pem)) return fail(ErrorKind::invalid, options.certificate + ": expected certificates as PEM, which is plain text");
    document.set(root, "certificate", document.string(pem));
  } else if (!options.request.empty()) {
    document.set(root, "request", document.boolean(true));
  } else {
    if (options.days > 0) document.set(root, "days", document.number(std::int64_t{options.days}));
  }
  document.root() = root;
  return document;
}

Result<void> set_up(const AuthorityOptions& options) {
  CARELEDGER_TRY(const json::Document wanted, order_of(options));
  CARELEDGER_TRY(const Bytes answer, order(options.folder, options.organisation, "timestamp-authority", wanted.root()));
  CARELEDGER_TRY(const json::Document made, json::parse(answer));
  CARELEDGER_CHECK(write(options.request, made.root().string_at("request")));
  return options.request.empty() ? write(options.out, made.root().string_at("certificate")) : Result<void>{};
}

int run_authority(const AuthorityOptions& options, bool as_json) {
  const auto done = set_up(options);
  if (!done) return report(done.error(), as_json);
  if (as_json) fmt::print("{{\"done\":true}}\n");
  else if (!options.request.empty())
    fmt::print(
        "Wrote {}. Have it signed by your authority, with its extended key usage, then: careledger keys timestamp-authority … "
        "--certificate FILE\n",
        options.request);
  else
    fmt::print("{} issues time stamps. Make a new backup of the keys, and give the authority's certificate to those who verify.\n",
               options.organisation);
  return 0;
}

}  // namespace

void add_checkpoint(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("checkpoint", "write the newest checkpoint of the ledger's log, and a time stamp of it");
  auto options = std::make_shared<Options>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "who is asked, and whose time-stamp authority stamps")->required();
  command->add_option("-o,--output", options->out, "the checkpoint: a signed note")->required();
  command->add_option("--timestamp", options->timestamp, "also write an RFC 3161 token over the note's bytes (.tsr)");
  command->add_option("--authority-out", options->authority, "also write the certificates of the time-stamp authority");
  command->add_option("--trust-out", options->trust_out, "also write the trust file that the note verifies against");
  example(*command, "careledger checkpoint /srv/care --organisation \"North Hospital\" -o ledger.note --timestamp ledger.tsr");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

void add_timestamp_authority(CLI::App& keys, Context& context) {
  auto* command = keys.add_subcommand("timestamp-authority", "make the organisation an authority that stamps checkpoints (RFC 3161)");
  auto options = std::make_shared<AuthorityOptions>();
  add_folder(*command, options->folder);
  command->add_option("--organisation", options->organisation, "whose authority")->required();
  command->add_option("-o,--output", options->out, "write its certificate, for those who verify");
  command
      ->add_option("--days", options->days,
                   "how long a certificate lives that it signs itself (default 3650; without this or --new-key one that holds is kept)")
      ->check(CLI::Range(1, crypto::kTimestampDaysMax));
  command->add_flag("--new-key", options->new_key, "another key; what the one before stamped still verifies with its certificate");
  command->add_option("--request-out", options->request, "write a request (PKCS #10) for an authority that you have, instead");
  command->add_option("--certificate", options->certificate, "take what that authority answered: PEM, its own first, then the chain");
  example(*command, "careledger keys timestamp-authority /srv/care --organisation \"North Hospital\" -o stamps.pem");
  command->callback([options, &context] { context.chosen = [options, &context] { return run_authority(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
