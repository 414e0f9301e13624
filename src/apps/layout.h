// Where everything of one node lies under its data folder. docs/operations.md shows the same as a table.
#pragma once

#include <string>

namespace careledger::apps {

struct Layout {
  std::string folder;  // DIR, without a slash at the end

  std::string config() const { return folder + "/careledger.json"; }
  std::string founding() const { return folder + "/founding.pb"; }
  std::string lock() const { return folder + "/lock"; }
  std::string running() const { return folder + "/running.json"; }  // addresses, while a process serves
  std::string reserve() const { return folder + "/reserve"; }
  std::string description() const { return folder + "/description.json"; }  // of a member of a network
  std::string founding_text() const { return folder + "/founding.txt"; }    // the founding document of a network, for people
  std::string grown() const { return folder + "/grown.pb"; }                // of a network whose ledger was an embedded one
  std::string grown_file() const { return folder + "/grown.careledger"; }   // what its owner gave to the others
  std::string old_chain() const { return folder + "/old-chain"; }           // of its former owner, while a restore has not ended
  std::string engine() const { return folder + "/engine"; }                 // of a network's node
  std::string signed_steps() const { return folder + "/engine.signed"; }    // what its validator signed last; no part of a backup
  std::string restoring() const { return folder + "/restoring"; }           // while a restore of a network's node has not ended
  std::string recovering() const { return folder + "/recovering"; }         // while its ledger is fetched again, or was and is another's
  std::string ledger() const { return folder + "/ledger"; }
  std::string ledger_again() const { return folder + "/ledger.again"; }  // while an audit executes its newest block again
  std::string snapshots() const { return folder + "/snapshots"; }        // of a network's ledger, for nodes that come later; follow from it
  std::string keystore() const { return folder + "/keystore"; }
  std::string organisation(const std::string& slug) const { return folder + "/organisations/" + slug; }
  std::string organisation_keystore(const std::string& slug) const { return organisation(slug) + "/keystore"; }
  std::string vault(const std::string& slug) const { return organisation(slug) + "/vault"; }
  std::string audit(const std::string& slug) const { return organisation(slug) + "/audit"; }
  std::string promises(const std::string& slug) const { return organisation(slug) + "/promises"; }
  std::string witness(const std::string& slug) const { return organisation(slug) + "/witness"; }
  std::string timestamp(const std::string& slug) const { return organisation(slug) + "/timestamp.pem"; }  // certificates; no secret

  std::string default_key_file() const { return folder + ".key"; }  // beside the folder: outside it and every backup of it
};

// Makes the path absolute and cuts slashes at its end, so that "outside the folder" can be judged.
Layout layout_of(const std::string& folder);

}  // namespace careledger::apps
