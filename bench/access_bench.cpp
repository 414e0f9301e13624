// A patient's list of 1,000 accesses with the proof that none is missing: what it costs to make and to check, here and in JavaScript, and
// how large it is; and folding 10,000 accesses into the audit map. On a ledger of a million rows, in an audit map of 21,000 entries about
// 2,001 patients. At last a part of the list of a patient with 200,000 accesses.
//
// CARELEDGER_BENCH_SCALE (1) shrinks the ledger for a quick look.
#include <fstream>
#include <future>
#include <sstream>

#include "bench/common.h"
#include "bench/figures.h"
#include "bench/limits.h"
#include "bench/proof_world.h"
#include "proof/verify.h"

namespace careledger::bench {
namespace {

constexpr std::size_t kListed = 1000;
constexpr std::size_t kOthers = 20'000;
constexpr std::size_t kFolded = 10'000;
constexpr std::size_t kLong = 200'000;
constexpr int kLists = 100;
constexpr int kFolds = 10;
constexpr int kScriptRuns = 10;
constexpr int kScriptLists = 8;

vault::AuditEntry access_to(const vault::Subject& subject, std::size_t number) {
  vault::AuditEntry entry;
  entry.subject = subject;
  entry.actor = "Practitioner/" + std::to_string(number % 40);
  entry.role = "clinician";
  entry.purpose = "TREAT";
  entry.resource_type = "Observation";
  entry.resource_id = "o" + std::to_string(number);
  entry.version = 1;
  return entry;
}

// Returns when all are durable.
void append(vault::AuditMap& audit, std::size_t count, const std::function<vault::Subject(std::size_t)>& subject) {
  std::promise<void> last;
  for (std::size_t i = 0; i < count; ++i) {
    audit.append(access_to(subject(i), i), [&last, end = i + 1 == count](const Result<vault::Recorded>& recorded) {
      if (!recorded) give_up(recorded.error().message);
      if (end) last.set_value();
    });
  }
  last.get_future().wait();
}

vault::Subject other(vault::AuditMap& audit, std::size_t number) { return audit.subject_of("other" + std::to_string(number)); }

vault::AccessList list_of(vault::AuditMap& audit, const vault::Subject& subject, const vault::ListRange& range = {}) {
  std::promise<Result<vault::AccessList>> promise;
  audit.list(subject, range, [&promise](Result<vault::AccessList> list) { promise.set_value(std::move(list)); });
  return need(promise.get_future().get());
}

proof::Bundle make_list(ProofWorld& world, const vault::Subject& subject) {
  vault::AccessList list = list_of(world.north().audit(), subject);
  const vault::Provable at = world.newest();
  proof::Bundle bundle = need(vault::prove_accesses(at, world.north().config().id, std::move(list), true));
  world.add_checkpoint(at, bundle);
  return bundle;
}

// Hashes of 64 bytes that the list needs at least: one for each entry, part, details, row and inner node, each of two blocks.
double hashing_ms(const Limits& limits) { return 2 * 5 * kListed / limits.hashes * 1000; }

// What opening the entries takes at least, of 64 bytes each: their two salts, their two parts and what commits to both, of which the part
// with the entry is twice as long.
double opening_ms(const Limits& limits) { return 6 * kListed / limits.hashes * 1000; }

void lists(ProofWorld& world, const Limits& limits, std::vector<Figure>& figures) {
  vault::AuditMap& audit = world.north().audit();
  const vault::Subject patient = audit.subject_of("p");
  append(audit, kOthers + kListed, [&](std::size_t i) { return i % 21 == 20 ? patient : other(audit, i % 2000); });
  list_of(audit, patient);  // puts the head on the ledger
  world.wait_provable();
  const proof::Trust trust = world.trust();
  Stopwatch make, verify;
  Bytes bytes;
  for (int i = 0; i < kLists; ++i) {
    make.start();
    bytes = proof::encode(make_list(world, patient));
    make.stop();
    verify.start();
    const proof::Report report = need(proof::verify(bytes, trust));
    verify.stop();
    if (report.entries != kListed || report.opened != kListed) give_up("the list is not complete");
  }
  add_latencies(figures, "access list: 1,000 accesses with completeness, make", make, 5, opening_ms(limits));
  proof::Bundle bundle = need(proof::decode_bundle(bytes));
  std::get<proof::AccessClaim>(bundle.claim).openings.clear();
  figures.push_back(judged("access list: size without openings", static_cast<double>(proof::encode(bundle).size()), "bytes", Better::lower,
                           180 * 1024, static_cast<double>(kListed * Digest::size)));  // nothing stands in for a digest
  figures.push_back({"access list: size with every entry opened", static_cast<double>(bytes.size()), "bytes", {}, {}});
  add_latencies(figures, "access list: verify in C++, all opened", verify, 5, hashing_ms(limits));
}

// A part in the middle of the list of a patient whom a monitor has watched for days.
void parts(ProofWorld& world, std::vector<Figure>& figures) {
  vault::AuditMap& audit = world.north().audit();
  const vault::Subject patient = audit.subject_of("monitored");
  for (std::size_t i = 0; i < kLong; i += kOthers) append(audit, kOthers, [&](std::size_t) { return patient; });  // as the queue takes them
  list_of(audit, patient);
  const auto middle = need(audit.entries_of(patient, audit.size() - kLong / 2, 1)).front().recorded;
  vault::ListRange range{{static_cast<std::uint64_t>(middle.time.value), middle.number}};
  range.limit = kListed;
  Stopwatch watch;
  for (int i = 0; i < kLists; ++i) {
    watch.start();
    const vault::AccessList part = list_of(audit, patient, range);
    watch.stop();
    if (part.entries.size() != kListed || !part.after || !part.before) give_up("not a part in the middle");
  }
  add_latencies(figures, "access list: a part of 1,000 accesses in the middle of 200,000, without the block's part", watch, {});
}

// The same list under several heads, each verified once, so that no signature has been seen before.
void lists_in_javascript(ProofWorld& world, const Limits& limits, std::vector<Figure>& figures) {
  vault::AuditMap& audit = world.north().audit();
  const std::string trust = world.folder() + "/trust.json";
  std::ofstream(trust) << proof::to_text(world.trust());
  std::vector<std::string> command{"node", std::string(CARELEDGER_SOURCE_DIR) + "/bench/verify_lists.mjs", trust};
  for (int i = 0; i < kScriptLists; ++i) {
    append(audit, 1, [&](std::size_t) { return other(audit, 1); });
    list_of(audit, audit.subject_of("p"));
    world.wait_provable();
    command.push_back(world.folder() + "/list-" + std::to_string(i) + ".clpb");
    std::ofstream(command.back(), std::ios::binary) << proof::encode(make_list(world, audit.subject_of("p")));
  }
  Stopwatch first, later;
  for (int run = 0; run < kScriptRuns; ++run) {
    std::istringstream lines(output_of(command));
    Stopwatch::Lap lap;
    for (int i = 0; lines >> lap.clock >> lap.processor; ++i) (i == 0 ? first : later).add(lap);
  }
  add_latencies(figures, "access list: verify in JavaScript, all opened", later, 60, hashing_ms(limits));
  add_latencies(figures, "access list: verify in JavaScript, first in its process", first, {}, hashing_ms(limits));
}

void folds(ProofWorld& world, const Limits& limits, std::vector<Figure>& figures) {
  vault::AuditMap& audit = world.north().audit();
  Stopwatch watch;
  for (int i = 0; i < kFolds; ++i) {
    audit.stop_heads();
    append(audit, kFolded, [&](std::size_t number) { return other(audit, number % 1000 + 100 * static_cast<std::size_t>(i)); });
    watch.start();
    audit.start_heads(world.node().ledger().ordering(), world.north().signer());
    std::promise<void> done;
    audit.wait_for_head(audit.size(), [&done](const Result<vault::AuditHead>& head) {
      if (!head) give_up(head.error().message);
      done.set_value();
    });
    done.get_future().wait();
    watch.stop();
  }
  // A leaf of the map, a leaf of the log and an inner node of each, all of two blocks.
  add_latencies(figures, "audit: fold of 10,000 entries, to the head on the ledger", watch, 200, 2 * 4 * kFolded / limits.hashes * 1000);
}

int run(int argc, char** argv) {
  ProofWorld world;
  const Limits limits = measure_limits(world.folder(), 0.5);
  std::vector<Figure> figures;
  lists(world, limits, figures);
  lists_in_javascript(world, limits, figures);
  folds(world, limits, figures);
  parts(world, figures);
  return report(figures, argc, argv);
}

}  // namespace
}  // namespace careledger::bench

int main(int argc, char** argv) { return careledger::bench::run(argc, argv); }
