// One subcommand of the command line. Each file in this folder adds one or a few; main.cpp lists them.
//
// `add` describes options to CLI11 and sets a callback that stores the exit code; nothing runs while options are parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "apps/layout.h"
#include "apps/network/member.h"
#include "apps/network/retention.h"
#include "apps/seal_choice.h"

namespace careledger::apps::commands {

struct Context {
  bool json = false;            // --json: one JSON value on standard output, errors included
  std::function<int()> chosen;  // what the parsed command line asks for
};

using RetentionRule = std::function<Result<ordering::abci::Retention>(std::uint64_t keep_blocks)>;

// DIR and the seal options that every command on a data folder takes.
struct FolderOptions {
  std::string folder;
  SealChoice seal;
};
void add_folder(CLI::App& app, FolderOptions& options);
// Text below the options of --help.
void example(CLI::App& app, const std::string& line);

void add_init(CLI::App& app, Context& context);
void add_registry(CLI::App& app, Context& context);
void add_relationship(CLI::App& app, Context& context);
void add_restore(CLI::App& app, Context& context);
// `retention`: of --keep-blocks. `engine`: unless options say otherwise. Tests of dropped blocks cannot wait for a million of them.
void add_serve(CLI::App& app, Context& context, const RetentionRule& retention = network::retention_of,
               const network::EngineChoice& engine = {.program = "cometbft"});
void add_audit(CLI::App& app, Context& context);
void add_backup(CLI::App& app, Context& context);
void add_checkpoint(CLI::App& app, Context& context);
void add_demo(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_erase(CLI::App& app, Context& context);
void add_hold(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_upgrade(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_keys(CLI::App& app, Context& context);
void add_timestamp_authority(CLI::App& keys, Context& context);  // of `keys`
void add_network(CLI::App& app, Context& context);
void add_governing(CLI::App& network, Context& context);  // of `network`: propose, vote…
void add_joining(CLI::App& network, Context& context);    // of `network`: join, recover, rollback, peer, forget
void add_promises(CLI::App& app, Context& context);
void add_convict(CLI::App& app, Context& context);
void add_prove(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_token(CLI::App& app, Context& context);
void add_wallet(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);

}  // namespace careledger::apps::commands
