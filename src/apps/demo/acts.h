// What patients, clinicians, hospitals and auditors do in every demo, each through the commands and interfaces that they have.
//
// Thread-safety: one thread.
#pragma once

#include "apps/demo/stage.h"
#include "apps/import.h"
#include "proof/verify.h"

namespace careledger::apps::demo {

// --- patients: the wallet command ---

// `careledger wallet WHAT FILE …`; its output.
Result<std::string> wallet(const std::string& file, const std::string& what, std::vector<std::string> more);

// A relationship of the wallet's owner, who is `patient` there, with a hospital: the wallet's code, the hospital's proposal, the patient's
// acceptance.
Result<void> enrol(Stage& stage, const std::string& file, const std::string& organisation, const std::string& patient);

// The shared patient lets South have the laboratory results of North for treatment, but for two elements of each; what the wallet says.
Result<std::string> grant_laboratory(Stage& stage);

// --- hospitals ---

std::vector<std::string> files_of(const std::string& folder);  // by name; none when there is no such folder
Result<ImportReport> bring(Stage& stage, const std::string& organisation, std::vector<std::string> sources);
// The only entry that a search finds, or the first of them: its id.
Result<std::string> find_one(Stage& stage, const std::string& organisation, const std::string& query);
// Learns which ids both hospitals gave the patient in `shared_patient`, and one of the laboratory results at North.
Result<void> find_shared_patient(Stage& stage);

// --- clinicians ---

// South's clinician asks North for the shared patient's record: it must be refused for this reason.
Result<void> expect_refusal(Stage& stage, const std::string& reason);

struct Released {
  std::size_t records = 0;
  double ms = 0;
};
// The same request must give laboratory results, and nothing that was not granted. forbidden when it is refused.
Result<Released> take_released(Stage& stage);
void say_released(Stage& stage, const Released& released);

// --- auditors ---

// `careledger prove`; the trust file goes to trust_of().
Result<void> prove_to(Stage& stage, const std::string& organisation, const std::string& record, const std::string& file,
                      const std::vector<std::string>& more = {});
std::string trust_of(const Stage& stage);
Result<proof::Report> verify_files(const std::string& bundle, const std::string& trust_file);
// `careledger verify` must accept the file, and the verifier refuse it with any one of its bytes changed; how many there are.
Result<std::size_t> verify_and_flip(const std::string& what, const std::string& file, const std::string& trust_file);
// What `careledger audit` says of a folder that was tampered with; an error when it finds nothing.
Result<std::string> audit_finds(const std::string& folder, const std::vector<std::string>& more = {});
// The line of it that names `where`, without the folder of this run.
Result<std::string> finding(const Stage& stage, const std::string& audit, const std::string& where);

}  // namespace careledger::apps::demo
