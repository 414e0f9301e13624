// What the demo's patients do: each acts through the wallet command, as a patient would.
//
// Thread-safety: one thread.
#pragma once

#include "apps/demo/demo.h"

namespace careledger::apps::demo {

// `careledger wallet WHAT FILE …`; its output.
Result<std::string> wallet(const std::string& file, const std::string& what, std::vector<std::string> more);

// A relationship of the wallet's owner, who is `patient` there, with a hospital: the wallet's code, the hospital's proposal, the patient's
// acceptance.
Result<void> enrol(Stage& stage, const std::string& file, const std::string& organisation, const std::string& patient);

}  // namespace careledger::apps::demo
