// The demo of a network: four organisations, each in a process of its own with its own keys and its own engine, on loopback addresses of
// this machine. They found a ledger, share a record under a patient's consent, and go on while one of them is dead, hangs, is cut off,
// contradicts itself, or had its state edited: never two at once, since a third of four are not two. All through the commands and
// interfaces that a member has.
//
// Thread-safety: one thread.
#pragma once

#include "apps/demo/stage.h"
#include "proof/verify.h"

namespace careledger::apps::demo::consortium {

Step found();           // 1
Step bring_patients();  // 2
Step share();           // 3
Step verify_offline();  // 4
Step kill_one();        // 5
Step freeze_one();      // 6
Step cut_one_off();     // 7
Step run_one_twice();   // 8
Step edit_one();        // 9
Step decide();          // 10

int run(const Options& options);

// --- what the steps share ---

inline constexpr std::uint64_t kSnapshotEvery = 10;  // blocks: a demo has few
inline constexpr std::size_t kQuorum = 3;            // of four: more than two thirds of all votes

// Asks again and again: what is awaited happens in other processes, which do not tell. How many seconds it took; cancelled, with what was
// said last, when a minute was not enough. An error is an answer that may be another one the next time.
Result<double> until(const std::string& what, const std::function<Result<bool>()>& holds);

Result<std::uint64_t> height_of(Stage& stage, const std::string& organisation);
// Until a member has every block that another one has now.
Result<double> until_caught_up(Stage& stage, const std::string& behind, const std::string& ahead);
// Until every record that a hospital stored is anchored, and the ledger says so in a header that is signed.
Result<double> until_anchored(Stage& stage, const std::string& organisation);

// A small record at North, which names no patient; its place, "Basic/…".
Result<std::string> store_note(Stage& stage, const std::string& id);

struct Proven {
  proof::Report report;
  double seconds = 0;  // until there was a proof
};
// `careledger prove`, as soon as there is something to prove, and what the verifier says of it. invalid when fewer than a quorum signed.
Result<Proven> prove_at_north(Stage& stage, const std::string& record, const std::string& file);

}  // namespace careledger::apps::demo::consortium
