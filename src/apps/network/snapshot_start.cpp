#include "apps/network/snapshot_start.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <filesystem>
#include <set>
#include <thread>

#include "apps/network/engine_parts.h"
#include "apps/network/member.h"
#include "apps/network/trusted_headers.h"
#include "contracts/all.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "ordering/abci/engine_process.h"
#include "ordering/abci/signer.h"
#include "replica/newest_block.h"

namespace careledger::apps::network {
namespace {

namespace abci = ordering::abci;

constexpr int kTries = 5;
constexpr std::chrono::seconds kLong{30};
constexpr int kSilent = 10;  // times kLong: an engine whose state sync failed says so in its log and waits for ever

Result<std::unique_ptr<storage::Store>> open_store(const Layout& layout) {
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  return replica::open_ledger_store(options);
}

// Whether there is a block that was executed here: then engine and ledger go on by themselves.
Result<bool> goes_on(const Layout& layout) {
  if (!system_files().exists(layout.ledger())) return false;
  CARELEDGER_TRY(const auto store, open_store(layout));
  CARELEDGER_TRY(const auto heights, replica::stored_heights(*store));
  return heights && heights->newest >= heights->first;
}

Result<void> wipe(const Layout& layout) {
  // With its files in data an engine misses what it had written beside its configuration, too.
  for (const std::string& folder : {layout.ledger(), layout.engine() + "/data", layout.engine() + "/config"}) {
    std::error_code failed;
    std::filesystem::remove_all(folder, failed);
    if (failed) return fail(ErrorKind::storage, folder + " cannot be removed: " + failed.message());
  }
  return {};
}

Result<TrustedHeaders> headers_of(const SnapshotOrder& order, const LedgerId& ledger, const Clock& clock) {
  if (std::set<std::string>(order.rpc.begin(), order.rpc.end()).size() < std::max<std::size_t>(2, order.rpc.size()))
    return fail(ErrorKind::invalid, "a snapshot needs the RPC of two different members at least: --rpc, twice");
  std::vector<HeaderServer> servers;
  for (const std::string& origin : order.rpc) {
    CARELEDGER_TRY(HeaderServer server, header_server(origin, order.members_certificates));
    servers.push_back(std::move(server));
  }
  return TrustedHeaders(ledger, order.height, order.hash, std::move(servers), clock);
}

// One engine that runs until its first block above a snapshot, or until something ends it.
class Try {
 public:
  Try(const SnapshotParts& parts, const SnapshotOrder& order, const TrustedHeaders& headers, const kernel::Founding& founding)
      : parts_(parts), order_(order), headers_(headers), founding_(founding) {}
  ~Try() { stop(); }
  Result<void> run();

 private:
  Result<void> begin(const std::string& program);
  abci::StateSyncConfig config();
  Result<void> wait();
  void stop();
  void tell(const std::string& what) const {
    if (parts_.on_event) parts_.on_event(what);
  }
  void end(Error error);
  template <class Change>
  void note(Change change) {
    const std::lock_guard lock(mutex_);
    change();
    ++news_;
    changed_.notify_all();
  }

  const SnapshotParts& parts_;
  const SnapshotOrder& order_;
  const TrustedHeaders& headers_;
  const kernel::Founding& founding_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t news_ = 0;
  SnapshotStep step_;
  bool done_ = false;
  std::optional<Error> ended_;

  std::shared_ptr<storage::Store> store_;
  std::unique_ptr<abci::StateSync> sync_;
  std::unique_ptr<abci::SocketServer> server_;
  std::unique_ptr<abci::Signer> signer_;
  std::unique_ptr<abci::SignerLink> link_;
  std::unique_ptr<abci::EngineProcess> engine_;
};

void Try::end(Error error) {
  note([&] {
    if (!ended_) ended_ = std::move(error);
  });
}

abci::StateSyncConfig Try::config() {
  abci::StateSyncConfig config;
  config.application = application_of(std::make_shared<PeerBook>(parts_.layout.config(), parts_.network.peers));
  config.application.on_commit = [this](const replica::View&, const std::vector<abci::Ordered>&) { note([this] { done_ = true; }); };
  config.application.on_failure = [this](const Error& error) { end(error); };
  config.store = store_;
  config.trusted = [this](Height height) { return headers_.at(height); };
  config.open = [this](std::shared_ptr<storage::Store> store) {
    replica::Config open;
    open.founding = parts_.founding;
    open.threads = std::max(1u, std::thread::hardware_concurrency()) - 1;
    return replica::Replica::open(open, std::move(store), contracts::all());
  };
  config.on_progress = [this](const abci::StateSyncProgress& progress) { note([&] { step_.progress = progress; }); };
  config.on_refusal = [this](const Error& error) { tell(error.message); };
  return config;
}

Result<void> Try::begin(const std::string& program) {
  const std::string home = parts_.layout.engine();
  const abci::EnginePaths paths(home);
  CARELEDGER_TRY(const abci::Genesis genesis, genesis_of(parts_.layout, founding_));
  CARELEDGER_TRY(const crypto::SigningKey node_key, parts_.keys.signing(vault::Purpose::engine_node));
  CARELEDGER_TRY(crypto::SigningKey validator, parts_.keys.signing(vault::Purpose::validator));
  abci::EngineSettings settings = settings_of(parts_.network);
  settings.start = abci::SnapshotStart{order_.rpc, order_.height, order_.hash};
  CARELEDGER_CHECK(abci::prepare(system_files(), home, genesis, node_key, settings));
  CARELEDGER_TRY(store_, open_store(parts_.layout));
  const auto fault = [this](const Error& error) { tell(error.message); };
  CARELEDGER_TRY(signer_, abci::Signer::open(system_files(), parts_.layout.signed_steps(), genesis.chain_id, std::move(validator)));
  sync_ = std::make_unique<abci::StateSync>(config());
  CARELEDGER_TRY(server_, abci::SocketServer::listen({.path = paths.application, .on_fault = fault}, *sync_));
  link_ = std::make_unique<abci::SignerLink>(*signer_, paths.signer, fault);
  abci::ProcessConfig process{.program = program, .home = home, .log = paths.log, .sockets = {paths.signer, paths.rpc}};
  process.variables = {"TMPDIR=" + home + "/data"};  // for pieces on their way
  if (!order_.members_certificates.empty()) process.variables.push_back("SSL_CERT_FILE=" + order_.members_certificates);
  process.on_event = [this](const std::string& what) { end({ErrorKind::unavailable, what}); };
  CARELEDGER_TRY(engine_, abci::EngineProcess::start(std::move(process)));
  return {};
}

Result<void> Try::wait() {
  std::unique_lock lock(mutex_);
  std::uint64_t seen = 0;
  for (int silent = 0; silent < kSilent;) {
    step_.waits_long = !changed_.wait_for(lock, kLong, [&] { return news_ != seen; });
    silent = step_.waits_long ? silent + 1 : 0;
    seen = news_;
    if (done_) return {};
    if (ended_) return tl::make_unexpected(*ended_);
    const SnapshotStep step = step_;
    lock.unlock();
    if (parts_.step) parts_.step(step);
    lock.lock();
  }
  return fail(ErrorKind::busy, "nobody offers a snapshot that can be proven yet");
}

// The engine first: so that it ends in order, with its application still there.
void Try::stop() {
  if (engine_) engine_->stop();
  if (server_) server_->stop();
  if (link_) link_->stop();
}

Result<void> Try::run() {
  CARELEDGER_TRY(const std::string program, find_engine(parts_.engine));
  CARELEDGER_CHECK(begin(program));
  const auto ended = wait();
  stop();
  return ended;
}

}  // namespace

Result<std::pair<Height, Digest>> parse_trust(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  std::uint64_t height = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, height);
  const auto hash = Digest::from(from_hex(text.substr(std::min(colon + 1, text.size()))).value_or(""));
  if (error != std::errc() || end != text.data() + colon || height == 0 || !hash)
    return fail(ErrorKind::invalid, "--trust: expected HEIGHT:HASH of a block, the hash as 64 hex digits");
  return std::pair<Height, Digest>{{height}, *hash};
}

Result<void> start_from_snapshot(const SnapshotParts& parts, const SnapshotOrder& order) {
  CARELEDGER_TRY(const bool there, goes_on(parts.layout));
  if (there) return {};
  kernel::Founding founding;
  if (!kernel::parse_canonical(parts.founding, founding))
    return fail(ErrorKind::corrupt, parts.layout.founding() + " does not read as a founding document");
  CARELEDGER_TRY(const TrustedHeaders headers, headers_of(order, kernel::ledger_id(parts.founding), parts.clock));
  if (const auto sound = headers.check(); !sound && sound.error().kind != ErrorKind::unavailable) return sound;
  for (int left = kTries;;) {
    CARELEDGER_CHECK(wipe(parts.layout));
    auto tried = Try(parts, order, headers, founding).run();
    if (tried) return tried;
    const ErrorKind kind = tried.error().kind;
    if (kind == ErrorKind::unavailable) --left;
    if ((kind != ErrorKind::unavailable && kind != ErrorKind::busy) || left == 0) return tried;
    if (parts.on_event) parts.on_event("the snapshot is asked for again: " + tried.error().message);
  }
}

}  // namespace careledger::apps::network
