#include "ordering/abci/signed_steps.h"

#include <optional>

#include "crypto/hash.h"
#include "proof/canonical.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kHeadSize = 8;  // the length, and its complement: a changed length is not taken for a record that was broken off
constexpr std::size_t kDigestSize = 32;
constexpr std::size_t kRecordMax = 4096;
constexpr std::uint64_t kGrowsTo = 256 * 1024;
constexpr std::size_t kFileMax = kGrowsTo + 2 * kRecordMax;

Bytes record_of(const signer::Signed& signed_last) {
  Bytes out;
  const Bytes body = proof::canonical_bytes(signed_last);
  const auto length = static_cast<std::uint32_t>(body.size());
  append_u32(out, length);
  append_u32(out, ~length);
  out += body;
  return out + crypto::sha256(out).bytes();
}

tl::unexpected<Error> unreadable(const std::string& path) {
  return fail(ErrorKind::corrupt, path + " does not read; what this validator signed last is not known");
}

// The record at the beginning of `in`, and takes it from there; nullopt when its end is missing.
Result<std::optional<signer::Signed>> take_record(ByteView& in, const std::string& path) {
  ByteView rest = in;
  const auto length = take_u32(rest), complement = take_u32(rest);
  if (!length || !complement) return std::nullopt;
  if (*length != ~*complement || *length > kRecordMax) return unreadable(path);
  const std::size_t size = kHeadSize + *length;
  if (in.size() < size + kDigestSize) return std::nullopt;
  if (crypto::sha256(in.substr(0, size)).bytes() != in.substr(size, kDigestSize)) return unreadable(path);
  auto record = proof::from_canonical<signer::Signed>(in.substr(kHeadSize, *length), "the record of what was signed", kRecordMax);
  if (!record) return unreadable(path);
  in.remove_prefix(size + kDigestSize);
  return std::move(*record);
}

}  // namespace

Result<void> SignedSteps::create(Files& files, const std::string& path, const signer::Signed& first) {
  if (files.exists(path)) return fail(ErrorKind::conflict, path + " is there: this validator has signed before");
  return files.replace(path, record_of(first));
}

Result<signer::Signed> SignedSteps::read(Files& files, const std::string& path) {
  CARELEDGER_TRY(const Bytes stored, files.read_all(path, kFileMax));
  std::optional<signer::Signed> newest;
  for (ByteView in = stored; !in.empty();) {
    CARELEDGER_TRY(auto record, take_record(in, path));
    if (!record) break;
    newest = std::move(record);
  }
  if (!newest) return unreadable(path);
  return std::move(*newest);
}

Result<SignedSteps> SignedSteps::open(Files& files, const std::string& path) {
  CARELEDGER_TRY(signer::Signed newest, read(files, path));
  const Bytes record = record_of(newest);
  SignedSteps steps(files, path, std::move(newest));
  CARELEDGER_TRY(steps.file_, files.open(path, false));
  CARELEDGER_TRY(steps.size_, steps.file_->size());
  if (steps.size_ != record.size()) CARELEDGER_CHECK(steps.begin_anew(record));
  return steps;
}

Result<void> SignedSteps::append(signer::Signed record) {
  if (!file_) return fail(ErrorKind::precondition, path_ + " could not be made durable: nothing is signed until this node is opened again");
  const Bytes bytes = record_of(record);
  if (size_ + bytes.size() > kGrowsTo) {
    CARELEDGER_CHECK(begin_anew(bytes));
  } else {
    auto done = file_->append(bytes);
    if (done) done = file_->sync();
    if (!done) {
      file_.reset();  // a failed sync is told once, and what came before it may be lost all the same
      return done;
    }
    size_ += bytes.size();
  }
  newest_ = std::move(record);
  return {};
}

Result<void> SignedSteps::begin_anew(ByteView record) {
  file_.reset();
  CARELEDGER_CHECK(files_->replace(path_, record));
  CARELEDGER_TRY(file_, files_->open(path_, false));
  size_ = record.size();
  return {};
}

}  // namespace careledger::ordering::abci
