#include "vault/audit_file.h"

#include <algorithm>
#include <map>

#include "crypto/aead.h"
#include "crypto/hash.h"

namespace careledger::vault {
namespace {

constexpr ByteView kMagic = "careledger-audit";
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kFrameMax = kAuditDetailsMax + 16 * 1024;
constexpr std::size_t kReadAhead = 512;  // most frames fit
constexpr std::size_t kReadTogether = 32 * 1024;

tl::unexpected<Error> bad_entry(const std::string& path, FilePlace place) {
  return fail(ErrorKind::corrupt, "audit entry " + std::to_string(place.index) + " at byte " + std::to_string(place.offset) + " of " +
                                      path + " was changed or is damaged");
}

crypto::Secret derived(const crypto::Secret& key, ByteView salt, ByteView info) {
  Bytes bytes = crypto::hkdf_sha256(key.view(), salt, info, 32);
  crypto::Secret secret = crypto::Secret::copy_of(bytes);
  crypto::wipe(bytes);
  return secret;
}

}  // namespace

Result<void> AuditFile::begin(Entropy& entropy) {
  file_id_ = entropy.take(32);
  Bytes header(kMagic);
  append_u16(header, kFormat);
  header += file_id_;
  CARELEDGER_CHECK(writer_->append(header));
  return writer_->sync();
}

Result<void> AuditFile::read_header() {
  CARELEDGER_TRY(const Bytes header, reader_->read(0, kAuditHeaderBytes));
  if (!ByteView(header).starts_with(kMagic) || header.size() != kAuditHeaderBytes) {
    return fail(ErrorKind::corrupt, path_ + " is no audit file or its beginning is damaged");
  }
  ByteView in = ByteView(header).substr(kMagic.size());
  const auto format = take_u16(in);
  if (*format > kFormat) return fail(ErrorKind::newer_format, path_ + " was written by a newer version of this program: run that version");
  file_id_ = in;
  return {};
}

void AuditFile::derive(const crypto::Secret& audit_key) {
  key_ = derived(audit_key, file_id_, "careledger/audit-file/1");
  salt_key_ = derived(audit_key, file_id_, "careledger/audit-salt/1");
}

Result<std::unique_ptr<AuditFile>> AuditFile::open(const std::string& path, Files& files, const crypto::Secret& audit_key, FilePlace known,
                                                   Entropy& entropy, const std::function<void(FilePlace, OpenedEntry)>& replay) {
  auto file = std::unique_ptr<AuditFile>(new AuditFile());
  file->path_ = path;
  CARELEDGER_TRY(file->writer_, files.open(path, true));
  CARELEDGER_TRY(file->reader_, files.open(path, true));
  CARELEDGER_TRY(std::uint64_t size, file->writer_->size());
  if (size < kAuditHeaderBytes && known.index == 0) {  // new, or cut off while it was being made
    CARELEDGER_CHECK(file->writer_->truncate(0));
    CARELEDGER_CHECK(file->begin(entropy));
    size = kAuditHeaderBytes;
  }
  CARELEDGER_CHECK(file->read_header());
  file->derive(audit_key);
  file->next_ = {known.index, std::max<std::uint64_t>(known.offset, kAuditHeaderBytes)};
  if (size < file->next_.offset) {
    return fail(ErrorKind::corrupt,
                path + " ends before audit entry " + std::to_string(known.index) + ", which it once held: it was cut or is an older copy");
  }
  while (file->next_.offset < size) {
    std::uint64_t after = 0;
    auto entry = file->read(file->next_, &after);
    if (!entry) break;
    if (replay) replay(file->next_, std::move(*entry));
    file->next_ = {file->next_.index + 1, after};
  }
  if (file->next_.offset == kAuditHeaderBytes && size > kAuditHeaderBytes + 4096) {
    return fail(ErrorKind::wrong_key, path + " is sealed under another audit key, or its first entry was changed");
  }
  file->torn_bytes_ = size - file->next_.offset;
  if (file->torn_bytes_ != 0) {
    CARELEDGER_CHECK(file->writer_->truncate(file->next_.offset));
    CARELEDGER_CHECK(file->writer_->sync());
  }
  return file;
}

std::string AuditFile::nonce(std::uint64_t index) const { return Bytes(4, '\0') + u64_bytes(index); }

void AuditFile::seal_next(ByteView frame, Bytes& buffer) {
  const Bytes sealed = crypto::aead_seal(key_, nonce(next_.index), kMagic, frame);
  append_field(buffer, sealed);
  next_.index += 1;
  next_.offset += 4 + sealed.size();
}

Result<void> AuditFile::write(ByteView buffer, FilePlace before) {
  if (!usable_) return fail(ErrorKind::storage, "the audit file failed before; restart the node once the disk is sound");
  if (auto appended = writer_->append(buffer); !appended) {
    next_ = before;
    if (!writer_->truncate(before.offset)) usable_ = false;
    return appended;
  }
  auto synced = writer_->sync();
  if (!synced) usable_ = false;
  return synced;
}

Result<Bytes> AuditFile::bytes_at(std::uint64_t offset, std::size_t count) const {
  const std::lock_guard lock(reader_mutex_);
  return reader_->read(offset, count);
}

// The frame whose first bytes these are; the rest is read when they are too few.
Result<OpenedEntry> AuditFile::open_frame(FilePlace place, ByteView from_there, const crypto::HmacSha256& salts,
                                          std::uint64_t* next_offset) const {
  Bytes whole;
  ByteView in = from_there;
  const auto size = take_u32(in);
  if (!size || *size > kFrameMax) return bad_entry(path_, place);
  if (*size > in.size()) {
    CARELEDGER_TRY(whole, bytes_at(place.offset, 4 + *size));
    in = ByteView(whole).substr(std::min<std::size_t>(4, whole.size()));
    if (*size > in.size()) return bad_entry(path_, place);
  }
  const auto plain = crypto::aead_open(key_, nonce(place.index), kMagic, in.substr(0, *size));
  if (!plain) return bad_entry(path_, place);
  auto opened = read_frame(place.index, *plain, salts);
  if (!opened) return bad_entry(path_, place);
  if (next_offset != nullptr) *next_offset = place.offset + 4 + *size;
  return std::move(*opened);
}

Result<OpenedEntry> AuditFile::read(FilePlace place, std::uint64_t* next_offset) const {
  CARELEDGER_TRY(const Bytes bytes, bytes_at(place.offset, kReadAhead));
  if (bytes.empty()) return fail(ErrorKind::not_found, "no such audit entry");
  return open_frame(place, bytes, salts(), next_offset);
}

Result<std::vector<OpenedEntry>> AuditFile::read_all(std::span<const FilePlace> places) const {
  const crypto::HmacSha256 keyed = salts();
  std::vector<OpenedEntry> found;
  found.reserve(places.size());
  while (!places.empty()) {
    const std::uint64_t from = places.front().offset;
    std::size_t near = 1;
    while (near < places.size() && places[near].offset - from < kReadTogether) ++near;
    CARELEDGER_TRY(const Bytes block, bytes_at(from, places[near - 1].offset - from + kReadAhead));
    for (const FilePlace place : places.first(near)) {
      if (place.offset - from >= block.size()) return fail(ErrorKind::not_found, "no such audit entry");
      CARELEDGER_TRY(OpenedEntry entry, open_frame(place, ByteView(block).substr(place.offset - from), keyed, nullptr));
      found.push_back(std::move(entry));
    }
    places = places.subspan(near);
  }
  return found;
}

Result<void> AuditFile::copy_to(File& out, std::uint64_t size) const {
  for (std::uint64_t at = 0; at < size;) {
    Bytes bytes;
    {
      const std::lock_guard lock(reader_mutex_);
      CARELEDGER_TRY(bytes, reader_->read(at, static_cast<std::size_t>(std::min<std::uint64_t>(size - at, 1u << 20))));
    }
    if (bytes.empty()) return fail(ErrorKind::corrupt, path_ + " is shorter than it was");
    CARELEDGER_CHECK(out.append(bytes));
    at += bytes.size();
  }
  return {};
}

Result<std::uint64_t> AuditFile::verify(const std::string& path, Files& files, const crypto::Secret& audit_key) {
  AuditFile file;
  file.path_ = path;
  CARELEDGER_TRY(file.reader_, files.open(path, false));
  CARELEDGER_TRY(const std::uint64_t size, file.reader_->size());
  CARELEDGER_CHECK(file.read_header());
  file.derive(audit_key);
  FilePlace place{0, kAuditHeaderBytes};
  while (place.offset < size) {
    std::uint64_t next = 0;
    CARELEDGER_TRY(const OpenedEntry entry, file.read(place, &next));
    place = {place.index + 1, next};
  }
  return place.index;
}

Result<FilePlace> AuditFile::skip(FilePlace place) const {
  const std::lock_guard lock(reader_mutex_);
  CARELEDGER_TRY(const Bytes bytes, reader_->read(place.offset, 4));
  ByteView in = bytes;
  const auto size = take_u32(in);
  if (!size || *size > kFrameMax) return bad_entry(path_, place);
  return FilePlace{place.index + 1, place.offset + 4 + *size};
}

namespace {

struct MemoryContents {
  std::mutex mutex;
  Bytes bytes;
};

class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::shared_ptr<MemoryContents> contents) : contents_(std::move(contents)) {}
  Result<void> append(ByteView bytes) override {
    const std::lock_guard lock(contents_->mutex);
    contents_->bytes += bytes;
    return {};
  }
  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    const std::lock_guard lock(contents_->mutex);
    return offset >= contents_->bytes.size() ? Bytes() : contents_->bytes.substr(offset, count);
  }
  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(contents_->mutex);
    return contents_->bytes.size();
  }
  Result<void> truncate(std::uint64_t size) override {
    const std::lock_guard lock(contents_->mutex);
    contents_->bytes.resize(size);
    return {};
  }
  Result<void> sync() override { return {}; }

 private:
  std::shared_ptr<MemoryContents> contents_;
};

class MemoryFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, bool create) override {
    auto& contents = all_[path];
    if (!contents && !create) return fail(ErrorKind::not_found, path);
    if (!contents) contents = std::make_shared<MemoryContents>();
    return std::unique_ptr<File>(new MemoryFile(contents));
  }
  Result<Bytes> read_all(const std::string&, std::size_t) override { return fail(ErrorKind::unsupported, "in memory"); }
  Result<void> replace(const std::string&, ByteView) override { return fail(ErrorKind::unsupported, "in memory"); }
  Result<void> remove(const std::string&) override { return fail(ErrorKind::unsupported, "in memory"); }
  Result<void> make_folder(const std::string&) override { return {}; }
  Result<std::vector<std::string>> list(const std::string&) override { return fail(ErrorKind::unsupported, "in memory"); }
  bool exists(const std::string& path) override { return all_.contains(path); }

 private:
  std::map<std::string, std::shared_ptr<MemoryContents>> all_;
};

}  // namespace

std::unique_ptr<Files> memory_files() { return std::make_unique<MemoryFiles>(); }

}  // namespace careledger::vault
