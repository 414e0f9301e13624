// The embedded ledger's core under load: signed commands through check, execute, Merkle update and durable commit, on a state of a million
// rows with 100,000 signers; one command alone; and the bytes that a grant leaves on disk.
//
// Checking (parse, signatures, decide) runs on its own thread beside executing and committing, a block or two ahead, as in the node.
// CARELEDGER_BENCH_SECONDS (60) is how long the load runs, CARELEDGER_BENCH_SCALE (1) shrinks state and signers for a quick look.
#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "bench/figures.h"
#include "bench/limits.h"
#include "replica/test_world.h"

namespace careledger::bench {
namespace {

namespace build = contracts::build;
using replica::test::Actor;
using replica::test::World;

constexpr std::size_t kOrganisations = 100;
constexpr std::size_t kBlockCommands = 2000;
constexpr std::size_t kBatchCommands = 500;
constexpr std::size_t kCheckedAhead = 2;      // blocks
constexpr kernel::Counter kGrantsBefore = 7;  // of each patient, preloaded

double environment(const char* name, double otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atof(value);
}

// Processor time of all threads, which other programs on the machine do not stretch.
double cpu_seconds() {
  timespec time{};
  CARELEDGER_ASSERT(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds_now() { return static_cast<double>(system_clock().monotonic_ns()) * 1e-9; }

class Folder {
 public:
  explicit Folder(const char* name) {
    const char* root = std::getenv("TMPDIR");
    path_ = std::filesystem::path(root == nullptr ? "." : root) / (std::string(name) + "-" + to_hex(system_entropy().take(4)));
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }
  double table_bytes() const {
    double bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      if (entry.path().extension() == ".sst") bytes += static_cast<double>(entry.file_size());
    return bytes;
  }

 private:
  std::filesystem::path path_;
};

std::shared_ptr<storage::Store> open_store(const Folder& folder) {
  replica::LedgerStoreOptions options;
  options.folder = folder.path();
  auto store = replica::open_ledger_store(options);
  CARELEDGER_ASSERT(store.has_value());
  return std::shared_ptr<storage::Store>(std::move(*store));
}

// A ledger whose state is written straight into the store: as if the patients had been proposed and had granted before.
class Loaded {
 public:
  Loaded(std::size_t patients, kernel::Counter grants) : world(1), store(open_store(folder)) {
    {
      static_cast<void>(replica::test::open_replica(world, store));
    }
    for (std::size_t i = 0; i < kOrganisations; ++i) {
      static_cast<void>(world.admit());
      add_account(world.organisations().back(), kernel::AccountKind::organisation);
    }
    for (std::size_t i = 0; i < patients; ++i) add_patient(world.organisations()[i % kOrganisations], grants);
    write();
    finish();
    replica = replica::test::open_replica(world, store, 1);
    fmt::print("state of {} rows, {} signers\n", rows_, patients + kOrganisations);
  }

  World world;
  Folder folder{"careledger-bench"};
  std::shared_ptr<storage::Store> store;
  std::unique_ptr<replica::Replica> replica;

 private:
  void put(const kernel::Key& key, const google::protobuf::Message& row) {
    batch_.put(replica::columns::kState, key.view(), kernel::encode(row));
    ++rows_;
    if (batch_.count() >= 20000) write();
  }
  void write() {
    CARELEDGER_ASSERT(store->write(batch_, storage::Durability::buffered));
    batch_.clear();
  }
  void add_account(const Actor& actor, kernel::AccountKind kind) {
    put(kernel::kAccounts.key(actor.id), kernel::new_account(kind, world.authority(actor)));
  }
  void add_patient(Actor& organisation, kernel::Counter grants) {
    static_cast<void>(world.propose(organisation));
    replica::test::Patient& patient = world.patients().back();
    put(kernel::kAccounts.key(patient.actor.id),
        kernel::new_account(kernel::AccountKind::patient, kernel::single_key(patient.actor.key.public_key())));
    contracts::relationship::Relationship row;
    row.set_organisation(organisation.id.bytes());
    row.set_patient(patient.actor.id.bytes());
    row.set_status(static_cast<std::uint32_t>(contracts::relationship::Status::active));
    put(contracts::relationship::kRelationships.key(patient.relationship), row);
    if (grants == 0) return;
    kernel::SequenceWindow window;
    window.set_highest(patient.actor.sequence = grants);
    put(kernel::kSequences.key(patient.actor.id), window);
    for (kernel::Counter number = 1; number <= grants; ++number) {
      contracts::consent::GrantRow grant;
      grant.set_terms(world.entropy().take(32));
      put(contracts::consent::kGrants.key(patient.relationship, number), grant);
    }
    patient.grants = grants;
  }
  void finish() {
    replica::Workers workers(1);
    const auto snapshot = store->snapshot();
    const double start = seconds_now();
    const auto tree = replica::StateTree::build({snapshot.get(), replica::columns::kState}, workers);
    CARELEDGER_ASSERT(tree.has_value());
    fmt::print("Merkle map built from its rows in {:.2f} s\n", seconds_now() - start);
    replica::Tip tip;
    CARELEDGER_ASSERT(tip.ParseFromString(**store->get(replica::columns::kMeta, replica::kTipKey)));
    tip.set_state_root(tree->root().bytes());
    batch_.put(replica::columns::kMeta, replica::kTipKey, tip.SerializeAsString());
    write();
    CARELEDGER_ASSERT(store->flush());
    for (Actor& organisation : world.organisations()) organisation.sequence = 0;
  }

  storage::Batch batch_;
  std::size_t rows_ = 0;
};

// 50 % grants, 30 % revocations, 20 % anchors, signed beforehand.
std::vector<Bytes> presigned(World& world, std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<Bytes> commands(count);
  std::vector<std::uint32_t> revoked(world.patients().size());
  const auto sign = [&](std::size_t i) {  // in order of the patients' numbers: each slot is independent once its actor is chosen
    const std::uint64_t kind = random() % 10;
    const std::size_t who = i % world.patients().size();
    replica::test::Patient& patient = world.patients()[who];
    if (kind < 2) return world.anchor(world.organisations()[random() % kOrganisations]);
    if (kind < 5 && revoked[who] < patient.grants) return world.revoke(patient, ++revoked[who]);
    return world.grant(patient);
  };
  for (std::size_t i = 0; i < count; ++i) commands[i] = kernel::encode(sign(i));
  return commands;
}

struct Prepared {
  replica::Block block;
  std::size_t commands = 0;
};

struct LoadResult {
  double commands = 0;
  double seconds = 0;
  double cpu = 0;
  double check_seconds = 0;
};

class Load {
 public:
  Load(Loaded& loaded, const std::vector<Bytes>& commands) : loaded_(loaded), commands_(commands), checked_at_(loaded.world.time()) {}

  LoadResult run(double seconds) {
    const double start = seconds_now();
    const double cpu = cpu_seconds();
    std::thread checker([this] { check_all(); });
    while (auto ready = take()) {
      commit(std::move(*ready));
      if (seconds_now() - start >= seconds) break;
    }
    result_.seconds = seconds_now() - start;
    result_.cpu = cpu_seconds() - cpu;
    stop();
    checker.join();
    return result_;
  }

 private:
  // At most kCheckedAhead blocks are checked and not yet taken.
  void check_all() {
    while (auto prepared = check_next()) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || ready_.size() < kCheckedAhead; });
      if (stopping_) return;
      ready_.push_back(std::move(*prepared));
      changed_.notify_all();
    }
    stop();
  }
  std::optional<Prepared> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !ready_.empty(); });
    if (ready_.empty()) return std::nullopt;
    Prepared out = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return out;
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  std::optional<Prepared> check_next() {
    if (at_ >= commands_.size()) return std::nullopt;
    const double start = seconds_now();
    Prepared out;
    std::vector<kernel::ReceivedCommand> received;
    std::vector<ledger::SignedCommand> batch;
    const std::size_t until = std::min(at_ + kBlockCommands, commands_.size());
    for (std::size_t i = at_; i < until; ++i) received.push_back(kernel::receive_bytes(commands_[i]));
    const auto codes = loaded_.replica->check(received, checked_at_);
    for (const kernel::Code code : codes)
      late_ += code.ok() ? 0 : 1;  // a grant whose predecessor is in the block before is not yet decidable
    for (; at_ < until; ++at_) {
      ledger::SignedCommand command;
      CARELEDGER_ASSERT(command.ParseFromString(commands_[at_]));
      batch.push_back(std::move(command));
      if (batch.size() < kBatchCommands && at_ + 1 < until) continue;
      out.commands += batch.size();
      out.block.batches.push_back(loaded_.world.batch(loaded_.world.organisations()[0], batch));
      batch.clear();
    }
    result_.check_seconds += seconds_now() - start;
    return out;
  }

  void commit(Prepared prepared) {
    replica::Block block = loaded_.world.next_block(loaded_.replica->view(), std::move(prepared.block.batches), 1);
    auto execution = loaded_.replica->execute(std::move(block));
    CARELEDGER_ASSERT(execution.has_value());
    std::size_t ok = 0;
    for (const kernel::Receipt& receipt : execution->receipts()) ok += receipt.code.ok() ? 1 : 0;
    CARELEDGER_ASSERT(ok == prepared.commands);
    CARELEDGER_ASSERT(loaded_.replica->commit(std::move(*execution)));
    result_.commands += static_cast<double>(prepared.commands);
  }

  Loaded& loaded_;
  const std::vector<Bytes>& commands_;
  const BlockTime checked_at_;
  std::size_t at_ = 0;
  std::size_t late_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Prepared> ready_;
  bool stopping_ = false;
  LoadResult result_;
};

Latency alone(Loaded& loaded, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const Bytes bytes = kernel::encode(loaded.world.anchor(loaded.world.organisations()[static_cast<std::size_t>(i) % kOrganisations]));
    const double start = seconds_now();
    const auto received = kernel::receive_bytes(bytes);
    CARELEDGER_ASSERT(loaded.replica->check(received, loaded.world.time()).ok());
    ledger::SignedCommand command;
    CARELEDGER_ASSERT(command.ParseFromString(bytes));
    const Bytes batch = loaded.world.batch(loaded.world.organisations()[0], {&command, 1});
    auto execution = loaded.replica->execute(loaded.world.next_block(loaded.replica->view(), {batch}, 1));
    CARELEDGER_ASSERT(execution && execution->receipts()[0].code.ok());
    CARELEDGER_ASSERT(loaded.replica->commit(std::move(*execution)));
    times.push_back((seconds_now() - start) * 1000);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

void compact(storage::Store& store) {
  CARELEDGER_ASSERT(store.flush());
  for (std::uint16_t column = 0; column < 5; ++column) CARELEDGER_ASSERT(store.compact({column}, storage::Range::all()));
}

// 100,000 grants by as many patients, in full blocks: what they add to the compacted tables.
double bytes_a_grant(std::size_t grants) {
  Loaded loaded(grants, 0);
  compact(*loaded.store);
  const double before = loaded.folder.table_bytes();
  std::vector<ledger::SignedCommand> batch;
  for (std::size_t i = 0; i < grants; ++i) {
    batch.push_back(loaded.world.grant(loaded.world.patients()[i]));
    if (batch.size() < kBlockCommands && i + 1 < grants) continue;
    loaded.world.run(*loaded.replica, {loaded.world.batch(loaded.world.organisations()[0], batch)});
    batch.clear();
  }
  compact(*loaded.store);
  return (loaded.folder.table_bytes() - before) / static_cast<double>(grants);
}

// Proofs of commands all over the log, made from a view.
double proof_milliseconds(Loaded& loaded, const std::vector<Bytes>& commands, std::size_t known) {
  std::mt19937_64 random(2);
  const replica::View view = loaded.replica->view();
  std::vector<double> times;
  for (int i = 0; i < 500; ++i) {
    const Digest digest = kernel::receive_bytes(commands[random() % known]).digest;
    const double start = seconds_now();
    CARELEDGER_ASSERT(view.prove_command(digest));
    times.push_back((seconds_now() - start) * 1000);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

int run(int argc, char** argv) {
  const double seconds = environment("CARELEDGER_BENCH_SECONDS", 60);
  const double scale = environment("CARELEDGER_BENCH_SCALE", 1);
  const auto patients = static_cast<std::size_t>(100'000 * scale);
  const double a_grant = bytes_a_grant(patients);
  Loaded loaded(patients, kGrantsBefore);
  const Limits limits = measure_limits(loaded.folder.path(), 1);
  fmt::print("signing commands…\n");
  const std::vector<Bytes> commands = presigned(loaded.world, static_cast<std::size_t>(seconds * 30'000));
  const auto& stages = loaded.replica->stage_times();
  Load load(loaded, commands);
  fmt::print("load…\n");
  std::fflush(stdout);
  const LoadResult result = load.run(seconds);
  const double rate = result.commands / result.seconds;
  const auto microseconds = [&](double total) { return total * 1e6 / result.commands; };
  const auto stage = [&](const char* name, double total) {
    return Figure{std::string("ledger: stage ") + name + ", a command", microseconds(total), "us", {}, {}};
  };
  const auto of = [](const std::atomic<std::uint64_t>& nanoseconds) { return static_cast<double>(nanoseconds.load()) * 1e-9; };
  std::vector<Figure> figures = {
      judged("ledger: signed commands to durable commit", rate, "1/s", Better::higher, std::max(20'000.0, limits.batch_verifies / 8),
             limits.batch_verifies),
      stage("check (parse, signatures, decide)", result.check_seconds),
      stage("receive and look up signatures", of(stages.signatures)),
      stage("decide and apply", of(stages.decide_apply)),
      stage("Merkle map and log", of(stages.merkle)),
      stage("durable commit", of(stages.durable)),
      {"ledger: processor time of all threads, a command", microseconds(result.cpu), "us", {}, {}},
  };
  figures.push_back(
      {"ledger: proof of one command, p50", proof_milliseconds(loaded, commands, static_cast<std::size_t>(result.commands)), "ms", {}, {}});
  const Latency one = alone(loaded, std::min<int>(1000, static_cast<int>(patients)));
  figures.push_back(
      judged("ledger: one command alone, p50", one.p50, "ms", Better::lower, 2 * limits.sync_appended.p50 + 0.5, limits.sync_appended.p50));
  figures.push_back(judged("ledger: one command alone, p99", one.p99, "ms", Better::lower, 10, limits.sync_appended.p99));
  figures.push_back(judged("ledger: bytes a grant, compacted", a_grant, "bytes", Better::lower, 400));
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
