#include "storage/encrypted_files.h"

#include <rocksdb/env_encryption.h>

#include <algorithm>
#include <cstring>

#include "base/files.h"
#include "crypto/aead.h"
#include "crypto/secret_writer.h"
#include "storage/disk_layer.h"

namespace careledger::storage {
namespace {

// A file's first block: magic ‖ nonce(12) ‖ sealed(file key 32 ‖ initial counter block 16, tag 16) ‖ zeros.
constexpr std::size_t kPrefixBytes = 4096;
constexpr ByteView kMagic = "careledger/encrypted-file/1\n";
constexpr std::size_t kCounterBytes = 16;
constexpr std::size_t kSealedBytes = crypto::kAeadKeySize + kCounterBytes + crypto::kAeadTagSize;

struct FileKey {
  crypto::Secret key;
  Bytes counter;
};

Bytes seal_prefix(const crypto::Secret& root, const FileKey& file, Entropy& entropy) {
  const Bytes nonce = entropy.take(crypto::kAeadNonceSize);
  crypto::SecretWriter plain(crypto::kAeadKeySize + kCounterBytes);
  plain.put(file.key.view());
  plain.put(file.counter);
  Bytes out(kMagic);
  out += nonce;
  out += crypto::aead_seal(root, nonce, kMagic, std::move(plain).take().view());
  out.resize(kPrefixBytes);
  return out;
}

Result<FileKey> open_prefix(const crypto::Secret& root, ByteView prefix) {
  if (prefix.size() < kPrefixBytes || !prefix.starts_with(kMagic)) return fail(ErrorKind::corrupt, "not an encrypted file of CareLedger");
  prefix.remove_prefix(kMagic.size());
  const ByteView nonce = prefix.substr(0, crypto::kAeadNonceSize);
  const auto plain = crypto::aead_open_secret(root, nonce, kMagic, prefix.substr(crypto::kAeadNonceSize, kSealedBytes));
  if (!plain) return fail(ErrorKind::wrong_key, kWrongKeyMark);
  const ByteView bytes = plain->view();
  return FileKey{crypto::Secret::copy_of(bytes.substr(0, crypto::kAeadKeySize)), Bytes(bytes.substr(crypto::kAeadKeySize))};
}

class Cipher : public rocksdb::BlockAccessCipherStream {
 public:
  explicit Cipher(FileKey file) : file_(std::move(file)) {}
  std::size_t BlockSize() override { return kCounterBytes; }
  rocksdb::Status Encrypt(std::uint64_t offset, char* data, std::size_t count) override {
    crypto::aes256_ctr_xor(file_.key, file_.counter, offset, data, count);
    return rocksdb::Status::OK();
  }
  rocksdb::Status Decrypt(std::uint64_t offset, char* data, std::size_t count) override { return Encrypt(offset, data, count); }

 protected:
  void AllocateScratch(std::string&) override {}
  rocksdb::Status EncryptBlock(std::uint64_t, char*, char*) override { return rocksdb::Status::NotSupported(); }
  rocksdb::Status DecryptBlock(std::uint64_t, char*, char*) override { return rocksdb::Status::NotSupported(); }

 private:
  FileKey file_;
};

class Provider : public rocksdb::EncryptionProvider {
 public:
  Provider(crypto::Secret root, Entropy& entropy) : root_(std::move(root)), entropy_(entropy) {}
  const char* Name() const override { return "careledger"; }
  std::size_t GetPrefixLength() const override { return kPrefixBytes; }
  rocksdb::Status CreateNewPrefix(const std::string&, char* prefix, std::size_t size) const override {
    if (size != kPrefixBytes) return rocksdb::Status::InvalidArgument("prefix length");
    const FileKey file{crypto::Secret::random(entropy_, crypto::kAeadKeySize), entropy_.take(kCounterBytes)};
    const Bytes sealed = seal_prefix(root_, file, entropy_);
    std::memcpy(prefix, sealed.data(), sealed.size());
    return rocksdb::Status::OK();
  }
  rocksdb::Status AddCipher(const std::string&, const char*, std::size_t, bool) override { return rocksdb::Status::NotSupported(); }
  rocksdb::Status CreateCipherStream(const std::string& name, const rocksdb::EnvOptions& options, rocksdb::Slice& prefix,
                                     std::unique_ptr<rocksdb::BlockAccessCipherStream>* out) override {
    if (options.use_mmap_reads) return rocksdb::Status::InvalidArgument("memory-mapped reads of an encrypted file");
    auto file = open_prefix(root_, {prefix.data(), prefix.size()});
    if (!file) return rocksdb::Status::Corruption(file.error().message, name);
    *out = std::make_unique<Cipher>(std::move(*file));
    return rocksdb::Status::OK();
  }

 private:
  crypto::Secret root_;
  Entropy& entropy_;
};

// Makes a new file's first block durable before anything follows it: a file that holds more than that block always has its key.
class KeyFirst : public rocksdb::FileSystemWrapper {
 public:
  explicit KeyFirst(const std::shared_ptr<rocksdb::FileSystem>& encrypted) : FileSystemWrapper(encrypted) {}
  const char* Name() const override { return "careledger-encrypted"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* context) override {
    const rocksdb::IOStatus status = target()->NewWritableFile(path, options, file, context);
    return status.ok() ? (*file)->Sync(rocksdb::IOOptions(), context) : status;
  }
};

class EncryptedLayer : public DiskLayer {
 public:
  EncryptedLayer(const std::shared_ptr<rocksdb::FileSystem>& encrypted, std::shared_ptr<rocksdb::FileSystem> raw, crypto::Secret root,
                 std::shared_ptr<DiskLayer> below)
      : DiskLayer(std::make_shared<KeyFirst>(encrypted)), raw_(std::move(raw)), root_(std::move(root)), below_(std::move(below)) {}
  std::uint64_t header_bytes() const override { return kPrefixBytes; }
  bool is_patient() const override { return !below_ || below_->is_patient(); }

  // Removes files that never got further than their first block, and whose block is not whole: they hold nothing, and the
  // layer could not open them.
  Result<void> prepare(const std::string& folder) override {
    if (below_) CARELEDGER_CHECK(below_->prepare(folder));
    std::vector<std::string> names;
    const rocksdb::IOStatus listed = raw_->GetChildren(folder, rocksdb::IOOptions(), &names, nullptr);
    if (listed.IsNotFound() || listed.IsPathNotFound()) return {};
    if (!listed.ok()) return tl::make_unexpected(error_of(listed, folder));
    // CURRENT first: under another key nothing may be touched.
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) { return a == "CURRENT" && b != "CURRENT"; });
    for (const std::string& name : names)
      if (name != "LOCK" && name != "reserve") CARELEDGER_CHECK(prepare_file(folder, name));
    return {};
  }

 private:
  Result<void> prepare_file(const std::string& folder, const std::string& name) {
    const std::string path = folder + "/" + name;
    bool is_folder = false;
    raw_->IsDirectory(path, rocksdb::IOOptions(), &is_folder, nullptr).PermitUncheckedError();
    std::uint64_t size = 0;
    if (is_folder || !raw_->GetFileSize(path, rocksdb::IOOptions(), &size, nullptr).ok()) return {};
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    rocksdb::IOStatus status = raw_->NewSequentialFile(path, rocksdb::FileOptions(), &file, nullptr);
    Bytes scratch(kPrefixBytes, '\0');
    rocksdb::Slice prefix;
    if (status.ok()) status = file->Read(kPrefixBytes, rocksdb::IOOptions(), &prefix, scratch.data(), nullptr);
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder));
    const auto key = open_prefix(root_, {prefix.data(), prefix.size()});
    if (key) return {};
    if (size > kPrefixBytes || name == "CURRENT") {
      if (key.error().kind == ErrorKind::wrong_key) return fail(ErrorKind::wrong_key, path + ": " + kWrongKeyMark);
      return fail(ErrorKind::corrupt, path + ": " + key.error().message);
    }
    status = raw_->DeleteFile(path, rocksdb::IOOptions(), nullptr);
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder));
    return {};
  }

  std::shared_ptr<rocksdb::FileSystem> raw_;
  crypto::Secret root_;
  std::shared_ptr<DiskLayer> below_;
};

}  // namespace

std::shared_ptr<DiskLayer> encrypted_disk(const crypto::Secret& root_key, Entropy& entropy, std::shared_ptr<DiskLayer> below) {
  const auto base = below ? below->file_system() : rocksdb::FileSystem::Default();
  auto provider = std::make_shared<Provider>(root_key.clone(), entropy);
  return std::make_shared<EncryptedLayer>(rocksdb::NewEncryptedFS(base, provider), base, root_key.clone(), std::move(below));
}

Result<void> rewrap_encrypted_files(const std::string& folder, const crypto::Secret& old_root, const crypto::Secret& new_root,
                                    Entropy& entropy) {
  // The first block is written over in place: one 4 KiB sector write, and a torn one is found because neither root opens it.
  CARELEDGER_TRY(const std::vector<std::string> names, system_files().list(folder));
  std::unique_ptr<rocksdb::RandomRWFile> file;
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    rocksdb::Status status = rocksdb::Env::Default()->NewRandomRWFile(path, &file, rocksdb::EnvOptions());
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder));
    Bytes scratch(kPrefixBytes, '\0');
    rocksdb::Slice prefix;
    status = file->Read(0, kPrefixBytes, &prefix, scratch.data());
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder));
    const ByteView bytes{prefix.data(), prefix.size()};
    if (!bytes.starts_with(kMagic) || open_prefix(new_root, bytes)) continue;  // LOCK is empty; or done before
    auto opened = open_prefix(old_root, bytes);
    if (!opened) return fail(opened.error().kind, path + ": " + opened.error().message);
    status = file->Write(0, seal_prefix(new_root, *opened, entropy));
    if (status.ok()) status = file->Sync();
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder));
  }
  return {};
}

}  // namespace careledger::storage
