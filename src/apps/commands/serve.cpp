#include <fmt/format.h>

#include <csignal>

#include "apps/commands/command.h"
#include "apps/node.h"
#include "apps/terminal.h"
#include "edge/ops/notify.h"

namespace careledger::apps::commands {
namespace {

struct Options {
  FolderOptions folder;
  ServeConfig serve;
  network::EngineChoice engine;
  std::uint64_t keep_blocks = 0;
  bool log_json = false;
  std::string access_log = "errors";
};

edge::ops::AccessLog access_log_of(std::string_view name) {
  if (name == "none") return edge::ops::AccessLog::none;
  return name == "all" ? edge::ops::AccessLog::all : edge::ops::AccessLog::errors;
}

// SIGINT and SIGTERM are taken by waiting for them, in this thread alone: no handler runs in the middle of anything.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // before any other thread starts: they inherit it
  }
  void wait() const {
    int got = 0;
    sigwait(&set_, &got);
  }

 private:
  sigset_t set_{};
};

int run(const Options& options, const RetentionRule& rule, bool as_json) {
  const Signals signals;
  const auto retention = rule(options.keep_blocks);
  if (!retention) return report(retention.error(), as_json);
  network::EngineChoice engine = options.engine;
  engine.retention = *retention;
  auto node = Node::open(layout_of(options.folder.folder), options.folder.seal, system_clock(), system_entropy(), engine);
  if (!node) return report(node.error(), as_json);
  ServeConfig serve = options.serve;
  serve.log.json = options.log_json;
  serve.access_log = access_log_of(options.access_log);
  if (const auto serving = (*node)->serve(serve); !serving) return report(serving.error(), as_json);
  if (as_json) {
    fmt::print("{}", (*node)->addresses());
    std::fflush(stdout);  // whoever reads a pipe waits for it
  }
  for (const auto& organisation : (*node)->organisations())
    fmt::print(stderr, "{}: {}/fhir\n", organisation->config().name, organisation->origin());
  if (const auto told = edge::ops::notify("READY=1"); !told) fmt::print(stderr, "careledger: {}\n", told.error().message);
  const auto interval = edge::ops::watchdog_interval();
  const auto alive = [&node] { return !(*node)->ledger().failed(); };
  const auto watchdog = interval ? std::make_unique<edge::ops::Watchdog>(*interval, alive) : nullptr;
  signals.wait();
  static_cast<void>(edge::ops::notify("STOPPING=1"));  // whoever asked us to stop may be gone already
  (*node)->stop();
  return 0;
}

}  // namespace

void add_serve(CLI::App& app, Context& context, const RetentionRule& retention, const network::EngineChoice& engine) {
  auto* command = app.add_subcommand("serve", "run the node: the ledger and every organisation's endpoint, until SIGTERM");
  auto options = std::make_shared<Options>();
  options->engine = engine;
  add_folder(*command, options->folder);
  command->add_option("--address", options->serve.address, "IP address of every endpoint; another than loopback needs --certificate");
  command->add_option("--certificate", options->serve.certificate_file, "PEM file with the certificate chain");
  command->add_option("--certificate-key", options->serve.key_file, "PEM file with its private key");
  command->add_option("--members-certificates", options->serve.members_file,
                      "PEM file with the authorities, or certificates, of other members' endpoints; unless given, that of --certificate");
  command->add_option("--engine", options->engine.program,
                      "program that orders a network's ledger: a file, or a name beside this program or in PATH");
  command->add_option("--snapshot-every", options->engine.snapshot_every,
                      "blocks between two snapshots of a network's ledger, for members that come later; 0: none; the same at all members");
  command->add_option("--keep-blocks", options->keep_blocks,
                      "blocks of a network's ledger that are kept, at least 1000000, besides those of the last two weeks; 0: all");
  command->add_option("--cors-origin", options->serve.cors_origins, "web origin that may call from a browser; repeat");
  command->add_option("--ready-file", options->serve.ready_file, "gets the addresses as JSON once everything answers");
  command->add_option("--io-threads", options->serve.io_threads, "threads for connections")->check(CLI::Range(1, 64));
  command->add_option("--worker-threads", options->serve.worker_threads, "threads for writes and other long work")
      ->check(CLI::Range(1, 256));
  command->add_option("--log-file", options->serve.log.file, "append the log to a file instead of standard error");
  command->add_option("--access-log", options->access_log, "which requests get a line: none, errors (and slow ones), all")
      ->check(CLI::IsMember({"none", "errors", "all"}));
  command->add_flag("--log-json", options->log_json, "log lines as JSON");
  command->footer(
      "With --json what a ready file gets is printed as well, once everything answers.\nExample:\n  careledger serve /srv/care "
      "--ready-file /run/careledger.ready\n");
  command->callback([options, retention, &context] {
    context.chosen = [options, retention, &context] { return run(*options, retention, context.json); };
  });
}

}  // namespace careledger::apps::commands
