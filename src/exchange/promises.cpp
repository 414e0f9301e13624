#include "exchange/promises.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "kernel/canonical.h"

namespace careledger::exchange {
namespace {

constexpr std::size_t kPromiseBytesMax = 4096;
constexpr std::size_t kFrameHead = 4 + crypto::kAeadNonceSize;
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

}  // namespace

Result<std::unique_ptr<PromiseBook>> PromiseBook::open(const std::string& path, vault::Keystore& keys, Files& files, Entropy& entropy) {
  CARELEDGER_TRY(const crypto::Secret root, keys.symmetric(vault::Purpose::relationships));
  Bytes derived = crypto::hkdf_sha256(root.view(), {}, kAssociated, crypto::kAeadKeySize);
  auto book = std::unique_ptr<PromiseBook>(new PromiseBook(crypto::Secret::copy_of(derived), entropy));
  crypto::wipe(derived);
  if (path.empty()) return book;
  CARELEDGER_TRY(book->file_, files.open(path, true));
  CARELEDGER_CHECK(book->load());
  return book;
}

// Frames: u32 length of what follows ‖ nonce (12) ‖ sealed promise.
Result<void> PromiseBook::load() {
  CARELEDGER_TRY(const std::uint64_t size, file_->size());
  std::uint64_t at = 0;
  while (at < size) {
    CARELEDGER_TRY(const Bytes head, file_->read(at, kFrameHead));
    ByteView in = head;
    const auto length = take_u32(in);
    if (!length || at + 4 + *length > size) break;  // torn
    if (*length < crypto::kAeadNonceSize + crypto::kAeadTagSize || *length > kPromiseBytesMax)
      return fail(ErrorKind::corrupt, "the file of promises does not read at byte " + std::to_string(at));
    CARELEDGER_TRY(const Bytes frame, file_->read(at + 4, *length));
    const ByteView view = frame;
    const auto plain = crypto::aead_open(key_, view.substr(0, crypto::kAeadNonceSize), kAssociated, view.substr(crypto::kAeadNonceSize));
    ledger::SignedPromise promise;
    auto row = plain && kernel::parse_canonical(*plain, promise) ? row_of(promise.promise()) : std::nullopt;
    if (!row)
      return fail(ErrorKind::corrupt, "the promise at byte " + std::to_string(at) + " does not open; restore the file or its keystore");
    known_.insert(std::move(*row));
    promises_.push_back(std::move(promise));
    at += 4 + *length;
  }
  if (at < size) CARELEDGER_CHECK(file_->truncate(at));
  return {};
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
