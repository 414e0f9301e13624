#include "vault/key_tree.h"

#include "base/files.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secret_writer.h"
#include "vault/encoding.h"
#include "vault/keystore.h"
#include "vault/shred.h"

namespace careledger::vault {
namespace {

constexpr ByteView kMagic = "careledger-keys";
constexpr std::uint16_t kFormat = 1;
constexpr std::uint8_t kCacheLevel = 8;
constexpr std::size_t kCacheMax = 1024;
constexpr std::size_t kPagesBytesMax = 256u << 20;
constexpr std::size_t kPageBytes = 1 + 8 + 32;

// One block of SHA-256: 21 + 32 + 1 bytes.
void step(crypto::Secret& seed, bool right) {
  const char side = right ? '\1' : '\0';
  crypto::sha256_into(seed, {"careledger/key-tree/1", seed.view(), ByteView(&side, 1)});
}

// From the seed of the node above `number` at `from` down to `to`.
void descend(crypto::Secret& seed, std::uint64_t number, std::uint8_t from, std::uint8_t to) {
  for (std::uint8_t level = from; level > to; --level) step(seed, ((number >> (level - 1)) & 1) != 0);
}

}  // namespace

crypto::Secret VersionSecret::data_key() const { return crypto::hmac_key(leaf_, "careledger/data-key/1"); }
crypto::Secret VersionSecret::salt_seed() const { return crypto::hmac_key(leaf_, "careledger/salt-seed/1"); }

Result<std::unique_ptr<KeyTree>> KeyTree::open(const std::string& folder, Keystore& keys, Entropy& entropy) {
  auto tree = std::unique_ptr<KeyTree>(new KeyTree(folder, keys, entropy));
  CARELEDGER_CHECK(tree->load());
  return tree;
}

std::string KeyTree::path(std::uint64_t generation) const { return folder_ + "/keys." + std::to_string(generation); }

Result<void> KeyTree::load() {
  generation_ = keys_.generation(Purpose::records);
  if (generation_ == 0) {  // a new vault
    Pages fresh;
    fresh.emplace(NodeId{kKeyTreeHeight, 0}, crypto::Secret::random(entropy_, 32));
    return store(std::move(fresh));
  }
  if (folder_.empty()) return fail(ErrorKind::wrong_key, "these keys belong to a vault on disk");
  CARELEDGER_CHECK(system_files().make_folder(folder_));
  auto file = system_files().read_all(path(generation_), kPagesBytesMax);
  if (!file) {
    return fail(ErrorKind::wrong_key, "the key pages of generation " + std::to_string(generation_) + " are missing in " + folder_ +
                                          ": keystore and key pages must come from the same backup of the keys, the newest one");
  }
  CARELEDGER_TRY(const crypto::Secret root, keys_.symmetric(Purpose::records));
  CARELEDGER_TRY(pages_, unseal(*file, root, generation_));
  file_ = std::move(*file);
  CARELEDGER_TRY(const std::vector<std::string> names, system_files().list(folder_));
  for (const std::string& name : names) {  // what a crash left between two generations
    if (name.starts_with("keys.") && folder_ + "/" + name != path(generation_)) CARELEDGER_CHECK(shred(folder_ + "/" + name));
  }
  return {};
}

Bytes KeyTree::seal(const Pages& pages, const crypto::Secret& root, std::uint64_t generation) const {
  Bytes file(kMagic);
  append_u16(file, kFormat);
  append_u64(file, generation);
  crypto::SecretWriter plain(pages.size() * kPageBytes);
  for (const auto& [node, seed] : pages) {
    plain.put(Bytes(1, static_cast<char>(node.level)) + u64_bytes(node.index));
    plain.put(seed.view());
  }
  const Bytes nonce = entropy_.take(crypto::kAeadNonceSize);
  return file + nonce + crypto::aead_seal(root, nonce, file, std::move(plain).take().view());
}

Result<KeyTree::Pages> KeyTree::unseal(ByteView file, const crypto::Secret& root, std::uint64_t generation) {
  const auto damaged = [] { return fail(ErrorKind::corrupt, "the key pages are damaged: restore them from the backup of the keys"); };
  if (!file.starts_with(kMagic)) return damaged();
  ByteView in = file.substr(kMagic.size());
  const auto format = take_u16(in);
  if (!format) return damaged();
  if (*format > kFormat)
    return fail(ErrorKind::newer_format, "the key pages were written by a newer version of this program: run that version");
  const auto written = take_u64(in);
  if (!written || *written != generation || in.size() < crypto::kAeadNonceSize) return damaged();
  const ByteView associated = file.substr(0, file.size() - in.size());
  const auto plain = crypto::aead_open_secret(root, in.substr(0, crypto::kAeadNonceSize), associated, in.substr(crypto::kAeadNonceSize));
  if (!plain)
    return fail(ErrorKind::wrong_key, "the key pages do not open under the keystore's root: bring both from the same backup of the keys");
  Pages pages;
  for (ByteView rest = plain->view(); !rest.empty();) {
    const auto level = take_u8(rest);
    const auto index = take_u64(rest);
    const auto seed = take_bytes(rest, 32);
    if (!level || *level > kKeyTreeHeight || !index || !seed) return damaged();
    pages.emplace(NodeId{*level, *index}, crypto::Secret::copy_of(*seed));
  }
  return pages;
}

Result<void> KeyTree::store(Pages pages) {
  const std::uint64_t generation = generation_ + 1;
  const crypto::Secret root = crypto::Secret::random(entropy_, 32);
  Bytes file = seal(pages, root, generation);
  if (!folder_.empty()) {
    CARELEDGER_CHECK(system_files().make_folder(folder_));
    CARELEDGER_CHECK(system_files().replace(path(generation), file));
  }
  CARELEDGER_CHECK(keys_.replace_symmetric(Purpose::records, root, generation));  // from here on the old pages are dead
  const std::uint64_t old = std::exchange(generation_, generation);
  pages_ = std::move(pages);
  file_ = std::move(file);
  cache_.clear();
  return folder_.empty() || old == 0 ? Result<void>{} : shred(path(old));
}

// The page that lies above the version, or none when it was erased.
const crypto::Secret* KeyTree::cover(std::uint64_t number, std::uint8_t* level) const {
  for (std::uint8_t at = 0; at <= kKeyTreeHeight; ++at) {
    const auto found = pages_.find(NodeId{at, number >> at});
    if (found == pages_.end()) continue;
    *level = at;
    return &found->second;
  }
  return nullptr;
}

Result<VersionSecret> KeyTree::secret(std::uint64_t number) const {
  if (number >> kKeyTreeHeight != 0) return fail(ErrorKind::invalid, "no such version number");
  const std::lock_guard lock(mutex_);
  const auto finish = [number](const crypto::Secret& from, std::uint8_t level) {
    crypto::Secret leaf = from.clone();
    descend(leaf, number, level, 0);
    return VersionSecret(std::move(leaf));
  };
  if (const auto cached = cache_.find(number >> kCacheLevel); cached != cache_.end()) return finish(cached->second, kCacheLevel);
  std::uint8_t level = 0;
  const crypto::Secret* page = cover(number, &level);
  if (page == nullptr) return fail(ErrorKind::gone, "this version was erased");
  if (level <= kCacheLevel) return finish(*page, level);
  crypto::Secret shared = page->clone();
  descend(shared, number, level, kCacheLevel);
  if (cache_.size() >= kCacheMax) cache_.clear();
  return finish(cache_.emplace(number >> kCacheLevel, std::move(shared)).first->second, kCacheLevel);
}

bool KeyTree::erased(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  std::uint8_t level = 0;
  return cover(number, &level) == nullptr;
}

std::uint64_t KeyTree::above_erased() const {
  const std::lock_guard lock(mutex_);
  std::map<std::uint64_t, std::uint64_t> starts;  // by the end of what each page covers
  for (const auto& [node, seed] : pages_) starts.emplace((node.index + 1) << node.level, node.index << node.level);
  std::uint64_t from = std::uint64_t{1} << kKeyTreeHeight;
  for (auto page = starts.find(from); page != starts.end(); page = starts.find(from)) from = page->second;
  return from;
}

KeyTree::Pages KeyTree::without(std::uint64_t number) const {
  std::uint8_t level = 0;
  const crypto::Secret* page = cover(number, &level);
  Pages pages;
  for (const auto& [node, seed] : pages_)
    if (&seed != page) pages.emplace(node, seed.clone());
  crypto::Secret way = page->clone();
  for (; level > 0; --level) {
    const bool right = ((number >> (level - 1)) & 1) != 0;
    crypto::Secret beside = way.clone();
    step(beside, !right);
    step(way, right);
    pages.emplace(NodeId{static_cast<std::uint8_t>(level - 1), (number >> (level - 1)) ^ 1}, std::move(beside));
  }
  return pages;
}

Result<void> KeyTree::erase(std::uint64_t number) {
  if (number >> kKeyTreeHeight != 0) return fail(ErrorKind::invalid, "no such version number");
  const std::lock_guard lock(mutex_);
  std::uint8_t level = 0;
  if (cover(number, &level) == nullptr) return {};
  return store(without(number));
}

Result<void> KeyTree::rotate() {
  const std::lock_guard lock(mutex_);
  Pages same;
  for (const auto& [node, seed] : pages_) same.emplace(node, seed.clone());
  return store(std::move(same));
}

std::uint64_t KeyTree::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

Result<Bytes> KeyTree::sealed_pages() const {
  const std::lock_guard lock(mutex_);
  return file_;
}

std::size_t KeyTree::pages() const {
  const std::lock_guard lock(mutex_);
  return pages_.size();
}

}  // namespace careledger::vault
