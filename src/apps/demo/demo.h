// The demo: the whole story on sample patients, step by step, through the same commands and interfaces that a user has. Four organisations
// in one process, on the embedded ledger.
//
// Thread-safety: one thread.
#pragma once

#include "apps/demo/stage.h"

namespace careledger::apps::demo {

// Each file beside this one has a few.
Step found();                   // 1
Step bring_patients();          // 2
Step refuse_without_consent();  // 3
Step release_with_consent();    // 4
Step list_accesses();           // 5
Step verify_offline();          // 6
Step amend();                   // 7
Step withdraw();                // 8
Step attack_and_restore();      // 9
Step kill_and_recover();        // 10
Step search_the_disk();         // 11

int run(const Options& options);

}  // namespace careledger::apps::demo
