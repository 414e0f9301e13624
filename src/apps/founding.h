// Founding: a new embedded ledger with its organisations, in an empty folder.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/config.h"
#include "apps/layout.h"
#include "apps/seal_choice.h"
#include "contracts/build.h"

namespace careledger::apps {

struct NewOrganisation {
  std::string name;
  std::string kind = "hospital";
  std::uint16_t port = 0;
};

struct NewLedger {
  std::string name = "CareLedger";
  std::vector<NewOrganisation> organisations;
  std::vector<std::uint16_t> rpc_ports = {0, 0};
  std::uint32_t epoch_ms = 3'600'000;  // of the mixed lane: shorter tells more; stands in the founding document for ever
  SealChoice seal;
};

// Makes keystores, founding document and first blocks: each organisation admitted by the founder, each with one accredited clinician.
// The configuration is written last: without it the folder is no ledger. conflict when the folder holds anything; nothing is left
// behind then. `step` hears of each thing done, for progress; it may be empty.
Result<Config> found_ledger(const Layout& layout, const NewLedger& order, Clock& clock, Entropy& entropy,
                            const std::function<void(const std::string&)>& step);

// What the ledger is told of an organisation: the public halves of its keys, which are made where they are missing.
Result<contracts::build::NewOrganisation> entrant(const NewOrganisation& organisation, vault::Keystore& keys, Entropy& entropy);

// Later acts of the founding authority, on a stopped node (unavailable otherwise), under the founder's key in the ledger's keystore. Each
// stands in the audit map of every organisation of the node, before it begins and with its outcome, before this returns.
//
// Admits one more organisation and gives it keystore, folder and an accredited clinician; it is served from the next start on. conflict
// when its name is taken. What a crash cuts off is ended by the same call.
Result<OrganisationConfig> admit_organisation(const Layout& layout, const SealChoice& seal, const NewOrganisation& order, Clock& clock,
                                              Entropy& entropy);
// Suspends a member, which from then on commands nothing and receives nothing, or reinstates it. `organisation`: name or id in hex.
// not_found; conflict when it is so already.
enum class Standing : std::uint8_t { suspended, active };
Result<void> set_standing(const Layout& layout, const SealChoice& seal, const std::string& organisation, Standing standing, Clock& clock,
                          Entropy& entropy);

inline constexpr std::int64_t kLicenceDays = 365;  // of an organisation's first clinician

// Numbers of an organisation's keys in its first authority.
inline constexpr std::uint32_t kCommandKey = 1, kBatchKey = 2, kRequestKey = 3, kCheckpointKey = 4, kPromiseKey = 5;

}  // namespace careledger::apps
