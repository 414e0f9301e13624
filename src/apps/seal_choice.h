// How the keystores of a node are opened: a key file beside the data folder unless the operator says otherwise.
#pragma once

#include <string>

#include "apps/layout.h"
#include "vault/keystore.h"

namespace careledger::apps {

struct SealChoice {             // at most one is set
  std::string key_file;         // default: Layout::default_key_file()
  std::string passphrase_file;  // first line of the file; "-" is standard input
  std::string credential;       // name of a systemd credential
};

// `make`: writes a new key file when there is none (init). Errors name what to bring.
Result<vault::Seal> open_seal(const Layout& layout, const SealChoice& choice, bool make, Entropy& entropy);

}  // namespace careledger::apps
