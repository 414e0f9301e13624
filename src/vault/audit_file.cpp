#include "vault/audit_file.h"

#include <algorithm>
#include <map>

#include "base/torn_end.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "vault/encoding.h"

namespace careledger::vault {
namespace {

constexpr ByteView kMagic = "careledger-audit";
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kKeySetIdSize = 16;
constexpr std::size_t kFrameMin = kKeySetIdSize + crypto::kAeadTagSize;
constexpr std::size_t kFrameMax = kAuditDetailsMax + 16 * 1024;
constexpr std::size_t kReadAhead = 512;  // most frames fit
constexpr std::size_t kReadTogether = 32 * 1024;
constexpr std::size_t kScanBytes = 1u << 20;

// Of a frame alone: who reads at a place says which entry and where.
tl::unexpected<Error> not_a_frame() { return fail(ErrorKind::corrupt, "no frame"); }

tl::unexpected<Error> bad_entry(const std::string& path, FilePlace place) {
  return fail(ErrorKind::corrupt, "audit entry " + std::to_string(place.index) + " at byte " + std::to_string(place.offset) + " of " +
                                      path + " was changed or is damaged");
}

tl::unexpected<Error> too_short(const std::string& path, std::uint64_t index, std::uint64_t held) {
  return fail(ErrorKind::corrupt, path + " ends before audit entry " + std::to_string(index) + ", but once held " + std::to_string(held) +
                                      " entries: it was cut or is an older copy");
}

crypto::Secret derived(const crypto::Secret& key, ByteView salt, ByteView info) {
  return crypto::hkdf_sha256(key.view(), salt, info, crypto::kAeadKeySize);
}

// Lets the header say whether this is the right key; tells nothing about it.
Bytes key_check(const crypto::Secret& audit_key, ByteView file_id) {
  return Bytes(derived(audit_key, file_id, "careledger/audit-check/1").view());
}

std::string nonce(std::uint64_t offset) { return Bytes(4, '\0') + u64_bytes(offset); }

}  // namespace

// Whole or not there at all.
Result<void> AuditFile::make(const crypto::Secret& audit_key, Entropy& entropy) {
  const Bytes file_id = entropy.take(32);
  Bytes header(kMagic);
  append_u16(header, kFormat);
  return files_.replace(path_, header + file_id + key_check(audit_key, file_id));
}

Result<void> AuditFile::read_header(const crypto::Secret& audit_key) {
  CARELEDGER_TRY(const Bytes header, reader_->read(0, kAuditHeaderBytes));
  if (!ByteView(header).starts_with(kMagic) || header.size() != kAuditHeaderBytes) {
    return fail(ErrorKind::corrupt, path_ + " is no audit file or its beginning is damaged");
  }
  ByteView in = ByteView(header).substr(kMagic.size());
  const auto format = take_u16(in);
  if (*format > kFormat) return fail(ErrorKind::newer_format, path_ + " was written by a newer version of this program: run that version");
  const auto file_id = take_bytes(in, 32);
  if (in != key_check(audit_key, *file_id)) {
    return fail(ErrorKind::wrong_key, path_ + " is sealed under another audit key, or its beginning was changed");
  }
  root_ = derived(audit_key, *file_id, "careledger/audit-file/1");
  return {};
}

std::shared_ptr<const AuditFile::KeySet> AuditFile::key_set(ByteView id) const { return std::make_shared<const KeySet>(root_, id); }

AuditFile::KeySet::KeySet(const crypto::Secret& root, ByteView name)
    : id(name), seal(derived(root, name, "careledger/audit-seal/1")), salts(derived(root, name, "careledger/audit-salt/1")) {}

void AuditFile::take_fresh_keys() { keys_ = key_set(entropy_->take(kKeySetIdSize)); }

Result<std::unique_ptr<AuditFile>> AuditFile::open(const std::string& path, Files& files, const crypto::Secret& audit_key,
                                                   const Expected& expected, Entropy& entropy,
                                                   const std::function<void(FilePlace, OpenedEntry)>& replay) {
  auto file = std::unique_ptr<AuditFile>(new AuditFile(path, files));
  file->entropy_ = &entropy;
  const std::uint64_t held = std::max(expected.known.index, expected.entries_min);
  if (!files.exists(path)) {
    if (held > 0) return fail(ErrorKind::corrupt, path + " is gone, but once held " + std::to_string(held) + " entries");
    CARELEDGER_CHECK(file->make(audit_key, entropy));
  }
  CARELEDGER_TRY(file->writer_, files.open(path, false));
  CARELEDGER_TRY(file->reader_, files.open(path, false));
  CARELEDGER_TRY(const std::uint64_t size, file->writer_->size());
  CARELEDGER_CHECK(file->read_header(audit_key));
  file->take_fresh_keys();
  if (size < expected.known.offset) return too_short(path, expected.known.index, held);
  CARELEDGER_CHECK(file->replay_from(expected.known, size, replay));
  CARELEDGER_CHECK(file->settle_end(size, expected.entries_min));
  return file;
}

Result<void> AuditFile::replay_from(FilePlace known, std::uint64_t size, const std::function<void(FilePlace, OpenedEntry)>& replay) {
  next_ = {known.index, std::max<std::uint64_t>(known.offset, kAuditHeaderBytes)};
  while (next_.offset < size) {
    std::uint64_t after = 0;
    auto entry = read(next_, &after);
    if (!entry && entry.error().kind != ErrorKind::corrupt) return tl::make_unexpected(std::move(entry.error()));
    if (!entry) return {};
    if (replay) replay(next_, std::move(*entry));
    next_ = {next_.index + 1, after};
  }
  return {};
}

// An append is acknowledged once all of it is durable, and only then the next one begins. So a frame behind the damage that belongs to a
// later append says that the damaged one was acknowledged: no crash did this.
Result<void> AuditFile::settle_end(std::uint64_t size, std::uint64_t entries_min) {
  const bool clean = next_.offset == size;
  if (next_.index < entries_min) return clean ? too_short(path_, next_.index, entries_min) : bad_entry(path_, next_);
  if (clean) return {};
  for (std::uint64_t from = next_.offset + 1;;) {
    CARELEDGER_TRY(const auto frame, find_frame(from));
    if (!frame) break;
    if (frame->append_first > next_.index) return bad_entry(path_, next_);
    from = frame->next_offset;
  }
  CARELEDGER_TRY(torn_bytes_, cut_torn_end(files_, path_, *writer_, next_.offset));
  return {};
}

FilePlace AuditFile::begin_append() {
  append_first_ = next_.index;
  return next_;
}

void AuditFile::seal_next(ByteView frame, Bytes& buffer) {
  Bytes plain;
  append_varint(plain, next_.index);
  append_varint(plain, next_.index - append_first_);
  plain += frame;
  const Bytes sealed = keys_->id + crypto::aead_seal(keys_->seal, nonce(next_.offset), kMagic, plain);
  append_field(buffer, sealed);
  next_.index += 1;
  next_.offset += 4 + sealed.size();
}

Result<void> AuditFile::write(ByteView buffer, FilePlace before) {
  if (!usable_) return fail(ErrorKind::storage, "the audit file failed before; restart the node once the disk is sound");
  if (auto appended = writer_->append(buffer); !appended) {
    next_ = before;
    take_fresh_keys();  // other entries will stand where these did, and some of these may lie on the disk
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

std::shared_ptr<const AuditFile::KeySet> AuditFile::keys_for(ByteView id) const {
  {
    const std::lock_guard lock(reader_mutex_);
    if (last_read_ && last_read_->id == id) return last_read_;
  }
  return key_set(id);
}

// The frame whose first bytes these are; the rest is read when they are too few.
Result<AuditFile::Frame> AuditFile::open_frame(std::uint64_t offset, ByteView from_there, Reading& reading) const {
  Bytes whole;
  ByteView in = from_there;
  const auto size = take_u32(in);
  if (!size || *size < kFrameMin || *size > kFrameMax) return not_a_frame();
  if (*size > in.size()) {
    CARELEDGER_TRY(whole, bytes_at(offset, 4 + *size));
    in = ByteView(whole).substr(std::min<std::size_t>(4, whole.size()));
    if (*size > in.size()) return not_a_frame();
  }
  if (const ByteView id = in.substr(0, kKeySetIdSize); !reading.keys || reading.keys->id != id) {
    reading.keys = keys_for(id);
    reading.salts = std::make_unique<crypto::HmacSha256>(reading.keys->salts.view());
  }
  const auto plain = crypto::aead_open(reading.keys->seal, nonce(offset), kMagic, in.substr(kKeySetIdSize, *size - kKeySetIdSize));
  if (!plain) return not_a_frame();
  in = *plain;
  const auto index = take_varint(in);
  const auto before = take_varint(in);
  if (!index || !before || *before > *index) return not_a_frame();
  auto opened = read_frame(*index, in, *reading.salts);
  if (!opened) return not_a_frame();
  const std::lock_guard lock(reader_mutex_);
  last_read_ = reading.keys;
  return Frame{std::move(*opened), *index - *before, offset, offset + 4 + *size};
}

Result<AuditFile::Frame> AuditFile::open_entry(FilePlace place, ByteView from_there, Reading& reading) const {
  auto frame = open_frame(place.offset, from_there, reading);
  if (!frame && frame.error().kind != ErrorKind::corrupt) return frame;
  if (!frame || frame->opened.recorded.index != place.index) return bad_entry(path_, place);
  return frame;
}

Result<OpenedEntry> AuditFile::read(FilePlace place, std::uint64_t* next_offset) const {
  CARELEDGER_TRY(const Bytes bytes, bytes_at(place.offset, kReadAhead));
  if (bytes.empty()) return fail(ErrorKind::not_found, "no such audit entry");
  Reading reading;
  CARELEDGER_TRY(Frame frame, open_entry(place, bytes, reading));
  if (next_offset != nullptr) *next_offset = frame.next_offset;
  return std::move(frame.opened);
}

Result<std::vector<OpenedEntry>> AuditFile::read_all(std::span<const FilePlace> places) const {
  Reading reading;
  std::vector<OpenedEntry> found;
  found.reserve(places.size());
  while (!places.empty()) {
    const std::uint64_t from = places.front().offset;
    std::size_t near = 1;
    while (near < places.size() && places[near].offset - from < kReadTogether) ++near;
    CARELEDGER_TRY(const Bytes block, bytes_at(from, places[near - 1].offset - from + kReadAhead));
    for (const FilePlace place : places.first(near)) {
      if (place.offset - from >= block.size()) return fail(ErrorKind::not_found, "no such audit entry");
      CARELEDGER_TRY(Frame frame, open_entry(place, ByteView(block).substr(place.offset - from), reading));
      found.push_back(std::move(frame.opened));
    }
    places = places.subspan(near);
  }
  return found;
}

Result<std::optional<AuditFile::Frame>> AuditFile::find_frame(std::uint64_t offset) const {
  Reading reading;
  for (;; offset += kScanBytes) {
    CARELEDGER_TRY(const Bytes bytes, bytes_at(offset, kScanBytes + 3));  // a length may begin in this part and end in the next
    for (std::size_t at = 0; at + 4 <= bytes.size() && at < kScanBytes; ++at) {
      ByteView in = ByteView(bytes).substr(at);
      const auto size = take_u32(in);
      if (*size < kFrameMin || *size > kFrameMax) continue;
      auto frame = open_frame(offset + at, ByteView(bytes).substr(at), reading);
      if (frame) return std::optional(std::move(*frame));
      if (frame.error().kind != ErrorKind::corrupt) return tl::make_unexpected(std::move(frame.error()));
    }
    if (bytes.size() < kScanBytes) return std::optional<Frame>();
  }
}

Result<std::optional<FilePlace>> AuditFile::find(std::uint64_t offset) const {
  CARELEDGER_TRY(const auto frame, find_frame(offset));
  if (!frame) return std::optional<FilePlace>();
  return std::optional(FilePlace{frame->opened.recorded.index, frame->offset});
}

Result<void> AuditFile::copy_to(File& out, std::uint64_t from, std::uint64_t size) const {
  for (std::uint64_t at = from; at < size;) {
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
  AuditFile file(path, files);
  CARELEDGER_TRY(file.reader_, files.open(path, false));
  CARELEDGER_TRY(const std::uint64_t size, file.reader_->size());
  CARELEDGER_CHECK(file.read_header(audit_key));
  FilePlace place{0, kAuditHeaderBytes};
  while (place.offset < size) {
    std::uint64_t next = 0;
    CARELEDGER_TRY(const OpenedEntry entry, file.read(place, &next));
    place = {place.index + 1, next};
  }
  return place.index;
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
    if (!create && !exists(path)) return fail(ErrorKind::not_found, path);
    auto& contents = all_[path];
    if (!contents) contents = std::make_shared<MemoryContents>();
    return std::unique_ptr<File>(new MemoryFile(contents));
  }
  Result<Bytes> read_all(const std::string&, std::size_t) override { return fail(ErrorKind::unsupported, "in memory"); }
  Result<void> replace(const std::string& path, ByteView contents) override {
    auto& there = all_[path];
    there = std::make_shared<MemoryContents>();
    there->bytes = contents;
    return {};
  }
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
