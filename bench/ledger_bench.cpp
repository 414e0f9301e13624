// The embedded ledger under load, through its ordering as a node drives it: signed commands submitted by 100 organisations for themselves
// and their 100,000 patients, checked, put into envelopes, executed, hashed into the Merkle map and the log, made durable in a signed block
// and answered, on a state of a million rows; one command alone; and the bytes that a grant leaves on disk.
//
// CARELEDGER_BENCH_SECONDS (60) is how long the load runs, CARELEDGER_BENCH_SCALE (1) shrinks state and signers for a quick look.
#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "bench/common.h"
#include "bench/figures.h"
#include "bench/limits.h"
#include "bench/loaded_ledger.h"
#include "ordering/local/chain_rows.h"
#include "ordering/local/chain_writer.h"
#include "ordering/local/local.h"
#include "ordering/test_founder.h"

namespace careledger::bench {
namespace {

using replica::test::Actor;
using replica::test::World;

constexpr std::size_t kOrganisations = 100;
constexpr std::size_t kBlockCommands = 2000;    // of the blocks in which grants are weighed
constexpr std::size_t kInFlight = 16 * 1024;    // submitted and not yet answered: a block's worth being committed and one being checked
constexpr std::size_t kBurst = 1024;            // submitted at once when there is room
constexpr double kSignatureAndTerms = 64 + 32;  // bytes of a grant that neither compress nor follow from anything else

// Processor time of all threads, or of the calling one, which other programs on the machine do not stretch.
double cpu_seconds(clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  timespec time{};
  CARELEDGER_ASSERT(::clock_gettime(clock, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

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

// A loaded ledger in a folder of its own, opened as a node does.
struct Loaded {
  Loaded(std::size_t patients, kernel::Counter grants) : ledger(folder.path(), system_clock().now(), {kOrganisations, patients, grants}) {
    replica = replica::test::open_replica(world, ledger.store, std::max(1u, std::thread::hardware_concurrency()) - 1);
  }
  Folder folder{"careledger-bench"};
  LoadedLedger ledger;
  World& world = ledger.world;
  std::unique_ptr<replica::Replica> replica;
  crypto::SigningKey validator = crypto::SigningKey::generate(world.entropy());
};

// The ordering of a node that hosts all of the world's organisations.
struct Running {
  explicit Running(Loaded& loaded) {
    ordering::local::Config config;
    config.times = times;
    ordering = need(ordering::local::start(*loaded.replica, loaded.validator.clone(), system_clock(), config));
    for (const Actor& organisation : loaded.world.organisations())
      ordering->host(organisation.id, std::make_shared<ordering::testing::Envelopes>(2, loaded.world.batch_key(organisation).clone()));
  }
  ~Running() { ordering->stop(); }

  std::shared_ptr<ordering::local::StageTimes> times = std::make_shared<ordering::local::StageTimes>();
  std::unique_ptr<ordering::Ordering> ordering;
};

void expect_done(const ordering::Answer& answer) {
  if (answer.outcome != ordering::Outcome::final || !answer.receipt->code.ok()) give_up("a command was refused");
}

struct LoadResult {
  double commands = 0;
  double blocks = 0;
  double seconds = 0;
  double cpu = 0;
  double submit_cpu = 0;  // of it, the thread that submits
};

// Submits from one thread, at most kInFlight at once, until the time is over; counts what was answered as final until then.
class Load {
 public:
  Load(Running& running, const std::vector<Actor>& organisations, const std::vector<Signed>& commands)
      : ordering_(*running.ordering), organisations_(organisations), commands_(commands) {}

  LoadResult run(double seconds) {
    const std::size_t in_flight = std::min(kInFlight, commands_.size() / 16);  // a patient's next command waits for the one before
    const double start = seconds_now(), cpu = cpu_seconds(), mine = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    const std::uint64_t height = ordering_.height().value;
    while (submitted_ + kBurst <= commands_.size() && seconds_now() - start < seconds) {
      wait_until(submitted_ + kBurst - std::min(in_flight, submitted_ + kBurst));
      for (std::size_t i = 0; i < kBurst; ++i) submit();
    }
    LoadResult result;
    result.commands = static_cast<double>(answered_.load());
    result.blocks = static_cast<double>(ordering_.height().value - height);
    result.seconds = seconds_now() - start;
    result.cpu = cpu_seconds() - cpu;
    result.submit_cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - mine;
    wait_until(submitted_);
    return result;
  }
  std::size_t submitted() const { return submitted_; }

 private:
  void submit() {
    const Signed& next = commands_[submitted_++];
    ordering_.submit(organisations_[next.organisation].id, next.bytes, ordering::Lane::urgent, [this](const ordering::Answer& answer) {
      expect_done(answer);
      if (++answered_ % kBurst != 0) return;
      const std::lock_guard lock(mutex_);
      changed_.notify_one();
    });
  }
  void wait_until(std::size_t answered) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ >= answered; });
  }

  ordering::Ordering& ordering_;
  const std::vector<Actor>& organisations_;
  const std::vector<Signed>& commands_;
  std::size_t submitted_ = 0;
  std::atomic<std::size_t> answered_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

// From submit to the answer, in milliseconds, one at a time. `quiet`: each waits until the block that proves the one before is durable too.
Latency one_at_a_time(Loaded& loaded, ordering::Ordering& ordering, int rounds, bool quiet) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    Actor& organisation = loaded.world.organisations()[static_cast<std::size_t>(i) % kOrganisations];
    Bytes bytes = kernel::encode(loaded.world.anchor(organisation));
    std::promise<void> done;
    const double start = seconds_now();
    ordering.submit(organisation.id, std::move(bytes), ordering::Lane::urgent, [&done](const ordering::Answer& answer) {
      expect_done(answer);
      done.set_value();
    });
    done.get_future().wait();
    times.push_back((seconds_now() - start) * 1000);
    if (!quiet) continue;
    std::promise<void> provable;
    ordering.when_provable(ordering.height(), [&provable] { provable.set_value(); });
    provable.get_future().wait();
  }
  return latency_of(std::move(times));
}

void compact(storage::Store& store) {
  CARELEDGER_ASSERT(store.flush());
  for (std::uint16_t column = 0; column < 5; ++column) CARELEDGER_ASSERT(store.compact({column}, storage::Range::all()));
}

// 100,000 grants by as many patients, in full blocks with their headers and votes: what they add to the compacted tables.
double bytes_a_grant(std::size_t grants) {
  namespace local = ordering::local;
  Loaded loaded(grants, 0);
  compact(*loaded.ledger.store);
  const double before = loaded.folder.table_bytes();
  const local::ChainMaker maker(kernel::chain_id(loaded.replica->ledger()), 1, loaded.validator.clone());
  local::Tip tip = need(local::read_tip(loaded.replica->view()));
  std::vector<ledger::SignedCommand> batch;
  for (std::size_t i = 0; i < grants; ++i) {
    batch.push_back(loaded.world.grant(loaded.world.patients()[i]));
    if (batch.size() < kBlockCommands && i + 1 < grants) continue;
    const Bytes envelope = loaded.world.batch(loaded.world.organisations()[0], batch);
    const local::AddedBlock added = need(local::add_block(*loaded.replica, maker, tip, {envelope}, loaded.world.time()));
    for (const kernel::Receipt& receipt : added.receipts.at(0)) CARELEDGER_ASSERT(receipt.code.ok());
    batch.clear();
  }
  compact(*loaded.ledger.store);
  return (loaded.folder.table_bytes() - before) / static_cast<double>(grants);
}

// Proofs of commands all over the log, made from a view.
double proof_milliseconds(Loaded& loaded, const std::vector<Signed>& commands, std::size_t known) {
  std::mt19937_64 random(2);
  const replica::View view = loaded.replica->view();
  std::vector<double> times;
  for (int i = 0; i < 500; ++i) {
    const Digest digest = kernel::receive_bytes(commands[random() % known].bytes).digest;
    const double start = seconds_now();
    CARELEDGER_ASSERT(view.prove_command(digest));
    times.push_back((seconds_now() - start) * 1000);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void add_load_figures(const Loaded& loaded, const Running& running, const LoadResult& result, const Limits& limits,
                      std::vector<Figure>& figures) {
  const auto stage = [&](const char* name, const std::atomic<std::uint64_t>& nanoseconds) {
    figures.push_back(
        {std::string("ledger: stage ") + name + ", a command", static_cast<double>(nanoseconds) / 1000 / result.commands, "us", {}, {}});
  };
  const auto processor = [&](const char* name, double seconds) {
    figures.push_back({std::string("ledger: processor time of ") + name + ", a command", seconds * 1e6 / result.commands, "us", {}, {}});
  };
  figures.push_back(judged("ledger: signed commands, submitted to durable", result.commands / result.seconds, "1/s", Better::higher,
                           std::max(20'000.0, limits.batch_verifies / 8), limits.batch_verifies));
  const auto& core = loaded.replica->stage_times();
  stage("check (parse, signatures, decide)", core.check);
  stage("envelopes", running.times->envelopes);
  stage("block's hashes, header and vote", running.times->header);
  stage("receive and look up signatures", core.signatures);
  stage("decide and apply", core.decide_apply);
  stage("Merkle map and log", core.merkle);
  stage("durable commit", core.durable);
  stage("answers", running.times->answers);
  processor("all threads", result.cpu);
  processor("the thread that submits, which is the load's", result.submit_cpu);
  figures.push_back({"ledger: commands a block under that load", result.commands / std::max(1.0, result.blocks), "commands", {}, {}});
}

int run(int argc, char** argv) {
  const double seconds = environment("CARELEDGER_BENCH_SECONDS", 60);
  const double scale = environment("CARELEDGER_BENCH_SCALE", 1);
  const auto patients = static_cast<std::size_t>(100'000 * scale);
  const double a_grant = bytes_a_grant(patients);
  Loaded loaded(patients, kGrantsBefore);
  const Limits limits = measure_limits(loaded.folder.path(), 1);
  fmt::print("signing commands…\n");
  const std::vector<Signed> commands = presigned(loaded.world, static_cast<std::size_t>(seconds * 30'000));
  fmt::print("load…\n");
  std::fflush(stdout);
  Running running(loaded);
  Load load(running, loaded.world.organisations(), commands);
  const LoadResult result = load.run(seconds);
  std::vector<Figure> figures;
  add_load_figures(loaded, running, result, limits, figures);
  figures.push_back({"ledger: proof of one command, p50", proof_milliseconds(loaded, commands, load.submitted()), "ms", {}, {}});
  const Latency one = one_at_a_time(loaded, *running.ordering, 1000, true);
  figures.push_back(
      judged("ledger: one command alone, p50", one.p50, "ms", Better::lower, 2 * limits.sync_appended.p50 + 0.5, limits.sync_appended.p50));
  figures.push_back(judged("ledger: one command alone, p99", one.p99, "ms", Better::lower, 10, limits.sync_appended.p99));
  const Latency next = one_at_a_time(loaded, *running.ordering, 1000, false);
  figures.push_back({"ledger: one command right behind another, p50", next.p50, "ms", {}, {}});
  figures.push_back({"ledger: one command right behind another, p99", next.p99, "ms", {}, {}});
  figures.push_back(judged("ledger: bytes a grant, compacted", a_grant, "bytes", Better::lower, 400, kSignatureAndTerms));
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
