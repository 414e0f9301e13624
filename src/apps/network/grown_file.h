// The file by which an embedded ledger's owner hands its state to those who come: ordering/grown.h with the pieces of the snapshot behind
// it.
//
//   "careledger-grown/1\n", u32 size, Grown; then of each piece u32 size, piece
//
// Nothing in it is believed for standing in it: headers are signed, each piece proves itself against the seal.
//
// Thread-safety: one thread a file.
#pragma once

#include <optional>
#include <string>

#include "apps/layout.h"
#include "apps/network/sized_parts.h"
#include "base/files.h"
#include "ordering/grown.h"
#include "replica/snapshot.h"

namespace careledger::apps::network {

// Whole and durable when it returns well; written anew when it was there.
Result<void> write_grown_file(Files& files, const std::string& path, ByteView grown, const replica::SnapshotReader& state);

class GrownFile {
 public:
  // not_found; malformed, newer_format, invalid as ordering::decode_grown(), with the path before what is wrong.
  static Result<GrownFile> open(Files& files, const std::string& path);
  const Bytes& bytes() const { return bytes_; }  // of the Grown
  const ordering::Grown& grown() const { return grown_; }
  Result<std::optional<Bytes>> next_piece();  // nullopt after the last; malformed: cut off, or larger than a piece

 private:
  explicit GrownFile(SizedParts parts) : parts_(std::move(parts)) {}
  SizedParts parts_;
  Bytes bytes_;
  ordering::Grown grown_;
};

// What a member that grew, or came when the ledger grew, keeps of it (DIR/grown.pb); not_found says what to do.
Result<ordering::Grown> kept_grown(const Layout& layout);

// In lines, for people and for comparing: DIR/founding.txt.
std::string grown_text(ByteView grown, const ordering::Grown& parts);

}  // namespace careledger::apps::network
