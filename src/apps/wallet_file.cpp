#include "apps/wallet_file.h"

#include "apps/passphrase.h"
#include "crypto/aead.h"
#include "crypto/secret_file.h"

namespace careledger::apps {
namespace {

constexpr ByteView kMagic = "CLWAL1\n";
constexpr std::size_t kFileMax = 16u << 20;
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kKeySize = 32;
constexpr std::uint32_t kPassesMax = 64;
constexpr std::uint32_t kMemoryMax = 4u << 20;  // KiB
enum class Method : std::uint8_t { passphrase = 1, key_file = 2 };

Result<crypto::Secret> key_of_file(const std::string& path) {
  CARELEDGER_TRY(crypto::Secret key, crypto::read_secret_file(path, 1024));
  if (key.size() != kKeySize) return fail(ErrorKind::wrong_key, path + " is no key file of a wallet: it has not 32 bytes");
  return key;
}

// Head: magic ‖ method ‖ (passphrase: u32 passes ‖ u32 KiB ‖ salt 16).
Result<crypto::Secret> key_under(ByteView head, const std::string& path, const WalletSeal& seal) {
  ByteView in = head.substr(kMagic.size());
  const auto method = static_cast<Method>(in[0]);
  in.remove_prefix(1);
  if (method == Method::key_file) {
    if (!seal.passphrase_file.empty()) return fail(ErrorKind::wrong_key, path + " is sealed under a key file: give --key-file");
    return key_of_file(seal.key_file.empty() ? path + ".key" : seal.key_file);
  }
  if (seal.passphrase_file.empty()) return fail(ErrorKind::wrong_key, path + " is sealed under a passphrase: give --passphrase-file");
  crypto::PasswordCost cost;
  cost.passes = *take_u32(in);
  cost.memory_kib = *take_u32(in);
  if (cost.passes > kPassesMax || cost.memory_kib > kMemoryMax) return fail(ErrorKind::malformed, path + ": unreasonable passphrase cost");
  CARELEDGER_TRY(const crypto::Secret passphrase, passphrase_from(seal.passphrase_file));
  return crypto::key_from_passphrase(passphrase.view(), in, cost, kKeySize);
}

Result<Bytes> head_of(ByteView file, const std::string& path) {
  const auto bad = [&] { return fail(ErrorKind::malformed, path + " is not a wallet"); };
  if (file.size() < kMagic.size() + 1 || file.substr(0, kMagic.size() - 2) != kMagic.substr(0, kMagic.size() - 2)) return bad();
  if (file.substr(0, kMagic.size()) != kMagic) return fail(ErrorKind::newer_format, path + " was written by a newer program");
  const auto method = static_cast<Method>(file[kMagic.size()]);
  if (method != Method::passphrase && method != Method::key_file) return bad();
  const std::size_t size = kMagic.size() + 1 + (method == Method::passphrase ? 8 + kSaltSize : 0);
  if (file.size() < size + crypto::kAeadNonceSize + crypto::kAeadTagSize) return bad();
  return Bytes(file.substr(0, size));
}

}  // namespace

Result<WalletFile> WalletFile::create(const std::string& path, const WalletSeal& seal, Entropy& entropy) {
  Files& files = system_files();
  if (files.exists(path)) return fail(ErrorKind::conflict, path + " is there already; a wallet is never overwritten");
  if (!seal.passphrase_file.empty() && !seal.key_file.empty())
    return fail(ErrorKind::invalid, "choose one of --passphrase-file and --key-file");
  Bytes head(kMagic);
  if (!seal.passphrase_file.empty()) {
    const crypto::PasswordCost cost;
    head.push_back(static_cast<char>(Method::passphrase));
    append_u32(head, cost.passes);
    append_u32(head, cost.memory_kib);
    head += entropy.take(kSaltSize);
  } else {
    head.push_back(static_cast<char>(Method::key_file));
    const std::string key_path = seal.key_file.empty() ? path + ".key" : seal.key_file;
    if (!files.exists(key_path)) CARELEDGER_CHECK(files.replace(key_path, crypto::Secret::random(entropy, kKeySize).view()));
  }
  CARELEDGER_TRY(crypto::Secret key, key_under(head, path, seal));
  WalletFile file(path, std::move(key), std::move(head), entropy);
  CARELEDGER_CHECK(file.save());
  return file;
}

Result<WalletFile> WalletFile::open(const std::string& path, const WalletSeal& seal, Entropy& entropy) {
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(path, kFileMax));
  CARELEDGER_TRY(Bytes head, head_of(bytes, path));
  CARELEDGER_TRY(crypto::Secret key, key_under(head, path, seal));
  const ByteView rest = ByteView(bytes).substr(head.size());
  auto plain = crypto::aead_open_secret(key, rest.substr(0, crypto::kAeadNonceSize), head, rest.substr(crypto::kAeadNonceSize));
  if (!plain) return fail(ErrorKind::wrong_key, path + " does not open: another passphrase or key file, or the file was changed");
  WalletFile file(path, std::move(key), std::move(head), entropy);
  auto wallet = read_wallet_json(std::move(*plain));
  if (!wallet) return tl::make_unexpected(wallet.error());
  file.wallet_ = std::move(*wallet);
  return file;
}

Result<void> WalletFile::save() {
  const crypto::Secret text = wallet_json(wallet_);
  const auto again = read_wallet_json(crypto::Secret::copy_of(text.view()));  // a file that would not open must never replace one that does
  if (!again || again->keys.size() != wallet_.keys.size())
    return fail(ErrorKind::invalid, "the wallet would not read as it is now; its file was left as it was");
  const Bytes nonce = entropy_->take(crypto::kAeadNonceSize);
  return system_files().replace(path_, head_ + nonce + crypto::aead_seal(key_, nonce, head_, text.view()));
}

Result<WalletKey*> WalletFile::add_key(const std::string& label) {
  if (label.empty() || label.size() > 100) return fail(ErrorKind::invalid, "a label has 1 to 100 bytes");
  if (wallet_.by_label(label) != nullptr) return fail(ErrorKind::conflict, "the wallet has a key of that label");
  wallet_.keys.push_back(WalletKey{label, crypto::SigningKey::generate(*entropy_), entropy_->take_id<Digest>(), {}, {}, 0, {}, 0, {}});
  CARELEDGER_CHECK(save());
  return &wallet_.keys.back();
}

}  // namespace careledger::apps
