#include "apps/passphrase.h"

#include <unistd.h>

#include "crypto/secret_file.h"

namespace careledger::apps {
namespace {

constexpr std::size_t kPassphraseMax = 4096;

// A command that serves and calls itself opens its keystores twice.
Result<crypto::Secret> from_standard_input() {
  static const Result<crypto::Secret> passphrase = crypto::read_secret_line(STDIN_FILENO, kPassphraseMax);
  if (!passphrase) return tl::make_unexpected(passphrase.error());
  return passphrase->clone();
}

Result<crypto::Secret> from_file(const std::string& path) {
  CARELEDGER_TRY(const crypto::Secret text, crypto::read_secret_file(path, kPassphraseMax));
  return crypto::Secret::copy_of(text.view().substr(0, text.view().find('\n')));
}

}  // namespace

Result<crypto::Secret> passphrase_from(const std::string& file) {
  CARELEDGER_TRY(crypto::Secret line, file == "-" ? from_standard_input() : from_file(file));
  if (line.empty()) return fail(ErrorKind::invalid, "the passphrase is empty");
  return line;
}

}  // namespace careledger::apps
