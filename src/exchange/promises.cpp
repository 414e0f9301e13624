#include "exchange/promises.h"

#include <algorithm>
#include <functional>

#include "base/torn_end.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "kernel/canonical.h"

namespace careledger::exchange {
namespace {

constexpr std::size_t kPromiseBytesMax = 4096;
constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kFrameMax = kLengthSize + kPromiseBytesMax;
constexpr std::uint64_t kReadTogether = 16 * kFrameMax;
constexpr ByteView kAssociated = "careledger/promises/1";

// The row of the custodian's audit map that a promise is about: one access, one promise. Nothing when it does not read.
std::optional<Bytes> row_of(ByteView signed_promise) {
  ledger::Promise promise;
  if (!kernel::parse_canonical(signed_promise, promise)) return std::nullopt;
  Bytes row = promise.custodian() + promise.subject();
  append_u64(row, promise.time_ms());
  append_u32(row, promise.number());
  return row;
}

struct Frame {
  ledger::SignedPromise promise;
  Bytes row;
  std::size_t size = 0;  // length and all
};

bool is_length(std::uint32_t length) { return length >= crypto::kAeadNonceSize + crypto::kAeadTagSize && length <= kPromiseBytesMax; }

// A frame: u32 length of what follows ‖ nonce (12) ‖ sealed promise. Nothing when there is none at the beginning of `in`.
std::optional<Frame> frame_of(const crypto::Secret& key, ByteView in) {
  const auto length = take_u32(in);
  if (!length || !is_length(*length) || *length > in.size()) return std::nullopt;
  const ByteView sealed = in.substr(crypto::kAeadNonceSize, *length - crypto::kAeadNonceSize);
  const auto plain = crypto::aead_open(key, in.substr(0, crypto::kAeadNonceSize), kAssociated, sealed);
  Frame frame;
  if (!plain || !kernel::parse_canonical(*plain, frame.promise)) return std::nullopt;
  auto row = row_of(frame.promise.promise());
  if (!row) return std::nullopt;
  frame.row = std::move(*row);
  frame.size = kLengthSize + *length;
  return frame;
}

// A promise is appended once the one before it is durable: a crash leaves at most the beginning of one frame, or as many bytes of something
// else, and never anything behind it.
bool is_torn(const crypto::Secret& key, ByteView end) {
  ByteView in = end;
  if (const auto length = take_u32(in); length && is_length(*length) && *length < in.size()) return false;
  for (std::size_t at = 1; at < end.size(); ++at)
    if (frame_of(key, end.substr(at))) return false;
  return true;
}

// Reads up to the first byte where no promise opens, or to `size`; returns that place.
Result<std::uint64_t> read_frames(const File& file, std::uint64_t size, const crypto::Secret& key, const std::function<void(Frame)>& each) {
  for (std::uint64_t at = 0;;) {
    CARELEDGER_TRY(const Bytes bytes, file.read(at, static_cast<std::size_t>(std::min(size - at, kReadTogether))));
    ByteView in = bytes;
    while (auto frame = frame_of(key, in)) {
      in.remove_prefix(frame->size);
      each(std::move(*frame));
    }
    if (in.size() == bytes.size()) return at;
    at += bytes.size() - in.size();
  }
}

tl::unexpected<Error> damaged(const std::string& path, std::uint64_t at) {
  return fail(ErrorKind::corrupt, "the promise at byte " + std::to_string(at) + " of " + path +
                                      " does not open: it was changed or is damaged, or the keystore is another one");
}

// The same, and what stands behind that place can only be an append that is under way, or that a crash broke off. Otherwise corrupt.
Result<std::uint64_t> read_sound(const File& file, const std::string& path, std::uint64_t size, const crypto::Secret& key,
                                 const std::function<void(Frame)>& each) {
  CARELEDGER_TRY(const std::uint64_t end, read_frames(file, size, key, each));
  if (end == size) return end;
  if (size - end > kFrameMax) return damaged(path, end);
  CARELEDGER_TRY(const Bytes rest, file.read(end, static_cast<std::size_t>(size - end)));
  if (!is_torn(key, rest)) return damaged(path, end);
  return end;
}

Result<crypto::Secret> sealing_key(vault::Keystore& keys) {
  CARELEDGER_TRY(const crypto::Secret root, keys.symmetric(vault::Purpose::relationships));
  return crypto::hkdf_sha256(root.view(), {}, kAssociated, crypto::kAeadKeySize);
}

}  // namespace

Result<std::unique_ptr<PromiseBook>> PromiseBook::open(const std::string& path, vault::Keystore& keys, Files& files, Entropy& entropy) {
  CARELEDGER_TRY(crypto::Secret key, sealing_key(keys));
  auto book = std::unique_ptr<PromiseBook>(new PromiseBook(std::move(key), entropy));
  if (path.empty()) return book;
  CARELEDGER_TRY(book->file_, files.open(path, true));
  CARELEDGER_CHECK(book->load(path, files));
  return book;
}

Result<void> PromiseBook::load(const std::string& path, Files& files) {
  CARELEDGER_TRY(const std::uint64_t size, file_->size());
  CARELEDGER_TRY(const std::uint64_t end, read_sound(*file_, path, size, key_, [this](Frame frame) {
                   known_.insert(std::move(frame.row));
                   promises_.push_back(std::move(frame.promise));
                 }));
  if (end == size) return {};
  CARELEDGER_TRY(torn_bytes_, cut_torn_end(files, path, *file_, end));
  return {};
}

Result<std::uint64_t> PromiseBook::verify(const std::string& path, vault::Keystore& keys, Files& files) {
  CARELEDGER_TRY(const crypto::Secret key, sealing_key(keys));
  CARELEDGER_TRY(const auto file, files.open(path, false));
  CARELEDGER_TRY(const std::uint64_t size, file->size());
  std::uint64_t count = 0;
  CARELEDGER_TRY(const std::uint64_t end, read_frames(*file, size, key, [&](const Frame&) { ++count; }));
  if (end != size) return damaged(path, end);
  return count;
}

Result<void> PromiseBook::copy(const std::string& path, const std::string& to, vault::Keystore& keys, Files& files) {
  CARELEDGER_TRY(const crypto::Secret key, sealing_key(keys));
  CARELEDGER_TRY(const auto in, files.open(path, false));
  CARELEDGER_TRY(const std::uint64_t size, in->size());
  CARELEDGER_TRY(const std::uint64_t end, read_sound(*in, path, size, key, [](const Frame&) {}));
  CARELEDGER_TRY(const auto out, files.open(to, true));
  for (std::uint64_t at = 0; at < end; at += kReadTogether) {
    CARELEDGER_TRY(const Bytes part, in->read(at, static_cast<std::size_t>(std::min(end - at, kReadTogether))));
    CARELEDGER_CHECK(out->append(part));
  }
  return out->sync();
}

Result<void> PromiseBook::write(ByteView plain) {
  if (!file_) return {};
  if (broken_) return fail(ErrorKind::storage, "the file of promises failed before; restart the node");
  const Bytes nonce = entropy_.take(crypto::kAeadNonceSize);
  const Bytes sealed = crypto::aead_seal(key_, nonce, kAssociated, plain);
  Bytes frame = u32_bytes(static_cast<std::uint32_t>(nonce.size() + sealed.size()));
  frame.append(nonce).append(sealed);
  auto written = file_->append(frame);
  if (written) written = file_->sync();
  if (!written) broken_ = true;
  return written;
}

Result<void> PromiseBook::keep(const ledger::SignedPromise& promise) {
  const Bytes plain = kernel::encode(promise);
  if (plain.size() > kPromiseBytesMax / 2) return fail(ErrorKind::too_large, "a promise is larger than any honest one");
  auto row = row_of(promise.promise());
  if (!row) return fail(ErrorKind::malformed, "a promise that does not read");
  const std::lock_guard lock(mutex_);
  if (known_.contains(*row)) return fail(ErrorKind::conflict, "the custodian promised one access for two answers");
  CARELEDGER_CHECK(write(plain));
  known_.insert(std::move(*row));
  promises_.push_back(promise);
  return {};
}

std::vector<ledger::SignedPromise> PromiseBook::of(const OrganisationId& custodian) const {
  const std::lock_guard lock(mutex_);
  std::vector<ledger::SignedPromise> found;
  for (const ledger::SignedPromise& promise : promises_) {
    ledger::Promise read;
    if (kernel::parse_canonical(promise.promise(), read) && read.custodian() == custodian.view()) found.push_back(promise);
  }
  return found;
}

std::vector<ledger::SignedPromise> PromiseBook::all() const {
  const std::lock_guard lock(mutex_);
  return promises_;
}

std::size_t PromiseBook::size() const {
  const std::lock_guard lock(mutex_);
  return promises_.size();
}

}  // namespace careledger::exchange
