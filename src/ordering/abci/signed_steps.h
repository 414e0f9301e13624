// What a validator signed last, in an append-only file whose newest record counts: one sync a signature, and no new file.
//
// A record: u32 length ‖ u32 its complement ‖ canonical Signed ‖ SHA-256 of all that (docs/formats/network.md). A crash may leave the
// beginning of the record that was being appended, for which no signature has left: it is dropped. A record that is there whole and does
// not read is damage, since a file grows no earlier than what stands in it: then nobody knows what was signed. When it is opened, and now
// and then while it grows, the file is replaced by its newest record alone.
//
// Thread-safety: one thread at a time. Errors: storage, and what is named.
#pragma once

#include <memory>
#include <string>

#include "base/files.h"
#include "ordering/abci/signer.pb.h"

namespace careledger::ordering::abci {

class SignedSteps {
 public:
  static Result<void> create(Files& files, const std::string& path, const signer::Signed& first);  // durable; conflict: it is there
  static Result<signer::Signed> read(Files& files, const std::string& path);                       // the newest; not_found, corrupt
  static Result<SignedSteps> open(Files& files, const std::string& path);                          // not_found, corrupt. Borrows files

  const signer::Signed& newest() const { return newest_; }
  // Durable before it returns. After a failure nobody knows whether it is there, and nothing more is taken (precondition).
  Result<void> append(signer::Signed record);

 private:
  SignedSteps(Files& files, std::string path, signer::Signed newest) : files_(&files), path_(std::move(path)), newest_(std::move(newest)) {}
  Result<void> begin_anew(ByteView record);

  Files* files_;
  std::string path_;
  signer::Signed newest_;
  std::unique_ptr<File> file_;  // null after a failure
  std::uint64_t size_ = 0;
};

}  // namespace careledger::ordering::abci
