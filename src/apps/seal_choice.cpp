#include "apps/seal_choice.h"

#include <iostream>

#include "base/files.h"

namespace careledger::apps {
namespace {

constexpr std::size_t kPassphraseMax = 4096;

// Standard input can be read once, and a command that serves and calls itself opens its keystores twice.
Bytes from_standard_input() {
  static const crypto::Secret passphrase = [] {
    Bytes line;
    std::getline(std::cin, line);
    crypto::Secret kept = crypto::Secret::copy_of(line);
    crypto::wipe(line);
    return kept;
  }();
  return Bytes(passphrase.view());
}

Result<vault::Seal> from_passphrase(const std::string& file) {
  Bytes text;
  if (file == "-") {
    text = from_standard_input();
  } else {
    CARELEDGER_TRY(text, system_files().read_all(file, kPassphraseMax));
    text.resize(std::min(text.size(), text.find('\n')));
  }
  if (text.empty()) return fail(ErrorKind::invalid, "the passphrase is empty");
  vault::Seal seal = vault::Seal::passphrase(text);
  crypto::wipe(text);
  return seal;
}

}  // namespace

Result<vault::Seal> open_seal(const Layout& layout, const SealChoice& choice, bool make, Entropy& entropy) {
  const int chosen = (choice.key_file.empty() ? 0 : 1) + (choice.passphrase_file.empty() ? 0 : 1) + (choice.credential.empty() ? 0 : 1);
  if (chosen > 1) return fail(ErrorKind::invalid, "choose one of key file, passphrase file and credential");
  if (!choice.passphrase_file.empty()) return from_passphrase(choice.passphrase_file);
  if (!choice.credential.empty()) return vault::Seal::credential(choice.credential);
  const std::string path = choice.key_file.empty() ? layout.default_key_file() : choice.key_file;
  return vault::Seal::key_file(path, layout.folder, make, entropy);
}

}  // namespace careledger::apps
