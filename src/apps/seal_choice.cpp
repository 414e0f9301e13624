#include "apps/seal_choice.h"

#include "apps/passphrase.h"

namespace careledger::apps {

Result<vault::Seal> open_seal(const Layout& layout, const SealChoice& choice, bool make, Entropy& entropy) {
  const int chosen = (choice.key_file.empty() ? 0 : 1) + (choice.passphrase_file.empty() ? 0 : 1) + (choice.credential.empty() ? 0 : 1);
  if (chosen > 1) return fail(ErrorKind::invalid, "choose one of key file, passphrase file and credential");
  if (!choice.passphrase_file.empty()) {
    CARELEDGER_TRY(const crypto::Secret passphrase, passphrase_from(choice.passphrase_file));
    return vault::Seal::passphrase(passphrase.view());
  }
  if (!choice.credential.empty()) return vault::Seal::credential(choice.credential);
  const std::string path = choice.key_file.empty() ? layout.default_key_file() : choice.key_file;
  return vault::Seal::key_file(path, layout.folder, make, entropy);
}

}  // namespace careledger::apps
