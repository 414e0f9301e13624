#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "crypto/secret_file.h"
#include "vault/keystore.h"

namespace careledger::vault {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kCredentialBytesMax = 4096;

namespace fs = std::filesystem;

Result<fs::path> real_path(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  if (error) return fail(ErrorKind::storage, path.string() + ": " + error.message());
  return real;
}

Result<void> check_outside(const std::string& path, const std::string& data_folder) {
  CARELEDGER_TRY(const fs::path file, real_path(path));
  CARELEDGER_TRY(const fs::path folder, real_path(data_folder));
  for (fs::path above = file.parent_path();; above = above.parent_path()) {
    if (above == folder) {
      return fail(ErrorKind::forbidden, "the key file " + path + " lies inside the data folder " + data_folder +
                                            ": who copies the folder would have key and lock. Move it elsewhere");
    }
    if (above == above.parent_path()) return {};
  }
}

Result<void> check_owner(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return fail(ErrorKind::not_found, "no key file at " + path + ": bring it, or say where it is");
  if (!S_ISREG(info.st_mode)) return fail(ErrorKind::forbidden, "the key file " + path + " is no plain file");
  if (info.st_uid != ::geteuid()) return fail(ErrorKind::forbidden, "the key file " + path + " belongs to another user");
  if ((info.st_mode & 077) != 0) return fail(ErrorKind::forbidden, "others may read the key file " + path + ": run chmod 600 on it");
  return {};
}

}  // namespace

Seal Seal::passphrase(ByteView passphrase, crypto::PasswordCost cost) {
  Seal seal;
  seal.method_ = Method::passphrase;
  seal.secret_ = crypto::Secret::copy_of(passphrase);
  seal.cost_ = cost;
  return seal;
}

Result<Seal> Seal::key_file(const std::string& path, const std::string& data_folder, bool make, Entropy& entropy) {
  CARELEDGER_CHECK(check_outside(path, data_folder));
  if (make && !system_files().exists(path)) {
    if (const fs::path parent = fs::path(path).parent_path(); !parent.empty())
      CARELEDGER_CHECK(system_files().make_folder(parent.string()));
    CARELEDGER_CHECK(system_files().replace(path, crypto::Secret::random(entropy, kKeyBytes).view()));
  }
  CARELEDGER_CHECK(check_owner(path));
  Seal seal;
  seal.method_ = Method::key_file;
  CARELEDGER_TRY(seal.secret_, crypto::read_secret_file(path, kCredentialBytesMax));
  if (seal.secret_.size() != kKeyBytes) return fail(ErrorKind::wrong_key, "the key file " + path + " does not hold 32 bytes");
  CARELEDGER_TRY(const fs::path real, real_path(path));
  seal.hint_ = "the key file " + real.string();
  return seal;
}

Result<Seal> Seal::credential(const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): read at start, nobody sets it
  if (folder == nullptr) {
    return fail(ErrorKind::not_found,
                "no systemd credentials here: $CREDENTIALS_DIRECTORY is not set. Start the service with "
                "LoadCredential=" +
                    name + " or LoadCredentialEncrypted=" + name);
  }
  if (name.empty() || name.find('/') != std::string::npos) return fail(ErrorKind::invalid, "a credential's name has no slash");
  Seal seal;
  seal.method_ = Method::credential;
  CARELEDGER_TRY(seal.secret_, crypto::read_secret_file(std::string(folder) + "/" + name, kCredentialBytesMax));
  if (seal.secret_.size() < kKeyBytes) return fail(ErrorKind::wrong_key, "the credential " + name + " holds less than 32 bytes");
  seal.hint_ = "the systemd credential " + name;
  return seal;
}

Seal Seal::clone() const {
  Seal seal;
  seal.method_ = method_;
  seal.secret_ = secret_.clone();
  seal.cost_ = cost_;
  seal.hint_ = hint_;
  return seal;
}

}  // namespace careledger::vault
