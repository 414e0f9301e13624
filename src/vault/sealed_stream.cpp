#include "vault/sealed_stream.h"

#include <cstdio>

#include "crypto/aead.h"
#include "crypto/hash.h"

namespace careledger::vault {
namespace {

constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kFrameMax = 128u << 20;

crypto::Secret stream_key(const crypto::Secret& key, ByteView header) {
  return crypto::hkdf_sha256(key.view(), header, "careledger/sealed-stream/1", crypto::kAeadKeySize);
}

Bytes nonce(std::uint64_t index, bool last) { return Bytes(3, '\0').append(1, last ? '\1' : '\0') + u64_bytes(index); }

}  // namespace

Result<SealedWriter> SealedWriter::create(const std::string& path, ByteView magic, const crypto::Secret& key, Entropy& entropy) {
  if (system_files().exists(path)) return fail(ErrorKind::conflict, path + " is there already: choose another name");
  SealedWriter writer;
  writer.path_ = path;
  writer.header_ = magic;
  append_u16(writer.header_, kFormat);
  writer.header_ += entropy.take(32);
  writer.key_ = stream_key(key, writer.header_);
  static_cast<void>(system_files().remove(path + ".part"));  // of an attempt that was cut off
  CARELEDGER_TRY(writer.file_, system_files().open(path + ".part", true));
  CARELEDGER_CHECK(writer.file_->append(writer.header_));
  writer.bytes_ = writer.header_.size();
  return writer;
}

Result<void> SealedWriter::write(ByteView frame, bool last) {
  Bytes out;
  append_field(out, crypto::aead_seal(key_, nonce(next_++, last), header_, frame));
  bytes_ += out.size();
  return file_->append(out);
}

Result<void> SealedWriter::put(ByteView frame) { return write(frame, false); }

Result<void> SealedWriter::finish(ByteView last) {
  CARELEDGER_CHECK(write(last, true));
  CARELEDGER_CHECK(file_->sync());
  if (std::rename((path_ + ".part").c_str(), path_.c_str()) != 0) return fail(ErrorKind::storage, "cannot name " + path_);
  return {};
}

Result<SealedReader> SealedReader::open(const std::string& path, ByteView magic, const crypto::Secret& key) {
  SealedReader reader;
  reader.path_ = path;
  CARELEDGER_TRY(reader.file_, system_files().open(path, false));
  const std::size_t header_size = magic.size() + 2 + 32;
  CARELEDGER_TRY(reader.header_, reader.file_->read(0, header_size));
  if (!ByteView(reader.header_).starts_with(magic) || reader.header_.size() != header_size) {
    return fail(ErrorKind::corrupt, path + " is not such a backup, or its beginning is damaged");
  }
  ByteView format = ByteView(reader.header_).substr(magic.size());
  if (*take_u16(format) > kFormat)
    return fail(ErrorKind::newer_format, path + " was written by a newer version of this program: run that version");
  reader.key_ = stream_key(key, reader.header_);
  reader.offset_ = header_size;
  return reader;
}

Result<Bytes> SealedReader::next(bool* last) {
  const auto damaged = [this] { return fail(ErrorKind::corrupt, path_ + " is damaged or cut short at byte " + std::to_string(offset_)); };
  CARELEDGER_TRY(const Bytes length, file_->read(offset_, 4));
  ByteView in = length;
  const auto size = take_u32(in);
  if (!size || *size > kFrameMax) return damaged();
  CARELEDGER_TRY(const Bytes sealed, file_->read(offset_ + 4, *size));
  auto plain = crypto::aead_open(key_, nonce(next_, false), header_, sealed);
  *last = false;
  if (!plain) {
    plain = crypto::aead_open(key_, nonce(next_, true), header_, sealed);
    *last = true;
  }
  if (!plain && next_ == 0)
    return fail(ErrorKind::wrong_key,
                path_ + " does not open under this keystore's backup key, or is damaged: bring the keystore of the same organisation");
  if (!plain) return damaged();
  ++next_;
  offset_ += 4 + *size;
  if (*last) {
    CARELEDGER_TRY(const std::uint64_t end, file_->size());
    if (end != offset_) return damaged();
  }
  return plain;
}

}  // namespace careledger::vault
