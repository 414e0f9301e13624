// Four nodes with their engines on this machine, each a process of its own as members have them, and the load beside them: signed commands
// of four organisations and their 100,000 patients, final on all four on a state of a million rows; alone, at a steady rate, above what the
// network can do, with a node killed, after it came back, and after it lost its ledger. Beside it what the same engine does with an empty
// application: given batches as large as the ledger's nodes made them under the main load, and batches as large as they may be.
//
// CARELEDGER_BENCH_SECONDS (60) is how long the main load runs, CARELEDGER_BENCH_AWAY (300) how many seconds a node is away,
// CARELEDGER_BENCH_SCALE (1) shrinks the state for a quick look, CARELEDGER_BENCH_ENGINE names the engine (build/tools/bin/cometbft).
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <future>

#include "bench/common.h"
#include "bench/consortium_load.h"
#include "bench/figures.h"
#include "bench/limits.h"

namespace careledger::bench {
namespace {

constexpr std::size_t kNodes = 4;
constexpr std::uint64_t kPort = 27866;
constexpr std::size_t kInFlight = 1500;  // commands of a node under the closed loop, those that it was refused and holds among them
constexpr double kSteadyRate = 1000;     // commands a second
constexpr double kOverloadSeconds = 30;
constexpr double kEmptySeconds = 15;
constexpr double kSignedRate = 14000;          // a second of load, at most: so many are signed beforehand
constexpr double kBackSeconds = 120;           // of a steady load, at most, until a node is there again
constexpr double kFreshSeconds = 600;          // the same until a snapshot is fresh: its blocks above
constexpr std::uint64_t kShortlyBefore = 100;  // blocks
constexpr double kAroundSnapshotSeconds = 20;
constexpr std::size_t kFewInFlight[] = {50, 300};  // of a node: envelopes are smaller then
constexpr double kFewSeconds = 10;
constexpr double kQuietMs = 300;  // one command that takes no longer says that the network is steady again
constexpr std::size_t kKilled = kNodes - 1;

struct Bench {
  std::string folder = make_folder("consortium");
  BlockTime created = system_clock().now();
  double seconds = environment("CARELEDGER_BENCH_SECONDS", 60);
  double away = environment("CARELEDGER_BENCH_AWAY", 300);
  std::size_t patients = static_cast<std::size_t>(100'000 * environment("CARELEDGER_BENCH_SCALE", 1));
  std::string engine;
  std::vector<Signed> commands;
  std::string app_hash;  // hex
  std::vector<Figure> figures;

  Bench() {
    const char* named = std::getenv("CARELEDGER_BENCH_ENGINE");
    engine = named == nullptr ? CARELEDGER_SOURCE_DIR "/build/tools/bin/cometbft" : named;
    if (!std::filesystem::exists(engine)) give_up("there is no engine at " + engine + ": ./dev setup installs it");
  }
  ~Bench() { std::filesystem::remove_all(folder); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::vector<NodeOrder> orders(const std::string& kind, std::size_t batch_bytes = kBatchBytes) const {
    std::vector<NodeOrder> out;
    for (std::size_t i = 0; i < kNodes; ++i) {
      const std::string own = folder + "/" + kind + std::to_string(i);
      std::filesystem::create_directories(own);
      out.push_back({own, i, kNodes, kPort, created, engine, kind == "node" ? app_hash : "", batch_bytes, ""});
    }
    return out;
  }
};

// One ledger is filled and copied: the nodes' rows are the same.
void prepare(Bench& bench) {
  const std::vector<NodeOrder> orders = bench.orders("node");
  {
    LoadedLedger ledger(orders[0].folder + "/ledger", bench.created, {kNodes, bench.patients, kGrantsBefore});
    bench.app_hash = replica::test::open_replica(ledger.world, ledger.store)->view().app_hash().hex();
    fmt::print("signing commands…\n");
    std::fflush(stdout);
    const double fast = (bench.seconds + 2 * kFewSeconds + 2 * kOverloadSeconds) * kSignedRate;
    const double steady = (bench.seconds / 2 + bench.away * 4 / 3 + 3 * kBackSeconds + kFreshSeconds) * kSteadyRate;
    bench.commands = presigned(ledger.world, static_cast<std::size_t>(fast + steady));
  }
  for (std::size_t i = 1; i < kNodes; ++i)
    std::filesystem::copy(orders[0].folder + "/ledger", orders[i].folder + "/ledger", std::filesystem::copy_options::recursive);
}

double bytes_of_commands(const Bench& bench) {
  double bytes = 0;
  for (const Signed& one : bench.commands) bytes += static_cast<double>(one.bytes.size());
  return bytes / static_cast<double>(bench.commands.size());
}

// Commands a second that fit into the batches which the engine alone orders.
double measure_empty(const Bench& bench, std::size_t batch_bytes) {
  fmt::print("the engines with an empty application, {} bytes a batch…\n", batch_bytes);
  std::fflush(stdout);
  EngineNetwork network(bench.orders(fmt::format("empty{}-", batch_bytes), batch_bytes), [](std::size_t, const Answered&) {});
  const auto all = [&network] {
    std::uint64_t least = ~std::uint64_t{0};
    for (std::size_t i = 0; i < network.size(); ++i) least = std::min(least, network[i].ask(Ask::batches));
    return least;
  };
  const auto own = [&network] {
    double sum = 0;
    for (std::size_t i = 0; i < network.size(); ++i) sum += static_cast<double>(network[i].ask(Ask::batches));
    return sum;
  };
  for (const double end = seconds_now() + 60; all() < 10;) {  // everybody's batches flow
    if (seconds_now() > end) give_up("the engines with an empty application order nothing");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const double begin = seconds_now(), before = own();
  std::this_thread::sleep_for(std::chrono::duration<double>(kEmptySeconds));
  const double batches = (own() - before) / (seconds_now() - begin);
  network.stop();
  return batches * static_cast<double>(batch_bytes) / bytes_of_commands(bench);
}

class Story {
 public:
  Story(Bench& bench, const Limits& limits)
      : bench_(bench),
        limits_(limits),
        load_(bench.commands, bench.patients),
        network_(bench.orders("node"), [this](std::size_t node, const Answered& answer) { load_.answered(node, answer); }) {
    load_.use(network_);
  }

  void run() {
    alone();
    steady();
    for (const std::size_t few : kFewInFlight) in_flight(few);
    full();
    overloaded();
    killed();
    back_again();
    with_snapshot();
    memory();
    network_.stop();
    empty();
  }

 private:
  void add(Figure figure) {
    fmt::print("  {} {:.1f}\n", figure.name, figure.value);
    std::fflush(stdout);
    bench_.figures.push_back(std::move(figure));
  }
  void say(const char* what) const {
    fmt::print("{}…\n", what);
    std::fflush(stdout);
  }

  void alone() {
    say("one command after the other");
    for (int i = 0; i < 10; ++i) load_.one();  // connections, caches
    std::vector<double> times;
    for (int i = 0; i < 200; ++i) times.push_back(load_.one());
    const Latency one = latency_of(std::move(times));
    add(judged("consortium: one command alone, p50", one.p50, "ms", Better::lower, 60, limits_.sync_appended.p50));
    add(judged("consortium: one command alone, p99", one.p99, "ms", Better::lower, 120, limits_.sync_appended.p99));
  }

  void steady() {
    say("a steady rate");
    const Stretch stretch = load_.at_rate(kSteadyRate, bench_.seconds / 2);
    load_.drain();
    const Latency final = latency_of(load_.latencies(stretch, Since::first_given));
    add({"consortium: refused at 1,000 a second", static_cast<double>(stretch.refusals), "times", {}, {}});
    add(judged("consortium: submit to final at 1,000 a second, p50", final.p50, "ms", Better::lower, 100, limits_.sync_appended.p50));
    add(judged("consortium: submit to final at 1,000 a second, p99", final.p99, "ms", Better::lower, 300, limits_.sync_appended.p99));
  }

  // Throughput rises with the size of envelopes: a row for each, without a target.
  void in_flight(std::size_t commands) {
    const double envelopes = this->envelopes();
    const Stretch stretch = load_.as_fast_as_final(commands, kFewSeconds);
    const double rate = load_.final_until(stretch, network_.lowest()) / (stretch.end - stretch.begin);
    load_.drain();
    const double size = static_cast<double>(stretch.numbers.size()) / (this->envelopes() - envelopes);
    add({fmt::format("consortium: {} of a node in flight, commands in an envelope", commands), size, "commands", {}, {}});
    add({fmt::format("consortium: {} of a node in flight, final on all four", commands), rate, "1/s", {}, {}});
  }

  void full() {
    say("as many as become final");
    const double written = network_[0].bytes_written(), envelopes = this->envelopes();
    const Stretch stretch = load_.as_fast_as_final(kInFlight, bench_.seconds);
    const double done = load_.final_until(stretch, network_.lowest());
    rate_ = done / (stretch.end - stretch.begin);
    load_.drain();
    commands_ = static_cast<double>(stretch.numbers.size()) / (this->envelopes() - envelopes);
    add({"consortium: commands in an envelope under that load", commands_, "commands", {}, {}});
    const Latency final = latency_of(load_.latencies(stretch, Since::first_given));
    add({"consortium: refused under that load", static_cast<double>(stretch.refusals), "times", {}, {}});
    add({"consortium: submit to final under that load, p50", final.p50, "ms", {}, {}});
    add({"consortium: submit to final under that load, p99", final.p99, "ms", {}, {}});
    add(judged("consortium: bytes a node writes to disk, a command", (network_[0].bytes_written() - written) / done, "bytes", Better::lower,
               1024, bytes_of_commands(bench_)));
  }

  // Through all of the story: of those that ran from its begin, and the one that began twice more.
  void memory() {
    double most = 0;
    for (std::size_t i = 0; i < network_.size(); ++i) most = std::max(most, network_[i].peak_mebibytes());
    add(judged("consortium: peak memory of a node's process", most, "MiB", Better::lower, 400, 0));
  }

  void overloaded() {
    say("twice as many as become final");
    const std::uint64_t first = network_.lowest();
    const Stretch stretch = load_.at_rate(2 * rate_, kOverloadSeconds);
    const double ended = seconds_now();
    load_.settle();
    for (int i = 0; load_.one() > kQuietMs && i < 1000;) ++i;
    const double quiet = seconds_now();
    load_.drain();  // nothing is lost: or it ends the benchmark
    const double drained = seconds_now();
    double rounds = 0;
    for (std::uint64_t height = first + 1; height < network_.lowest(); ++height) rounds += network_[0].ask(Ask::round, height) > 0 ? 1 : 0;
    const Latency final = latency_of(load_.latencies(stretch, Since::taken));
    add(judged("consortium: overload, p99 of what is taken", final.p99, "ms", Better::lower, 2000, limits_.sync_appended.p99));
    add({"consortium: overload, refused with a time to come back, of those given",
         static_cast<double>(stretch.refusals) / (2 * rate_ * kOverloadSeconds) * 100,
         "%",
         {},
         {}});
    add(judged("consortium: overload, refused without a time", static_cast<double>(stretch.bad_refusals), "commands", Better::lower, 0, 0));
    add(judged("consortium: overload, blocks decided after round 0", rounds, "blocks", Better::lower, 0, 0));
    add({"consortium: overload, until what was refused is final too", drained - ended, "s", {}, {}});
    add(judged("consortium: overload, steady again after", quiet - ended, "s", Better::lower, 3, 0));
  }

  void killed() {
    say("one of four killed");
    load_.as_fast_as_final(kInFlight, 3);
    const double begin = seconds_now();
    network_[kKilled].kill();
    load_.leave_out(kKilled);
    const Stretch stretch = load_.as_fast_as_final(kInFlight, kOverloadSeconds);
    const double gap = load_.longest_gap(begin, stretch.end);
    const double after = load_.final_between(stretch.end - kOverloadSeconds / 2, stretch.end) / (kOverloadSeconds / 2);
    load_.drain();
    add(judged("consortium: one killed, longest time without a commit", gap, "s", Better::lower, 3, 0));
    add(judged("consortium: one killed, rate after, of that before", after / rate_ * 100, "%", Better::higher, 60, 100));
  }

  // It was away while the others went on at a steady rate, and comes back while they do.
  void back_again() {
    say("one comes back, goes once more, and comes back");
    until_there();  // it missed a load that is no steady one
    network_[kKilled].kill();
    load_.at_rate(kSteadyRate, bench_.away);
    const double took = until_there();
    add(judged(fmt::format("consortium: catching up after {:.0f} s away, of the live rate", bench_.away), (bench_.away + took) / took,
               "times", Better::higher, 5, 0));
  }

  void with_snapshot() {
    say("one begins with a snapshot");
    await_snapshot();
    add(judged("consortium: beginning with a snapshot, until it is where the others are", begins_anew(kSteadyRate), "s", Better::lower, 30,
               0));
    add(judged("consortium: beginning with a snapshot, while the others rest", begins_anew(0), "s", Better::lower, 30, 0));
  }

  // It has lost its ledger and its engine's blocks, not the record of what it signed.
  double begins_anew(double rate) {
    network_[kKilled].kill();
    const std::vector<NodeOrder> orders = bench_.orders("node");
    for (const char* lost : {"/ledger", "/engine", "/snapshots"}) std::filesystem::remove_all(orders[kKilled].folder + lost);
    NodeOrder order = orders[kKilled];
    order.servers = "unix://" + orders[0].folder + "/engine/rpc.sock,unix://" + orders[1].folder + "/engine/rpc.sock";
    network_[kKilled].give(order);
    return until_there(rate);
  }

  // What making one costs whoever waits meanwhile is a figure without a target.
  void await_snapshot() {
    const double begin = seconds_now();
    const auto go_on_until = [&](const auto& reached) {
      while (!reached()) {
        if (seconds_now() - begin > kFreshSeconds) give_up("no snapshot is made");
        load_.at_rate(kSteadyRate, 0.5);
      }
    };
    go_on_until([this] { return network_[0].ask(Ask::height) % kSnapshotEvery >= kSnapshotEvery - kShortlyBefore; });
    const std::uint64_t height = (network_[0].ask(Ask::height) / kSnapshotEvery + 1) * kSnapshotEvery;
    load_.drain();
    const Stretch stretch = load_.at_rate(kSteadyRate, kAroundSnapshotSeconds);
    load_.drain();
    const Latency final = latency_of(load_.latencies(stretch, Since::first_given));
    add({"consortium: submit to final at 1,000 a second while snapshots are made, p50", final.p50, "ms", {}, {}});
    add({"consortium: submit to final at 1,000 a second while snapshots are made, p99", final.p99, "ms", {}, {}});
    go_on_until([this, height] { return everybody_has_snapshot(height); });
    add({"consortium: blocks until all three have a snapshot",
         static_cast<double>(network_[0].ask(Ask::height) - height),
         "blocks",
         {},
         {}});
  }

  bool everybody_has_snapshot(std::uint64_t height) const {
    const std::string name = fmt::format("/snapshots/{:020}.whole", height);
    const std::vector<NodeOrder> orders = bench_.orders("node");
    return std::ranges::all_of(orders,
                               [&](const NodeOrder& node) { return node.index == kKilled || std::filesystem::exists(node.folder + name); });
  }

  // Seconds until the one that was killed is where the others are, who have a steady load meanwhile, or none.
  double until_there(double rate = kSteadyRate) {
    const double begin = seconds_now();
    std::promise<double> took;
    auto there = took.get_future();
    network_[kKilled].begin();
    std::thread watcher([&] {
      network_[kKilled].wait_ready();
      while (network_[kKilled].ask(Ask::height) + 1 < network_[0].ask(Ask::height))
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      took.set_value(seconds_now() - begin);
    });
    while (there.wait_for(std::chrono::milliseconds(rate > 0 ? 0 : 100)) != std::future_status::ready) {
      if (seconds_now() - begin > std::max(kBackSeconds, bench_.away / 3)) give_up("a node does not reach the others");
      if (rate > 0) load_.at_rate(rate, 0.5);
    }
    watcher.join();
    load_.drain();
    return there.get();
  }

  void empty() {
    const double large = measure_empty(bench_, kBatchBytes);
    const double equal = measure_empty(bench_, static_cast<std::size_t>(commands_ * bytes_of_commands(bench_)));
    add({"consortium: the engine with an empty application, envelopes as large as they may be", large, "commands/s", {}, {}});
    add({"consortium: the engine with an empty application, envelopes as large as under the load", equal, "commands/s", {}, {}});
    add(judged("consortium: signed commands final on all four", rate_, "1/s", Better::higher, std::max(4000.0, equal / 3), equal));
  }

  double envelopes() {
    double sum = 0;
    for (std::size_t i = 0; i < network_.size(); ++i) sum += static_cast<double>(network_[i].ask(Ask::batches));
    return sum;
  }

  Bench& bench_;
  const Limits& limits_;
  ConsortiumLoad load_;
  EngineNetwork network_;
  double rate_ = 0;
  double commands_ = 0;  // in an envelope, under the main load
};

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Bench bench;
  prepare(bench);
  const Limits limits = measure_limits(bench.folder, 0.5);
  Story(bench, limits).run();
  return report(bench.figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) {
  using namespace careledger::bench;
  return is_engine_node(argc, argv) ? run_engine_node(argv) : run(argc, argv);
}
